"""What one look finds: judges each message by its header and takes notes, so that nothing is lost with the session.

A message is ours only if its token verifies. Ours and awaited here: an arrival. Ours, but another agent's: left alone
until it is older than twice the largest `give_up`, then deleted as a leftover. All else is foreign.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from mailsonar.clock import Clock
from mailsonar.dialogue.notes import LoginNotes
from mailsonar.message.dsn import ReportScan
from mailsonar.message.recognise import HeaderScan, recognise
from mailsonar.message.token import Token
from mailsonar.model.fault import Fault, MailSonarError, Reason
from mailsonar.model.observer import Look
from mailsonar.model.result import Attempt
from mailsonar.model.route import Cleanup, Maildrop
from mailsonar.model.server import Secret
from mailsonar.model.stage import Stage
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.probe.classify import scrubbed
from mailsonar.probe.known import Kind, Known, Sighting
from mailsonar.probe.ledger import Ledger
from mailsonar.probe.pending import Bounce, PendingTable, Recognition
from mailsonar.probe.provenance import provenance_of
from mailsonar.wire.lines import printable

T = TypeVar("T")

DELETIONS_PER_LOOK = 20
READS_PER_LOOK = 500
READING_SHARE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are to our messages: the fleet's key, this agent's instance, and how long others' messages are theirs.

    `past_keys` signed messages that may still be on their way: a changed key must not make foreign mail of them.
    """

    signing_key: Secret
    instance: str
    leftover_seconds: float
    past_keys: tuple[Secret, ...] = ()

    def verified(self, read: Callable[[Secret], T | None]) -> T | None:
        """Return what is read with the first key that fits, None if none does."""
        found = (read(key) for key in (self.signing_key, *self.past_keys))
        return next((value for value in found if value is not None), None)


@dataclass(frozen=True, slots=True)
class MaildropBook:
    """What the agent knows of one maildrop between looks."""

    maildrop: Maildrop
    known: Known = field(default_factory=Known)
    pending: PendingTable = field(default_factory=PendingTable)


class Examination:
    """The notes of one look, taken while the dialogue goes on."""

    def __init__(
        self, book: MaildropBook, identity: Identity, stopwatch: Stopwatch, clock: Clock, ledger: Ledger
    ) -> None:
        self.login = LoginNotes()
        self.is_listed = False
        self.messages: int | None = None
        self.octets: int | None = None
        self.duplicates: list[Attempt] = []
        self.cleanup_error: MailSonarError | None = None
        self._book = book
        self._identity = identity
        self._stopwatch = stopwatch
        self._clock = clock
        self._ledger = ledger
        self._is_hurried = False
        self._arrivals: list[tuple[str, float]] = []
        self._bounces: list[tuple[str, Bounce]] = []
        self._deleting: dict[int, str] = {}

    @property
    def deletes(self) -> bool:
        """Tell whether messages are marked for a deletion that QUIT has not confirmed."""
        return bool(self._deleting)

    def authenticated(self) -> None:
        """Note that the server let us in."""
        self.login.authenticated = True

    def counted(self, messages: int, octets: int) -> None:
        """Note what STAT told."""
        self.messages, self.octets = messages, octets

    def listed(self, keys: Sequence[int]) -> Iterator[int]:
        """Note the listing; yield the positions to read while this look has time for it."""
        self.is_listed = True
        self._book.known.take_in(
            keys,
            seen=self._stopwatch.received_at[Stage.LIST],
            asked=self._stopwatch.sent_at[Stage.AUTHENTICATE],
        )
        return self._to_read(keys)

    def hurry(self) -> None:
        """Read no further message."""
        self._is_hurried = True

    def _to_read(self, keys: Sequence[int]) -> Iterator[int]:
        session_seconds = self._book.maildrop.account.server.timeouts.session
        ends = self._clock.monotonic() + READING_SHARE * session_seconds
        positions = self._book.known.to_read(keys, now_wall=self._clock.wall())
        for _, position in zip(range(READS_PER_LOOK), positions, strict=False):
            if self._is_hurried or self._clock.monotonic() > ends:
                return
            yield position

    def examined(self, key: int, scan: HeaderScan) -> bool:
        """Judge a message by its header; return whether to delete it now."""
        token = self._identity.verified(partial(recognise, scan))
        if token is None:
            self._book.known.settle(key, Kind.FOREIGN)
            return False
        sighting = self._book.known.sighting(key) or self._sighting_now(key)
        if token.instance == self._identity.instance:
            recognition, attempt = self._book.pending.recognise(token.id, sighting, self._book.known)
            if attempt is not None:
                if recognition is Recognition.ARRIVAL:
                    self._book.pending.note(token.id, provenance_of(scan, attempt.route.maildrop.authserv_id))
                return self._ours(sighting, recognition, attempt)
        return self._leftover(key, token)

    def reported(self, key: int, scan: ReportScan) -> bool:
        """Judge a delivery status notification: it is ours if the header that it returns verifies."""
        report = self._identity.verified(scan.report)
        if report is None:
            self._book.known.settle(key, Kind.FOREIGN)
            return False
        text = printable(scrubbed(f"{report.reporting_mta}: {report.diagnostic}".strip(": "), ()))
        bounce = Bounce(enhanced=report.enhanced, text=text) if report.failed else None
        is_own = report.token.instance == self._identity.instance
        if is_own and self._book.pending.report(report.token.id, bounce):
            if bounce:
                self._bounces.append((report.token.id, bounce))
            return self._remove(key, report.token.id)
        return self._leftover(key, report.token)

    def _ours(self, sighting: Sighting, recognition: Recognition, attempt: Attempt) -> bool:
        if recognition is Recognition.DUPLICATE:
            self.duplicates.append(attempt)
        elif recognition is Recognition.ARRIVAL:
            self._arrivals.append((attempt.token_id, sighting.seen))
        return self._remove(sighting.key, attempt.token_id)

    def _remove(self, key: int, token_id: str) -> bool:
        keep = self._book.maildrop.cleanup is Cleanup.KEEP
        self._book.known.settle(key, Kind.KEPT if keep else Kind.OURS)
        return not keep and self._may_delete(key, token_id)

    def _leftover(self, key: int, token: Token) -> bool:
        due_wall = token.started_ms / 1000 + self._identity.leftover_seconds
        keep = self._book.maildrop.cleanup is Cleanup.KEEP
        self._book.known.settle(key, Kind.KEPT if keep else Kind.LEFTOVER, due_wall=None if keep else due_wall)
        return not keep and due_wall < self._clock.wall() and self._may_delete(key, token.id)

    def _may_delete(self, key: int, token_id: str) -> bool:
        if len(self._deleting) >= DELETIONS_PER_LOOK:
            return False
        self._deleting[key] = token_id
        return True

    def _sighting_now(self, key: int) -> Sighting:
        return Sighting(key, self._stopwatch.received_at[Stage.LIST], None)

    def unreadable(self, key: int, reason: Reason) -> None:
        """Note that a message could not be read: refused, perhaps because it is gone, or beyond our bounds."""
        self._book.known.skip(key, reason)

    def deletion_refused(self, key: int, error: MailSonarError) -> None:
        """Note that the server did not mark a message as deleted."""
        self._deleting.pop(key, None)
        self.cleanup_error = error

    async def on_record(self) -> None:
        """Wait until what was found is on record: a crash after its deletion must not make lost messages of it."""
        ahead = self._clock.wall() - self._clock.monotonic()
        orders = [self._ledger.bounce(token_id, bounce) for token_id, bounce in self._bounces]
        for token_id, seen in self._arrivals:
            absent_at = self._book.pending.absent_at(token_id)
            since = seen if absent_at is None else min(seen, absent_at)
            orders.append(self._ledger.arrive(token_id, seen + ahead, since + ahead))
        await asyncio.gather(*orders)
        self._arrivals.clear()
        self._bounces.clear()

    def report(self, fault: Fault | None, cleanup_fault: Fault | None) -> Look:
        """Return what the look amounts to for observers.

        Args:
            fault: what kept it from seeing the maildrop.
            cleanup_fault: what kept it from removing a message of ours.
        """
        return Look(
            maildrop=self._book.maildrop,
            fault=fault,
            messages=self.messages,
            octets=self.octets,
            listed_wall=self._clock.wall() if self.is_listed else None,
            cleanup_fault=cleanup_fault,
        )

    def left(self, error: MailSonarError | None) -> None:
        """Note that QUIT was answered: deletions are done, or, with an error, not."""
        self.cleanup_error = error or self.cleanup_error
        if error is None:
            for key, token_id in self._deleting.items():
                self._book.known.forget(key)
                self._book.pending.removed(token_id, key)
        self._deleting.clear()
