"""One attempt from its start to its outcome: submit, await the arrival, build the result.

Every attempt gets exactly one outcome, and its verdict at the deadline at the latest. Round trip, error and transit
rest on the monotonic clock alone; what a server writes into a message is never believed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from mailsonar.dialogue.submit import Mail
from mailsonar.model.fault import Fault, HeldBack
from mailsonar.model.result import Attempt, Outcome, Result
from mailsonar.model.route import accounts_of
from mailsonar.model.stage import Leg, Stage
from mailsonar.net.recording import Recording
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.probe.admission import have_token, secrets_of
from mailsonar.probe.bounces import BounceWatch, decisive
from mailsonar.probe.classify import classify
from mailsonar.probe.findings import CLOGGED, NOT_ARRIVED, Findings, overtaken
from mailsonar.probe.maildrop import MaildropOwner
from mailsonar.probe.pending import Awaited, Fate
from mailsonar.probe.provenance import struck_out
from mailsonar.probe.submission import SubmissionReport, not_submitted, retry_delays, submit_once
from mailsonar.probe.telling import tell
from mailsonar.probe.transcripts import transcripts
from mailsonar.probe.workshop import Workshop

log = logging.getLogger(__name__)

HANGING_SECONDS = 1.0
SUBMISSIONS_TOLD = 3

Owners = Mapping[str, MaildropOwner]


class RoundTrip:
    """One attempt under way; `submitting` times its submission, `judged` is its verdict at the deadline."""

    def __init__(self, attempt: Attempt, owners: Owners, workshop: Workshop) -> None:
        self.attempt = attempt
        route = attempt.route
        self.owner = owners[route.maildrop.name]
        self.submitting: Stopwatch | None = None
        self.judged: Result | None = None
        self._workshop = workshop
        self._clock = workshop.network.clock
        self._report: SubmissionReport | None = None
        self._submissions: deque[Recording] = deque(maxlen=SUBMISSIONS_TOLD)
        self._look: Recording | None = None
        self.awaited = Awaited(
            attempt=attempt,
            deadline=attempt.started + route.deadline_seconds,
            gives_up=attempt.started + route.give_up_seconds,
            left_at=self._left_at,
            fate=asyncio.get_running_loop().create_future(),
        )
        bounces = route.sender.bounces
        is_elsewhere = bounces is not None and bounces != route.maildrop
        self._reports = BounceWatch(owners[bounces.name], self.awaited) if bounces and is_elsewhere else None
        self.owner.await_(self.awaited)
        self._was_overdue = attempt.resumed and self.awaited.deadline <= self._clock.monotonic()

    async def run(self, mail: Mail | Fault, turn: AsyncExitStack) -> Result:
        """Go all the way.

        Args:
            mail: the message to submit, or why none may be submitted now.
            turn: the right to submit now, given back after the first session.

        Returns:
            The result, which the observers have got, too.
        """
        tell(self._workshop.observers, lambda observer: observer.attempt_started(self.attempt))
        return await self._live(self._go(mail, turn))

    async def resume(self, report: SubmissionReport, fate: Fate | None = None) -> Result:
        """Go on where an earlier process was stopped: the message may have left, and is not submitted again.

        Args:
            report: what is on record of the submission.
            fate: what became of the message, if that is on record.

        Returns:
            The result, which the observers have got, too.
        """
        tell(self._workshop.observers, lambda observer: observer.attempt_resumed(self.attempt))
        self._report = report
        if fate:
            self.awaited.sighting, self.awaited.bounce = fate.sighting, fate.bounce
            self.awaited.fate.set_result(fate)
        return await self._live(self._await_arrival())

    async def _live(self, journey: Coroutine[Any, Any, Result]) -> Result:
        judge = asyncio.create_task(self._judge(), name=f"judge {self.attempt.token_id}")
        try:
            result = await journey
        except Exception as bug:
            log.exception("an attempt on route %s failed by our own fault", self.attempt.route.name)
            result = self._findings.result(Outcome.FAILED, fault=classify(bug, Leg.AGENT))
        finally:
            judge.cancel()
            self._stop_looking(Fate())
        result = self._told(result, self._look)
        await self._workshop.ledger.end(result)
        tell(self._workshop.observers, lambda observer: observer.attempt_ended(result))
        return result

    async def _go(self, mail: Mail | Fault, turn: AsyncExitStack) -> Result:
        if isinstance(mail, Fault):
            return self._findings.result(Outcome.FAILED, fault=mail)
        report = await self._submit(mail, turn)
        if report.outcome and not self.awaited.fate.done():  # what was seen has arrived, whatever its server said
            return self._findings.result(report.outcome, fault=report.fault)
        if report.accepted_at is not None:
            self._workshop.ledger.accept(self.attempt.token_id, self._clock.wall())
        return await self._await_arrival()

    async def _await_arrival(self) -> Result:
        self.owner.seek(self.awaited)
        if self._reports:
            self._reports.start()
        fate = await decisive(self.awaited.fate, self._reports)
        self._look = fate.recording
        told = struck_out(fate.provenance, self._secrets())
        return self._findings.conclude(replace(fate, provenance=told))

    def _secrets(self) -> list[str]:
        tokens = self._workshop.tokens
        return [secret for account in accounts_of(self.attempt.route) for secret in secrets_of(account, tokens)]

    async def _submit(self, mail: Mail, turn: AsyncExitStack) -> SubmissionReport:
        async with turn:
            report = await self._hold_session(mail)
        delays = retry_delays()
        while report.outcome is Outcome.DEFERRED:
            delay = next(delays)
            if self._clock.monotonic() + delay >= self.awaited.deadline:
                break
            await self._clock.sleep(delay)
            if self.awaited.fate.done():
                break
            try:
                async with self._workshop.turns.submission(self.attempt.route, self.awaited.deadline):
                    report = await self._hold_session(mail)
            except HeldBack:
                break
        return report

    async def _hold_session(self, mail: Mail) -> SubmissionReport:
        if self.owner.is_clogged:
            return not_submitted(CLOGGED)
        account = self.attempt.route.sender.account
        self._report = None
        await have_token(account, self._workshop.tokens)
        t0 = None if self.submitting else self.attempt.started  # of a retry, only the last session is told
        self.submitting = Stopwatch(Leg.SUBMISSION, self._clock, t0)
        self._submissions.append(self.submitting.recording)
        self._report = await submit_once(account, mail, self._workshop, self.submitting)
        return self._report

    @property
    def is_submitting(self) -> bool:
        """Tell whether a submission session is under way, or about to be, which must not be cut off."""
        return self._report is None

    async def _judge(self) -> None:
        """Let the verdict fall at the deadline."""
        await self._clock.sleep(self.awaited.deadline - self._clock.monotonic())
        if self._was_overdue:
            await self.owner.looked()
        fault, look = self._fault_now()
        judged = self.judged = self._told(self._findings.verdict(self.awaited.sighting, fault), look)
        tell(self._workshop.observers, lambda observer: observer.verdict_fell(judged))

    def _told(self, result: Result, look: Recording | None) -> Result:
        """Return a failure with what was said on it; one that is late keeps what explains the fault that it keeps."""
        if result.success is not False:
            return result
        if result.round_trip_seconds is not None and self.judged and self.judged.fault is result.fault:
            return replace(result, transcripts=self.judged.transcripts)
        recordings = [*self._submissions, *([look] if look else [])]
        told = transcripts(self.attempt, recordings, self._secrets, self._clock.monotonic())
        return replace(result, transcripts=told)

    def _fault_now(self) -> tuple[Fault, Recording | None]:
        """Return what is wrong, and the look that tells it."""
        if self._report is None:
            return overtaken(Leg.SUBMISSION, self.submitting.stage if self.submitting else None), None
        if self._report.fault:
            return self._report.fault, None
        looking, last, standing = self.owner.looking, self.owner.last_look, self.owner.last_fate.fault
        is_first = last is None or last.started < (self.awaited.sought_since or 0.0)
        if looking and (looking.waiting_seconds > HANGING_SECONDS or (is_first and not standing)):
            return overtaken(Leg.RETRIEVAL, looking.stage), looking.recording
        fate = self.owner.fate_of(self.awaited)
        return fate.fault or NOT_ARRIVED, fate.recording

    @property
    def waited_seconds(self) -> float:
        """Return for how long the message has been looked for."""
        since = self.awaited.sought_since
        return 0.0 if since is None else self._clock.monotonic() - since

    def state(self) -> Result:
        """Return the attempt as it stands: with its verdict at the deadline, or without any."""
        return self.judged or replace(self._findings.result(Outcome.PENDING, fault=None), success=None)

    def give_up(self) -> None:
        """Let the last look be the last: without the message, it decides now."""
        self._stop_looking(self.owner.fate_of(self.awaited))

    def _stop_looking(self, fate: Fate) -> None:
        self.owner.give_up(self.awaited, fate)
        if self._reports:
            self._reports.stop()

    def _left_at(self) -> float:
        """Return the earliest instant at which the message can have left us."""
        sent_at = self.submitting.sent_at if self.submitting else {}
        return sent_at.get(Stage.DATA, self.attempt.started)

    @property
    def _findings(self) -> Findings:
        return Findings(
            attempt=self.attempt,
            report=self._report,
            left_at=self._left_at(),
            judged=self.judged,
            was_overdue=self._was_overdue,
        )
