"""Those who watch the probes of one agent."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from mailsonar.clock import Clock
from mailsonar.model.observer import Observer
from mailsonar.model.shard import Shard
from mailsonar.observe.history import History
from mailsonar.observe.interpreter import interpreter_registry
from mailsonar.observe.logs import LogObserver
from mailsonar.observe.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Board:
    """Metrics, history, and log; `registry` has what the process and the interpreter tell of themselves."""

    registry: CollectorRegistry
    metrics: Metrics
    history: History
    log: LogObserver

    @classmethod
    def fresh(cls, clock: Clock, shard: Shard, *, in_journal: bool) -> Board:
        """Return watchers that have seen nothing yet; the history may leave to a journal what is in it."""
        history = History(in_journal=in_journal)
        return cls(interpreter_registry(), Metrics(clock, shard), history, LogObserver(clock))

    @property
    def observers(self) -> tuple[Observer, ...]:
        """Return all of them, in the order in which they are told."""
        return (self.metrics, self.history, self.log)
