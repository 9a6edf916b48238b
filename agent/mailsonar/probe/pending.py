"""The tokens that one maildrop is expected to show: arrived, duplicate, not seen by the last look. Pure.

What has ended is remembered for a while, so that a second copy is known as one, and never counts as a success again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from mailsonar.model.fault import Fault
from mailsonar.model.result import Attempt, TlsFacts
from mailsonar.model.stage import StageTiming
from mailsonar.probe.known import Sighting


class Recognition(Enum):
    """What a verified token in this maildrop means to us."""

    ARRIVAL = auto()
    DUPLICATE = auto()
    SEEN_BEFORE = auto()
    NOT_OURS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What the maildrop has to say about a message in the end.

    With a sighting it arrived. Without one, it was not there in the last look, or, with a fault, nobody can say.
    """

    sighting: Sighting | None = None
    fault: Fault | None = None
    stages: tuple[StageTiming, ...] = ()
    tls: TlsFacts | None = None
    duplicates: int = 0


@dataclass(slots=True, eq=False, kw_only=True)
class Awaited:
    """A message that may come; instants in monotonic seconds.

    `left_at` tells when it can have left us at the earliest. It is sought from `sought_since` on; before that, it is
    only recognised if a look on behalf of others shows it.
    """

    attempt: Attempt
    deadline: float
    gives_up: float
    left_at: Callable[[], float]
    fate: asyncio.Future[Fate]
    sought_since: float | None = None
    sighting: Sighting | None = None
    keys: set[int] = field(default_factory=set)

    @property
    def duplicates(self) -> int:
        """Return how many further copies were seen."""
        return max(0, len(self.keys) - 1)


class PendingTable:
    """Who is awaited, and who was until lately."""

    def __init__(self) -> None:
        self._awaited: dict[str, Awaited] = {}
        self._ended: dict[str, Awaited] = {}

    @property
    def is_empty(self) -> bool:
        """Tell whether nobody is awaited."""
        return not self._awaited

    @property
    def sought(self) -> Sequence[Awaited]:
        """Return those that looks are made for."""
        return [one for one in self._awaited.values() if one.sought_since is not None and one.sighting is None]

    @property
    def arrived(self) -> Sequence[Awaited]:
        """Return those that were seen and are not settled yet."""
        return [one for one in self._awaited.values() if one.sighting is not None]

    def await_(self, awaited: Awaited) -> None:
        """Expect a message from now on."""
        self._awaited[awaited.attempt.token_id] = awaited

    def end(self, awaited: Awaited) -> None:
        """Expect a message no longer, but know it should it come."""
        self._awaited.pop(awaited.attempt.token_id, None)
        self._ended[awaited.attempt.token_id] = awaited

    def recognise(self, token_id: str, sighting: Sighting) -> tuple[Recognition, Attempt | None]:
        """Take in a message that carries a token, and tell what it is.

        Args:
            token_id: whose message it is.
            sighting: when it was seen.

        Returns:
            What it means, and the attempt that it belongs to.
        """
        awaited = self._awaited.get(token_id)
        known = awaited or self._ended.get(token_id)
        if known is None:
            return Recognition.NOT_OURS, None
        first, again = not known.keys, sighting.key in known.keys
        known.keys.add(sighting.key)
        if awaited and awaited.sighting is None:
            awaited.sighting = sighting
            return Recognition.ARRIVAL, known.attempt
        return (Recognition.SEEN_BEFORE if first or again else Recognition.DUPLICATE), known.attempt

    def overdue(self, look_started: float) -> Sequence[Awaited]:
        """Return those for which a look that started then was the last."""
        return [one for one in self.sought if one.gives_up <= look_started]

    def expire(self, now: float) -> None:
        """Forget what ended long ago."""
        self._ended = {
            token_id: ended
            for token_id, ended in self._ended.items()
            if now < ended.gives_up + ended.attempt.route.give_up_seconds
        }
