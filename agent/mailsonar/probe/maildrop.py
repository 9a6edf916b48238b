"""The one owner of a maildrop: looks while something is awaited or owed, and tells each message's fate.

POP3 locks a maildrop (RFC 1939 section 4), so all routes that end in one wait on this task.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from mailsonar.dialogue.retrieve_pop3 import look
from mailsonar.model.fault import Fault, MailSonarError
from mailsonar.model.limits import Counted
from mailsonar.model.observer import Login, Observer
from mailsonar.model.route import Maildrop
from mailsonar.model.stage import Leg, Stage
from mailsonar.net.converse import Session
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.probe.admission import have_token, hold_admitted, secrets_of
from mailsonar.probe.agenda import next_due
from mailsonar.probe.bell import Bell
from mailsonar.probe.classify import classify
from mailsonar.probe.examination import Examination, MaildropBook
from mailsonar.probe.findings import NOT_LOOKED, UNREADABLE, UNREMOVED_LIMIT
from mailsonar.probe.pending import Awaited, Fate
from mailsonar.probe.polling import LastLook, Pace
from mailsonar.probe.remembered import Remembered
from mailsonar.probe.retreat import Hold, Use, secret_digest
from mailsonar.probe.telling import encounter, tell
from mailsonar.probe.workshop import Workshop

HOLD_CHECK_SECONDS = 5.0
_USES = frozenset({Counted.LOGIN})

log = logging.getLogger(__name__)


class MaildropOwner:
    """Looks into one maildrop; `last_fate` is what the last look amounts to, `looking` times the one under way."""

    def __init__(self, maildrop: Maildrop, workshop: Workshop) -> None:
        self.maildrop = maildrop
        self.last_fate = Fate()
        self.last_look: LastLook | None = None
        self.looking: Stopwatch | None = None
        self._book = MaildropBook(maildrop)
        self._workshop = workshop
        self._clock = workshop.network.clock
        self._changed = Bell()
        self._looked: asyncio.Event | None = None
        self._retired = False
        self._resting = False
        self._examining: Examination | None = None
        self._kept = 0
        self._pace = Pace.of(maildrop)

    def remember(self, past: Remembered) -> None:
        """Know the messages of attempts that ended in an earlier process, should they come."""
        self._book.pending.remember(past)

    async def looked(self) -> None:
        """Wait for the end of the next look."""
        self._looked = self._looked or asyncio.Event()
        await self._looked.wait()

    def await_(self, awaited: Awaited) -> None:
        """Recognise a message from now on, should a look show it."""
        self._book.pending.await_(awaited)

    def adopt(self, workshop: Workshop) -> None:
        """Work with new tools from the next look on."""
        self._workshop = workshop

    def retire(self) -> None:
        """Stop once nothing is awaited any more: another owner takes over what is new."""
        self._retired = True
        self._changed.ring()

    def rest(self) -> None:
        """Look no more, and end a look that is under way as soon as it may be ended."""
        self._resting = True
        if self._examining:
            self._examining.hurry()
        self._changed.ring()

    @property
    def is_done(self) -> bool:
        """Tell whether nothing is left to look for."""
        return self._retired and self._book.pending.is_empty and not self._kept

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the owner on, though retired, while a message is about to be awaited."""
        self._kept += 1
        try:
            yield
        finally:
            self._kept -= 1
            self._changed.ring()

    def seek(self, awaited: Awaited) -> None:
        """Look for a message from now on."""
        awaited.sought_since = self._clock.monotonic()
        self._changed.ring()

    def give_up(self, awaited: Awaited, fate: Fate) -> None:
        """Stop waiting for a message; should it come, it is removed all the same."""
        self._book.pending.end(awaited)
        self._book.pending.expire(self._clock.monotonic())
        self._changed.ring()
        if not awaited.fate.done():
            awaited.fate.set_result(fate)

    def fate_of(self, awaited: Awaited) -> Fate:
        """Return what the last look amounts to for a message that it did not show, or why there was none."""
        fate, left_at = self.last_fate, awaited.left_at()
        if fate.fault:
            return fate
        if self.last_look is None or self.last_look.started < left_at:
            now = self._clock.monotonic()
            hold = self._workshop.retreats.hold(self.maildrop.account, now)
            return replace(fate, fault=hold.fault_at(now) if hold else NOT_LOOKED, recording=None)
        reason = self._book.known.unreadable_since(left_at)
        return replace(fate, fault=replace(UNREADABLE, reason=reason)) if reason else fate

    @property
    def is_clogged(self) -> bool:
        """Tell whether so many of our messages could not be removed that no more may be sent here."""
        return self._book.known.owed(self._clock.wall()) >= UNREMOVED_LIMIT

    async def run(self) -> None:
        """Look whenever a look is due, until retired; after a bug of ours no message waits in vain."""
        try:
            await self._look_when_due()
        except Exception as bug:
            self.last_fate = Fate(fault=classify(bug, Leg.AGENT))
            for one in self._book.pending.overdue(self._clock.monotonic()):
                self.give_up(one, self.last_fate)
            raise

    async def _look_when_due(self) -> None:
        while not (self.is_done or self._resting):
            self._changed.hush()
            if hold := self._workshop.retreats.hold(self.maildrop.account, self._clock.monotonic()):
                await self._sit_out(hold)
                continue
            due = self._next()
            if due is None or due > self._clock.monotonic():
                await self._wait_until(due)
            else:
                await self.look()

    async def _sit_out(self, hold: Hold) -> None:
        """Look at nothing for a while; what must be given up meanwhile is, with the fault of the last look."""
        for one in self._book.pending.overdue(self._clock.monotonic()):
            self.give_up(one, self.fate_of(one))
        ends = min([hold.until, *(one.gives_up for one in self._book.pending.sought)])
        await self._wait_until(min(ends, self._clock.monotonic() + HOLD_CHECK_SECONDS))

    def _next(self) -> float | None:
        """Return when to look next, once the budget has room."""
        due = next_due(self._book, self.last_look, self._pace, self._clock.wall())
        free_at = self._workshop.turns.budgets.free_at(self.maildrop.account, _USES, self._clock.monotonic())
        return None if due is None else max(due, free_at)

    async def _wait_until(self, due: float | None) -> None:
        left = None if due is None else due - self._clock.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(left):
                await self._changed.heard()

    async def look(self) -> None:
        """Look once, and settle what that decides."""
        account, workshop = self.maildrop.account, self._workshop
        async with workshop.turns.session(account):
            await have_token(account, workshop.tokens)
            used, budgets = Use(entered=self._clock.monotonic(), secret=secret_digest(account)), workshop.turns.budgets
            has_room = budgets.free_at(account, _USES, used.entered) <= used.entered
            if self._resting or not has_room or workshop.retreats.enter(account, used.entered):
                return  # the agent drains, or another session used up the budget, or was refused first
            budgets.spend(account, _USES, used.entered)
            stopwatch = self.looking = Stopwatch(Leg.RETRIEVAL, self._clock)
            notes = Examination(self._book, workshop.identity, stopwatch, self._clock, workshop.ledger)
            self._examining = notes
            session = Session(workshop.network, account.server, stopwatch)
            error: Exception | None = None
            try:
                await hold_admitted(session, account, workshop.tokens, lambda who, _: look(who, notes))
            except MailSonarError as failure:
                error = failure
            except Exception as bug:
                log.exception("a look into maildrop %s failed by our own fault", self.maildrop.name)
                error = bug
            finally:
                self.looking = self._examining = None
        if notes.login.authenticated:
            workshop.retreats.admitted(account, used.entered)
        workshop.retreats.note(account, used, self._fault_of(error), self._clock.monotonic())
        await notes.on_record()
        self._conclude(session, notes, error)

    def _conclude(self, session: Session, notes: Examination, error: Exception | None) -> None:
        fault = self._fault_of(error)
        cleanup_fault = self._fault_of(notes.cleanup_error or (error if notes.deletes else None))
        fault = None if fault and notes.is_listed and fault.stage in (Stage.DELETE, Stage.QUIT) else fault
        failures = self.last_look.failures + 1 if self.last_look and fault else int(fault is not None)
        started = session.stopwatch.started
        listed_at = session.stopwatch.received_at.get(Stage.LIST, started)
        self.last_look = LastLook(started=started, listing_seconds=listed_at - started, failures=failures)
        login = encounter(self._workshop, self.maildrop.account, notes.login, fault, session.tls)
        watch = session.stopwatch
        self.last_fate = Fate(fault=fault, stages=watch.timings(), tls=login.tls, recording=watch.recording)
        self._tell(login, notes, fault, cleanup_fault)
        self._settle(started)
        if self._looked:
            self._looked.set()
            self._looked = None

    def _fault_of(self, error: Exception | None) -> Fault | None:
        secrets = secrets_of(self.maildrop.account, self._workshop.tokens)
        return classify(error, Leg.RETRIEVAL, secrets) if error else None

    def _tell(self, login: Login, notes: Examination, fault: Fault | None, cleanup_fault: Fault | None) -> None:
        report = notes.report(fault, cleanup_fault)

        def news(observer: Observer) -> None:
            observer.account_used(login)
            observer.maildrop_looked(report)
            for attempt in notes.duplicates:
                observer.duplicate_seen(attempt)

        tell(self._workshop.observers, news)

    def _settle(self, look_started: float) -> None:
        pending, fate = self._book.pending, self.last_fate
        for one in pending.decided:
            self.give_up(one, one.fate_after(fate))
        for one in pending.overdue(look_started):
            if fate.fault or not self._book.known.has_unread_since(one.left_at()):
                self.give_up(one, self.fate_of(one))
