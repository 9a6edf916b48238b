"""The shipped rules and the shipped Alertmanager example in a world that turns faster: times divided by one factor.

Which times: `for`, ranges, offsets, steps, the waits of notifications, and what is compared with the interval of
a route. Thresholds of what is measured stay as they are, and so do dates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

_UNIT_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_PART = re.compile(r"([0-9]+)(ms|[smhdw])")
_DURATION = re.compile(r"(?<=\[|:)(?:[0-9]+(?:ms|[smhdw]))+(?=[\]:])|(?<=offset )(?:[0-9]+(?:ms|[smhdw]))+")
_INTERVAL = "mailsonar_probe_interval_seconds"
_OF_INTERVAL = re.compile(rf"(?<={_INTERVAL} <= )[0-9]+|[0-9]+(?= / {_INTERVAL})")


def shortened_rules(rule_file: Path, factor: int, without: Iterable[str] = ()) -> dict[str, Any]:
    """Return the content of a rule file; its groups are evaluated as often as Prometheus' own config says.

    Args:
        rule_file: as shipped.
        factor: by what times are divided.
        without: the names of alerts to leave out.
    """
    content: dict[str, Any] = yaml.safe_load(rule_file.read_text())
    for group in content["groups"]:
        group.pop("interval", None)
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") not in without]
        for rule in group["rules"]:
            _shorten(rule, ("for", "keep_firing_for"), factor)
            rule["expr"] = shortened_expression(str(rule["expr"]), factor)
    return content


def shortened_expression(expression: str, factor: int) -> str:
    """Return a query with its times shortened."""
    shorter = _DURATION.sub(lambda found: _shortened(found[0], factor), expression)
    return _OF_INTERVAL.sub(lambda found: f"({found[0]} / {factor})", shorter)


def shortened_notification(example: Path, factor: int, webhook_url: str) -> dict[str, Any]:
    """Return the content of an Alertmanager's config that notifies a webhook in the place of all its receivers."""
    content: dict[str, Any] = yaml.safe_load(example.read_text())
    _shorten_route(content["route"], factor)
    for receiver in content["receivers"]:
        assert receiver.keys() == {"name", "webhook_configs"}, f"cannot take the place of {receiver}"
        for webhook in receiver["webhook_configs"]:
            webhook["url"] = webhook_url
    return content


def _shorten_route(route: dict[str, Any], factor: int) -> None:
    _shorten(route, ("group_wait", "group_interval", "repeat_interval"), factor)
    for below in route.get("routes", ()):
        _shorten_route(below, factor)


def _shorten(section: dict[str, Any], keys: Iterable[str], factor: int) -> None:
    for key in keys:
        if key in section:
            section[key] = _shortened(section[key], factor)


def _shortened(duration: str, factor: int) -> str:
    """Return a duration of Prometheus' in whole milliseconds; nothing that takes time becomes nothing."""
    milliseconds = sum(int(number) * _UNIT_MILLISECONDS[unit] for number, unit in _PART.findall(duration))
    return f"{-(-milliseconds // factor)}ms"
