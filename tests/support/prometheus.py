"""A private Prometheus: scrapes what a test names, evaluates rules, tells an Alertmanager, and answers queries.

It needs five seconds before it knows its targets and its Alertmanager, however short its intervals are. What fires in
that time is lost, so alerts are told again soon: an alert that is not told again ends after four such times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.support.http_program import HttpProgram

RESEND_DELAY = "5s"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusSetup:
    """What a Prometheus works on.

    `folder` exists, and takes its files; `jobs` are the targets (host:port) by job; `interval` is how often it scrapes
    and evaluates the rules, as its config has it; `alertmanager` is a host:port.
    """

    folder: Path
    jobs: Mapping[str, Sequence[str]]
    interval: str = "1s"
    rule_files: Sequence[Path] = ()
    alertmanager: str | None = None

    def config(self) -> dict[str, Any]:
        """Return the config file's content."""
        managers = [{"static_configs": [{"targets": [self.alertmanager]}]}] if self.alertmanager else []
        return {
            "global": {
                "scrape_interval": self.interval,
                "scrape_timeout": self.interval,
                "evaluation_interval": self.interval,
            },
            "rule_files": [str(rule_file) for rule_file in self.rule_files],
            "alerting": {"alertmanagers": managers},
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": list(targets)}]} for job, targets in self.jobs.items()
            ],
        }


@dataclass(frozen=True, slots=True)
class Series:
    """One element of a query's answer; a scalar has no labels."""

    labels: dict[str, str]
    value: float


class Prometheus(HttpProgram):
    """Runs as long as its `async with` block lasts."""

    def __init__(self, setup: PrometheusSetup) -> None:
        super().__init__("prometheus", "prometheus", setup.folder)
        self._setup = setup

    def _arguments(self) -> Sequence[str]:
        config_file = self._folder / "prometheus.yml"
        config_file.write_text(yaml.safe_dump(self._setup.config(), sort_keys=False))
        return (
            f"--config.file={config_file}",
            f"--storage.tsdb.path={self._folder / 'prometheus-data'}",
            f"--web.listen-address={self.address}",
            f"--rules.alert.resend-delay={RESEND_DELAY}",
        )

    async def query(self, expression: str) -> list[Series]:
        """Return what an instant query finds now.

        Raises:
            AssertionError: Prometheus does not understand it; the message says why.
        """
        data = (await self.json("/api/v1/query", query=expression))["data"]
        if data["resultType"] == "scalar":
            return [Series({}, float(data["result"][1]))]
        assert data["resultType"] == "vector", f"{expression} gives a {data['resultType']}"
        return [Series(one["metric"], float(one["value"][1])) for one in data["result"]]

    async def until(
        self, expression: str, predicate: Callable[[list[Series]], bool] = bool, timeout_seconds: float = 30.0
    ) -> list[Series]:
        """Ask until the predicate holds for the answer; by default, until there is one.

        Raises:
            AssertionError: it did not in time; the message carries the last answer.
        """
        last: list[Series] = []

        async def satisfied() -> bool:
            nonlocal last
            last = await self.query(expression)
            return predicate(last)

        try:
            await self.poll(satisfied, f"for an answer to {expression}", timeout_seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\nlast answer: {last}") from None
        return last

    async def rules(self) -> list[dict[str, Any]]:
        """Return every rule of every group with its state and health, as the API has it."""
        groups = (await self.json("/api/v1/rules"))["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    async def alerts(self) -> list[dict[str, Any]]:
        """Return every alert that is pending or firing, as the API has it."""
        alerts: list[dict[str, Any]] = (await self.json("/api/v1/alerts"))["data"]["alerts"]
        return alerts
