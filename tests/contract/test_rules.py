"""Rules name what exists, keep the labels of customers, and lead whoever is paged on; promtool runs them elsewhere."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import pytest
from tests.support import alerting

from mailsonar.model.fault import Reason
from mailsonar.model.oauth2 import TokenResult
from mailsonar.model.result import Outcome
from mailsonar.model.stage import Leg, Stage
from mailsonar.observe.families import FAMILIES, Kind

DASHBOARD_IDS = {"mailsonar-noc", "mailsonar-customer", "mailsonar-route", "mailsonar-tls", "mailsonar-agent"}
TARGET_LABELS = {"job", "instance"}
CLOSED = {"leg": Leg, "stage": Stage, "reason": Reason, "outcome": Outcome}
ASKED_FOR = {
    "RouteDown", "RouteSlow", "MessagesLost", "MessagesBounced", "ServerDown", "ProviderOutage",
    "AuthenticationRejected", "TokenExpiring", "CertificateExpiring", "CertificateInvalid", "MaildropFilling",
    "RouteStale", "AgentDown", "AgentLagging", "ConfigReloadFailed", "Watchdog", "ErrorBudgetBurn",
}  # fmt: skip

each_rule = pytest.mark.parametrize("rule", alerting.rules(), ids=lambda rule: rule.get("alert") or rule["record"])
each_alert = pytest.mark.parametrize("alert", alerting.alerts(), ids=lambda alert: alert["alert"])


def family_of(series: str) -> str:
    """Return the family that a series belongs to."""
    histograms = {family.name for family in FAMILIES if family.kind is Kind.HISTOGRAM}
    stem = re.sub(r"_(bucket|sum|count)$", "", series)
    return stem if stem in histograms else series


def test_every_outage_that_is_promised_has_its_alert() -> None:
    """An alert that is renamed is one that nobody's routing knows."""
    assert set(alerting.alert_names()) >= ASKED_FOR


def test_rule_files_stay_short() -> None:
    """A file is one idea, in YAML, too."""
    assert alerting.RULE_FILES
    for path in (*alerting.RULE_FILES, *alerting.RULE_TESTS):
        assert len(path.read_text().splitlines()) <= 250, path.name


@each_rule
def test_a_rule_names_series_that_exist_by_labels_that_they_have(rule: dict[str, Any]) -> None:
    """A misspelt metric, label or value is an alert that never fires."""
    families = {family.name: {*family.label_names(()), *TARGET_LABELS} for family in FAMILIES}
    texts = [rule["expr"], *rule.get("annotations", {}).values()]
    for name, matchers in (found for text in texts for found in alerting.selectors(text)):
        if name not in alerting.recorded() and name not in DASHBOARD_IDS:
            assert family_of(name) in families, name
            assert {label for label, _ in matchers} <= families[family_of(name)], name
        for label, value in matchers:
            if label in CLOSED and not re.search(r"[%.]", value):
                assert set(value.split("|")) <= set(CLOSED[label]), f"{name}: {label}={value}"


def test_the_results_of_asking_for_tokens_are_those_that_rules_know() -> None:
    """All that is not `ok` counts as a refusal."""
    assert "ok" in set(TokenResult)


@each_rule
def test_no_rule_names_a_declared_label(rule: dict[str, Any]) -> None:
    """Which labels routes have is their operator's to say: rules keep them all, whatever they are called."""
    assert not re.search(r"\b(customer|site)\b(?!s|')", rule["expr"])


@each_alert
def test_an_alert_tells_how_bad_what_and_where_to_go_on(alert: dict[str, Any]) -> None:
    """Who is paged at 3 a.m. finds the figure, the runbook and the dashboard in the page itself."""
    told = alert["annotations"]
    assert set(alert["labels"]) == {"severity"}
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(told) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert "ustomer" in told["description"]
    page = f"{alert['alert']}.md"
    assert told["runbook_url"] == f"https://github.com/mailsonar/mailsonar/blob/main/dashboards/runbooks/{page}"
    assert (alerting.RUNBOOKS / page).is_file()
    found = re.match(
        r"https://grafana\.example\.com/d/([a-z-]+)(\?var-[a-z]+=\{\{ urlquery [^?&]+ \}\})?$", told["dashboard_url"]
    )
    assert found
    assert found[1] in DASHBOARD_IDS


def test_of_every_alert_it_is_shown_that_it_fires_in_each_severity_and_that_it_does_not() -> None:
    """An alert that was never seen firing may never fire; one that was never seen silent may never be."""
    fires, silent = defaultdict(set), set()
    for expected in alerting.expectations():
        name = expected["alertname"]
        fires[name] |= {alert["exp_labels"]["severity"] for alert in expected["exp_alerts"]}
        if not expected["exp_alerts"]:
            silent.add(name)
    for alert in alerting.alerts():
        assert alert["labels"]["severity"] in fires[alert["alert"]], alert["alert"]
    assert silent == set(alerting.alert_names()) - {"Watchdog"}


def test_after_every_alert_that_fires_it_is_shown_to_end() -> None:
    """An alert that stays when all is well again is soon believed by nobody."""
    ended, firing = set(), set()
    for expected in alerting.expectations():
        if expected["exp_alerts"]:
            firing.add(expected["alertname"])
        elif expected["alertname"] in firing:
            ended.add(expected["alertname"])
            firing.discard(expected["alertname"])
    assert ended == set(alerting.alert_names()) - {"Watchdog"}


def test_the_readme_names_every_alert_and_what_to_replace() -> None:
    """Whoever loads the rules knows what they will hear, and points the links to places of his own."""
    readme = (alerting.DASHBOARDS / "README.md").read_text(encoding="utf-8")
    for path in alerting.RULE_FILES:
        [row] = re.findall(rf"^\| `{path.name}` \| (.*) \|$", readme, re.MULTILINE)
        named = {rule["alert"] for group in alerting.read(path)["groups"] for rule in group["rules"] if "alert" in rule}
        assert set(re.findall(r"`(\w+)`", row)) == named
    assert "s#https://grafana.example.com#" in readme
    assert "s#https://github.com/mailsonar/mailsonar/blob/main/dashboards/runbooks#" in readme
