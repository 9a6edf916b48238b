"""The numbers of the agent itself: its lags, restarts, config, build and shard."""

from __future__ import annotations

import platform
from collections import Counter
from math import inf

from mailsonar import __version__
from mailsonar.model.shard import Shard
from mailsonar.observe import families as f
from mailsonar.observe.families import Subject
from mailsonar.observe.histogram import Histogram
from mailsonar.observe.lines import Lines, Tally

LAG_BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, inf)


class AgentHealth(Tally):
    """What the agent notes of itself."""

    subject = Subject.AGENT

    def __init__(self, shard: Shard) -> None:
        super().__init__(())
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

    def show(self, lines: Lines) -> None:
        """Add the agent's samples; a version's local part (PEP 440) is the revision it was built from."""
        lines.add_histogram(f.SCHEDULE_LAG, self.schedule_lag)
        lines.add_histogram(f.LOOP_LAG, self.loop_lag)
        for task, count in self.task_restarts.items():
            lines.add(f.TASK_RESTARTS, count, task)
        lines.add(f.JOURNAL_FAILURES, self.journal_failures)
        lines.add(f.RELOAD_SUCCESSFUL, self._reload_successful)
        lines.add(f.RELOAD_TIMESTAMP, self._reload_wall)
        version, _, revision = __version__.partition("+")
        lines.add(f.BUILD_INFO, 1.0, version, revision, platform.python_version())
        lines.add(f.SHARD_INFO, 1.0, str(self._shard.index), str(self._shard.total))
