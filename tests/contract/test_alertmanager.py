"""The example for Alertmanager never tells of broken mail by mail, and holds back only what something else explains."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.support import alerting

CONFIG: dict[str, Any] = alerting.read(alerting.ALERTMANAGER)
GIVEN_BY_PROMETHEUS = {"job", "instance"}


def keys(value: Any) -> Iterator[str]:
    """Yield all keys of a document, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def named_by(matchers: list[str]) -> set[str]:
    """Return the alerts that matchers select."""
    for matcher in matchers:
        label, operator, value = re.fullmatch(r'(\w+)\s*(=~|=)\s*"?([^"]*)"?', matcher).groups()  # type: ignore[union-attr]
        if label == "alertname":
            pattern = value if operator == "=~" else re.escape(value)
            return {name for name in alerting.alert_names() if re.fullmatch(pattern, name)}
    return set(alerting.alert_names())


def test_nothing_goes_by_e_mail() -> None:
    """What tells of broken mail must not need it."""
    assert not [key for key in keys(CONFIG) if "email" in key or "smtp" in key]


def test_every_alert_that_is_named_exists() -> None:
    """A route or an inhibition of a misspelt alert does nothing."""
    for rule in CONFIG["inhibit_rules"]:
        assert named_by(rule["source_matchers"]), rule
        assert named_by(rule["target_matchers"]), rule
    text = alerting.ALERTMANAGER.read_text()
    for names in re.findall(r'alertname =~? "?([A-Za-z|]+)', text):
        assert set(names.split("|")) - {"Route"} <= set(alerting.alert_names())


def test_an_inhibition_rests_on_labels_that_its_source_always_has() -> None:
    """A label that both sides lack counts as equal: such a rule would hold back what has nothing to do with it."""
    fired: dict[str, list[set[str]]] = {}
    for expected in alerting.expectations():
        for alert in expected["exp_alerts"]:
            fired.setdefault(expected["alertname"], []).append(set(alert["exp_labels"]))
    for rule in CONFIG["inhibit_rules"]:
        if "alertname" in rule["equal"]:
            continue
        for source in named_by(rule["source_matchers"]):
            for labels in fired[source]:
                assert set(rule["equal"]) - GIVEN_BY_PROMETHEUS <= labels, (source, rule)


def test_causes_hold_back_effects_from_agent_to_route() -> None:
    """One outage is one page: the agent explains its routes, the provider its servers, a server its routes."""
    chain = {
        (source, target)
        for rule in CONFIG["inhibit_rules"]
        if "alertname" not in rule["equal"]  # the same alert, but worse
        for source in named_by(rule["source_matchers"])
        for target in named_by(rule["target_matchers"])
    }
    assert chain >= {
        ("AgentDown", "ServerDown"),
        ("AgentDown", "RouteStale"),
        ("AgentDown", "ShardMissing"),
        ("ProviderOutage", "ServerDown"),
        ("ProviderOutage", "RouteDown"),
        ("ServerDown", "RouteDown"),
        ("CertificateInvalid", "RouteDown"),
        ("AuthenticationRejected", "RouteDown"),
    }
    assert ("RouteDown", "ServerDown") not in chain
