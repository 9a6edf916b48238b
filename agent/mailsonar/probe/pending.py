"""The tokens that one maildrop is expected to show: arrived, duplicate, not seen by the last look. Pure.

What has ended is remembered for a while, so that a second copy is known as one, and never counts as a success again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from mailsonar.model.fault import Fault
from mailsonar.model.provenance import NOTHING_TOLD, Provenance
from mailsonar.model.result import Attempt, TlsFacts
from mailsonar.model.stage import StageTiming
from mailsonar.net.recording import Recording
from mailsonar.probe.known import Known, Sighting
from mailsonar.probe.remembered import Copies, Remembered, Sent


class Recognition(Enum):
    """What a verified token in this maildrop means to us."""

    ARRIVAL = auto()
    DUPLICATE = auto()
    SEEN_BEFORE = auto()
    NOT_OURS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """Why a message was not delivered: the enhanced status code, and what the reporting MTA said."""

    enhanced: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What the maildrop has to say about a message in the end.

    With a sighting it arrived, with a bounce it never will. Without either, it was not there in the last look, or, with
    a fault, nobody can say. `recording` is of the look that tells it.
    """

    sighting: Sighting | None = None
    bounce: Bounce | None = None
    fault: Fault | None = None
    stages: tuple[StageTiming, ...] = ()
    tls: TlsFacts | None = None
    provenance: Provenance = NOTHING_TOLD
    duplicates: int = 0
    recording: Recording | None = None


@dataclass(slots=True, eq=False, kw_only=True)
class Awaited:
    """A message that may come; instants in monotonic seconds.

    `left_at` tells when it can have left us at the earliest. It is sought from `sought_since` on; before that, it is
    only recognised if a look on behalf of others shows it. With `reports_only`, what is awaited is a report on it: a
    copy in the sender's own maildrop is no arrival.
    """

    attempt: Attempt
    deadline: float
    gives_up: float
    left_at: Callable[[], float]
    fate: asyncio.Future[Fate]
    reports_only: bool = False
    sought_since: float | None = None
    sighting: Sighting | None = None
    bounce: Bounce | None = None
    provenance: Provenance = NOTHING_TOLD
    copies: Copies = field(default_factory=Copies)

    @property
    def is_decided(self) -> bool:
        """Tell whether no further look can change what became of the message."""
        return self.sighting is not None or self.bounce is not None

    def fate_after(self, last: Fate) -> Fate:
        """Return what became of the message; stages and TLS are those of the last look."""
        return replace(
            last,
            fault=None,
            sighting=self.sighting,
            bounce=self.bounce,
            provenance=self.provenance,
            duplicates=self.copies.further,
        )


class PendingTable:
    """Who is awaited, and who was until lately."""

    def __init__(self) -> None:
        self._awaited: dict[str, Awaited] = {}
        self._ended = Remembered()

    @property
    def is_empty(self) -> bool:
        """Tell whether nobody is awaited."""
        return not self._awaited

    @property
    def sought(self) -> Sequence[Awaited]:
        """Return those that looks are made for."""
        return [one for one in self._awaited.values() if one.sought_since is not None and not one.is_decided]

    @property
    def decided(self) -> Sequence[Awaited]:
        """Return those that were seen, or have bounced, and are not settled yet."""
        return [one for one in self._awaited.values() if one.is_decided]

    def await_(self, awaited: Awaited) -> None:
        """Expect a message from now on."""
        self._awaited[awaited.attempt.token_id] = awaited

    def end(self, awaited: Awaited) -> None:
        """Expect a message no longer, but know it should it come."""
        self._awaited.pop(awaited.attempt.token_id, None)
        until = awaited.gives_up + awaited.attempt.route.give_up_seconds
        self._ended.add(awaited.attempt, awaited.copies, until)

    def remember(self, past: Remembered) -> None:
        """Know the messages of attempts that ended in an earlier process."""
        self._ended.take_over(past)

    def recognise(self, token_id: str, sighting: Sighting, known: Known) -> tuple[Recognition, Attempt | None]:
        """Take in a message that carries a token, and tell what it is.

        Args:
            token_id: whose message it is.
            sighting: when it was seen.
            known: the listing.

        Returns:
            What it means, and the attempt that it belongs to.
        """
        awaited = self._awaited.get(token_id)
        sent = awaited or self._ended.get(token_id)
        if sent is None:
            return Recognition.NOT_OURS, None
        if awaited and awaited.reports_only:
            return Recognition.SEEN_BEFORE, sent.attempt
        is_another = sent.copies.take(sighting.key, known) and sent.copies.further > 0
        if isinstance(sent, Sent):
            self._ended.keep(sent)
        if awaited and awaited.sighting is None:
            awaited.sighting = sighting
            return Recognition.ARRIVAL, sent.attempt
        return (Recognition.DUPLICATE if is_another else Recognition.SEEN_BEFORE), sent.attempt

    def note(self, token_id: str, provenance: Provenance) -> None:
        """Take in what a message that arrived tells of its way."""
        if awaited := self._awaited.get(token_id):
            awaited.provenance = provenance

    def report(self, token_id: str, bounce: Bounce | None) -> bool:
        """Take in a report on a message, with the bounce if delivery failed; tell whether the message is known here."""
        awaited = self._awaited.get(token_id)
        if awaited and bounce and awaited.sighting is None:
            awaited.bounce = bounce
        return awaited is not None or token_id in self._ended

    def absent_at(self, token_id: str) -> float | None:
        """Return the latest monotonic instant at which a message that was seen is known not to have been there."""
        awaited = self._awaited.get(token_id)
        if awaited is None or awaited.sighting is None:
            return None
        return max(awaited.left_at(), awaited.sighting.absent_at or 0.0)

    def removed(self, token_id: str, key: int) -> None:
        """Note that a copy of a message was removed for good."""
        sent = self._awaited.get(token_id) or self._ended.get(token_id)
        if sent:
            sent.copies.remove(key)
        if isinstance(sent, Sent):
            self._ended.keep(sent)

    def overdue(self, look_started: float) -> Sequence[Awaited]:
        """Return those for which a look that started then was the last."""
        return [one for one in self.sought if one.gives_up <= look_started]

    def expire(self, now: float) -> None:
        """Forget what ended long ago."""
        self._ended.expire(now)
