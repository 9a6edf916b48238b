"""What is shipped in `dashboards/` for Prometheus and Alertmanager, read for the tests that judge it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

DASHBOARDS = Path(__file__).parents[2] / "dashboards"
RULE_FILES = sorted((DASHBOARDS / "rules").glob("*.rules.yml"))
RULE_TESTS = sorted((DASHBOARDS / "rules" / "tests").glob("*.test.yml"))
ALERTMANAGER = DASHBOARDS / "alertmanager" / "alertmanager.yml"
RUNBOOKS = DASHBOARDS / "runbooks"

# A selector by the name of one of our families, or of a recording rule, and its matchers.
SELECTOR = re.compile(r"\b(mailsonar[_:][a-zA-Z0-9_:]+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"([^\"]*)\"")


@cache
def read(path: Path) -> Any:
    """Return a file's YAML."""
    return yaml.safe_load(path.read_text())


def rules() -> list[dict[str, Any]]:
    """Return all rules as they stand in the files."""
    return [rule for path in RULE_FILES for group in read(path)["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Return the rules that alert; some share a name."""
    return [rule for rule in rules() if "alert" in rule]


def alert_names() -> list[str]:
    """Return the names of all alerts, each once."""
    return sorted({alert["alert"] for alert in alerts()})


def recorded() -> set[str]:
    """Return the names of all series that rules record."""
    return {rule["record"] for rule in rules() if "record" in rule}


def selectors(text: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each selector of our series in a text: its name, and label and value of its matchers."""
    for name, matchers in SELECTOR.findall(text):
        yield name, MATCHER.findall(matchers)


def expectations() -> Iterator[dict[str, Any]]:
    """Yield what promtool's tests expect: a time, an alert's name and the alerts that fire."""
    for path in RULE_TESTS:
        for test in read(path)["tests"]:
            yield from test.get("alert_rule_test", ())
