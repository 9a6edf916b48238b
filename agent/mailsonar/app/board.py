"""Those who watch the probes of one agent."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from mailsonar.clock import Clock
from mailsonar.model.observer import Observer
from mailsonar.model.shard import Shard
from mailsonar.observe.history import History
from mailsonar.observe.logs import LogObserver
from mailsonar.observe.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Board:
    """Metrics on a registry of their own, history, and log."""

    registry: CollectorRegistry
    metrics: Metrics
    history: History
    log: LogObserver

    @classmethod
    def fresh(cls, clock: Clock, shard: Shard, *, in_journal: bool) -> Board:
        """Return watchers that have seen nothing yet; the history may leave to a journal what is in it."""
        registry = CollectorRegistry()
        return cls(registry, Metrics(registry, clock, shard), History(in_journal=in_journal), LogObserver(clock))

    @property
    def observers(self) -> tuple[Observer, ...]:
        """Return all of them, in the order in which they are told."""
        return (self.metrics, self.history, self.log)
