"""Prometheus' and Alertmanager's own tools judge what is shipped for them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from tests.support import alerting


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end."""
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)


def test_promtool_finds_no_fault_in_the_rules() -> None:
    """Syntax, templates and duplicates."""
    found = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *alerting.RULE_FILES)
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count("SUCCESS") == len(alerting.RULE_FILES)


@pytest.mark.parametrize("path", alerting.RULE_TESTS, ids=lambda path: path.name)
def test_alerts_fire_stay_silent_and_end(path: Path) -> None:
    """Each alert fires when it should, with labels and words, not a failed probe sooner, and ends."""
    found = run("promtool", "test", "rules", path)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_queries_of_the_runbooks_are_sound(tmp_path: Path) -> None:
    """What a runbook tells to type is PromQL."""
    queries = [
        line.split("'")[1]
        for page in alerting.RUNBOOKS.glob("*.md")
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("$ promtool query")
    ]
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": rules}]}))
    found = run("promtool", "check", "rules", file)
    assert found.returncode == 0, found.stdout + found.stderr
    assert len(queries) > len(alerting.alert_names())


def test_amtool_finds_no_fault_in_the_example() -> None:
    """Alertmanager would start with it."""
    found = run("amtool", "check-config", alerting.ALERTMANAGER)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("alertname=Watchdog severity=info", "dead-mans-switch"),
        ("alertname=AgentDown severity=critical", "pager"),
        ("alertname=ShardMissing severity=critical total=3", "pager"),
        ("alertname=ShardMismatch severity=warning index=0 total=3", "chat"),
        ("alertname=ProviderOutage severity=critical provider=google", "pager"),
        ("alertname=ServerDown severity=critical server=mx:25 customer=acme", "acme-webhook,pager"),
        ("alertname=ServerDown severity=critical server=mx:25 customer=contoso", "pager"),
        ("alertname=RouteDown severity=critical customer=acme", "acme-webhook,pager"),
        ("alertname=RouteDown severity=critical", "pager"),
        ("alertname=RouteSlow severity=warning customer=acme", "acme-webhook,chat"),
        ("alertname=RouteSlow severity=warning customer=contoso", "chat"),
        ("alertname=PlaintextAuthOffered severity=info customer=acme", "chat"),
    ],
)
def test_alerts_reach_whom_they_concern(labels: str, receivers: str) -> None:
    """Pages go to the pager, the rest to the chat, a customer's own to the customer, too."""
    arguments = [f"--config.file={alerting.ALERTMANAGER}", *labels.split(), f"--verify.receivers={receivers}"]
    found = run("amtool", "config", "routes", "test", *arguments)
    assert found.returncode == 0, found.stdout + found.stderr
