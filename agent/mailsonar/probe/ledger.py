"""Where attempts are put on record before anything is sent, so that a crash loses none of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mailsonar.model.result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An attempt that is about to start; `started_wall` in POSIX seconds."""

    token_id: str
    route: str
    started_wall: float


class Ledger(Protocol):
    """Keeps a record of attempts; a record that cannot be kept stops nothing."""

    async def intend(self, intent: Intent) -> None:
        """Return once the intent is durable, or cannot be made so now."""

    def accept(self, token_id: str, accepted_wall: float) -> None:
        """Record that the message was accepted."""

    async def end(self, result: Result) -> None:
        """Return once the outcome is durable, or cannot be made so now."""


class NoLedger:
    """Keeps nothing: what is in memory is all there is."""

    async def intend(self, intent: Intent) -> None:
        """Do nothing."""

    def accept(self, token_id: str, accepted_wall: float) -> None:
        """Do nothing."""

    async def end(self, result: Result) -> None:
        """Do nothing."""
