"""Where attempts are put on record before anything is sent, so that a crash loses none of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mailsonar.model.result import Result
from mailsonar.probe.pending import Bounce


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An attempt that is about to start at a POSIX time; `purpose` is its route's."""

    token_id: str
    route: str
    purpose: str
    started_wall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAttempt:
    """What is on record of an attempt that an earlier process started; instants in POSIX seconds.

    Without `accepted_wall` nobody knows whether its message left. With `seen_wall` it was seen then, and not yet at
    `since_wall`. With `bounce` a report came that it was not delivered.
    """

    token_id: str
    purpose: str
    started_wall: float
    accepted_wall: float | None = None
    seen_wall: float | None = None
    since_wall: float | None = None
    bounce: Bounce | None = None


class Ledger(Protocol):
    """Keeps a record of attempts; a record that cannot be kept stops nothing."""

    async def intend(self, intent: Intent) -> None:
        """Return once the intent is durable, or cannot be made so now."""

    def accept(self, token_id: str, accepted_wall: float) -> None:
        """Record that the message was accepted."""

    async def arrive(self, token_id: str, seen_wall: float, since_wall: float) -> None:
        """Return once it is on record that a message was seen, or cannot be put there now.

        Args:
            token_id: whose message.
            seen_wall: when it was seen, in POSIX seconds.
            since_wall: the latest instant at which it is known not to have been there.
        """

    async def bounce(self, token_id: str, bounce: Bounce) -> None:
        """Return once it is on record that a message was not delivered, or cannot be put there now."""

    async def end(self, result: Result) -> None:
        """Return once the outcome is durable, or cannot be made so now."""


class NoLedger:
    """Keeps nothing: what is in memory is all there is."""

    async def intend(self, intent: Intent) -> None:
        """Do nothing."""

    def accept(self, token_id: str, accepted_wall: float) -> None:
        """Do nothing."""

    async def arrive(self, token_id: str, seen_wall: float, since_wall: float) -> None:
        """Do nothing."""

    async def bounce(self, token_id: str, bounce: Bounce) -> None:
        """Do nothing."""

    async def end(self, result: Result) -> None:
        """Do nothing."""
