"""The harness around the agent's metrics: a real Prometheus and a real Alertmanager, which notify the test."""

from __future__ import annotations

import pytest
import yaml
from tests.support.alertmanager import Alertmanager
from tests.support.prometheus import Prometheus, PrometheusSetup
from tests.support.webhook import Webhook

RULES = {
    "groups": [
        {
            "name": "own",
            "rules": [
                {"record": "one", "expr": "vector(1)"},
                {"alert": "Always", "expr": "one == 1", "labels": {"severity": "page"}},
            ],
        }
    ]
}


async def test_an_alert_goes_from_a_rule_to_the_webhook(tmp_path):
    """What Prometheus finds reaches the test by way of Alertmanager, labels and all."""
    rule_file = tmp_path / "rules.yml"
    rule_file.write_text(yaml.safe_dump(RULES))
    async with Webhook() as webhook:
        config = {
            "route": {"receiver": "all", "group_wait": "0s"},
            "receivers": [{"name": "all", "webhook_configs": [{"url": webhook.url}]}],
        }
        async with Alertmanager(tmp_path, config) as manager:
            setup = PrometheusSetup(
                folder=tmp_path,
                jobs={"manager": [manager.address]},
                rule_files=[rule_file],
                alertmanager=manager.address,
            )
            async with Prometheus(setup) as prometheus:
                assert (await prometheus.until('up{job="manager"}'))[0].value == 1
                await webhook.until(lambda: bool(webhook.firing()), 20, "the alert")
                assert {rule["name"]: rule["health"] for rule in await prometheus.rules()} == {
                    "one": "ok",
                    "Always": "ok",
                }
                assert [alert["state"] for alert in await prometheus.alerts()] == ["firing"]
                with pytest.raises(AssertionError, match="parse error"):
                    await prometheus.query("sum(")
    (notice,) = webhook.firing()
    assert (notice.receiver, notice.labels) == ("all", {"alertname": "Always", "severity": "page"})
