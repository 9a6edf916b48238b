"""A private Alertmanager: one alone, without a cluster, on the config that a test gives it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from tests.support.http_program import HttpProgram


class Alertmanager(HttpProgram):
    """Runs as long as its `async with` block lasts.

    Args:
        folder: an existing folder for its files.
        config: the content of its config file.
    """

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        super().__init__("prometheus-alertmanager", "prometheus-alertmanager", folder)
        self._config = config

    def _arguments(self) -> Sequence[str]:
        config_file = self._folder / "alertmanager.yml"
        config_file.write_text(yaml.safe_dump(self._config, sort_keys=False))
        return (
            f"--config.file={config_file}",
            f"--storage.path={self._folder / 'alertmanager-data'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",
        )

    async def alerts(self) -> list[dict[str, Any]]:
        """Return every alert that it holds, with its state and by what it is inhibited, as the API has it."""
        alerts: list[dict[str, Any]] = await self.json("/api/v2/alerts")
        return alerts
