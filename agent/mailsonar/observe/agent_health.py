"""The numbers of the agent itself: its lags, restarts, config, build and shard."""

from __future__ import annotations

import platform
from collections import Counter

from mailsonar import __version__
from mailsonar.model.shard import Shard
from mailsonar.observe import families as f
from mailsonar.observe.exposition import Exposition, Histogram

LAG_BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)


class AgentHealth:
    """What the agent notes of itself."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self.schedule_lag = Histogram(LAG_BOUNDS)
        self.loop_lag = Histogram(LAG_BOUNDS)
        self.task_restarts: Counter[str] = Counter()
        self.journal_failures = 0
        self._reload_successful: bool | None = None
        self._reload_wall: float | None = None

    def config_reloaded(self, *, successful: bool, now_wall: float) -> None:
        """Note whether the config was accepted; the time of the last accepted one stays."""
        self._reload_successful = successful
        if successful:
            self._reload_wall = now_wall

    def show(self, page: Exposition) -> None:
        """Add the agent's samples; a version's local part (PEP 440) is the revision it was built from."""
        page.add_histogram(f.SCHEDULE_LAG, (), self.schedule_lag)
        page.add_histogram(f.LOOP_LAG, (), self.loop_lag)
        for task, count in self.task_restarts.items():
            page.add(f.TASK_RESTARTS, (task,), count)
        page.add(f.JOURNAL_FAILURES, (), self.journal_failures)
        page.add(f.RELOAD_SUCCESSFUL, (), self._reload_successful)
        page.add(f.RELOAD_TIMESTAMP, (), self._reload_wall)
        version, _, revision = __version__.partition("+")
        page.add(f.BUILD_INFO, (version, revision, platform.python_version()), 1.0)
        page.add(f.SHARD_INFO, (str(self._shard.index), str(self._shard.total)), 1.0)
