"""One attempt from its start to its outcome: submit, await the arrival, build the result.

Every attempt gets exactly one outcome, and its verdict at the deadline at the latest. Round trip, error and transit
rest on the monotonic clock alone; what a server writes into a message is never believed.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import replace

from mailsonar.dialogue.submit import Mail
from mailsonar.model.fault import Fault, Reason
from mailsonar.model.result import Attempt, Outcome, Result
from mailsonar.model.stage import Leg, Stage, StageTiming
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.probe.classify import classify
from mailsonar.probe.known import Sighting
from mailsonar.probe.maildrop import UNREMOVED_LIMIT, MaildropOwner, Workshop
from mailsonar.probe.pending import Awaited, Fate
from mailsonar.probe.submission import SubmissionReport, retry_delays, submit_once

log = logging.getLogger(__name__)

_NOT_ARRIVED = Fault(leg=Leg.TRANSIT, stage=Stage.ARRIVAL, reason=Reason.NOT_ARRIVED)


class RoundTrip:
    """One attempt under way; `submitting` times its submission, `judged` is its verdict at the deadline."""

    def __init__(self, attempt: Attempt, mail: Mail, owner: MaildropOwner, workshop: Workshop) -> None:
        self.attempt = attempt
        self.owner = owner
        self.submitting: Stopwatch | None = None
        self.judged: Result | None = None
        self._mail = mail
        self._workshop = workshop
        self._clock = workshop.network.clock
        self._report: SubmissionReport | None = None
        self.awaited = Awaited(
            attempt=attempt,
            deadline=attempt.started + attempt.route.deadline_seconds,
            gives_up=attempt.started + attempt.route.give_up_seconds,
            left_at=self._left_at,
            fate=asyncio.get_running_loop().create_future(),
        )

    async def run(self, turn: AsyncExitStack) -> Result:
        """Go all the way.

        Args:
            turn: the right to submit now, given back after the first session.

        Returns:
            The result, which the observers have got, too.
        """
        for observer in self._workshop.observers:
            observer.attempt_started(self.attempt)
        judge = asyncio.create_task(self._judge(), name=f"judge {self.attempt.token_id}")
        try:
            result = await self._go(turn)
        except Exception as bug:
            log.exception("an attempt on route %s failed by our own fault", self.attempt.route.name)
            result = self._result(Outcome.FAILED, fault=classify(bug, Leg.AGENT))
        finally:
            judge.cancel()
        self.owner.give_up(self.awaited, Fate())
        for observer in self._workshop.observers:
            observer.attempt_ended(result)
        return result

    async def _go(self, turn: AsyncExitStack) -> Result:
        self.owner.await_(self.awaited)
        report = await self._submit(turn)
        if report.outcome:
            return self._result(report.outcome, fault=report.fault)
        self.owner.seek(self.awaited)
        return self._conclude(report, await self.awaited.fate)

    async def _submit(self, turn: AsyncExitStack) -> SubmissionReport:
        async with turn:
            report = await self._hold_session()
        delays = retry_delays()
        while report.outcome is Outcome.DEFERRED:
            delay = next(delays)
            if self._clock.monotonic() + delay >= self.awaited.deadline:
                break
            await self._clock.sleep(delay)
            async with self._workshop.turns.submission(self.attempt.route):
                report = await self._hold_session()
        return report

    async def _hold_session(self) -> SubmissionReport:
        if self.owner.is_clogged:
            return _clogged()
        account = self.attempt.route.sender.account
        self._report = None
        self.submitting = Stopwatch(Leg.SUBMISSION, self._clock)
        self._report = await submit_once(account, self._mail, self._workshop, self.submitting)
        return self._report

    @property
    def is_submitting(self) -> bool:
        """Tell whether a submission session is under way, which must not be cut off."""
        return self.submitting is not None and self._report is None

    async def _judge(self) -> None:
        """Let the verdict fall at the deadline, if the message was not seen by then."""
        await self._clock.sleep(self.awaited.deadline - self._clock.monotonic())
        if self.awaited.sighting is None:
            self.judged = self._result(Outcome.PENDING, fault=self._fault_now())
            for observer in self._workshop.observers:
                observer.verdict_fell(self.judged)

    def _fault_now(self) -> Fault:
        if self._report is None:
            return _overtaken(Leg.SUBMISSION, self.submitting)
        since = self.awaited.sought_since
        if self._report.fault or since is None:
            return self._report.fault or _NOT_ARRIVED
        last = self.owner.last_look
        if last is None or last.started < since:
            return _overtaken(Leg.RETRIEVAL, self.owner.looking) if self.owner.looking else _NOT_ARRIVED
        return self.owner.last_fate.fault or _NOT_ARRIVED

    @property
    def waited_seconds(self) -> float:
        """Return for how long the message has been looked for."""
        since = self.awaited.sought_since
        return 0.0 if since is None else self._clock.monotonic() - since

    def state(self) -> Result:
        """Return the attempt as it stands: with its verdict at the deadline, or without any."""
        return self.judged or replace(self._result(Outcome.PENDING, fault=None), success=None)

    def give_up(self) -> None:
        """Let the last look be the last: without the message, it decides now."""
        self.owner.give_up(self.awaited, self.owner.last_fate)

    def _left_at(self) -> float:
        """Return the earliest instant at which the message can have left us."""
        sent_at = self.submitting.sent_at if self.submitting else {}
        return sent_at.get(Stage.DATA, self.attempt.started)

    def _conclude(self, report: SubmissionReport, fate: Fate) -> Result:
        if fate.sighting:
            return self._arrived(report, fate, fate.sighting)
        if report.accepted_at is None:
            return self._result(Outcome.FAILED, fault=report.fault, fate=fate)
        if fate.fault:
            return self._result(Outcome.UNOBSERVED, fault=fate.fault, fate=fate)
        return self._result(Outcome.LOST, fault=_NOT_ARRIVED, fate=fate)

    def _arrived(self, report: SubmissionReport, fate: Fate, sighting: Sighting) -> Result:
        round_trip = sighting.seen - self.attempt.started
        on_time = round_trip <= self.attempt.route.deadline_seconds
        left_at = self._left_at()
        transit = None if report.accepted_at is None else max(0.0, sighting.seen - report.accepted_at)
        return self._result(
            Outcome.ON_TIME if on_time else Outcome.LATE,
            fault=None if on_time else self.judged.fault if self.judged else _NOT_ARRIVED,
            fate=fate,
            round_trip_seconds=round_trip,
            error_seconds=sighting.seen - max(left_at, sighting.absent_at or left_at),
            transit_seconds=transit,
        )

    def _result(
        self, outcome: Outcome, *, fault: Fault | None, fate: Fate | None = None, **figures: float | None
    ) -> Result:
        report, fate = self._report, fate or Fate()
        transit = figures.get("transit_seconds")
        arrival = () if transit is None else (StageTiming(leg=Leg.TRANSIT, stage=Stage.ARRIVAL, seconds=transit),)
        submitted = report.stages if report else ()
        return Result(
            attempt=self.attempt,
            outcome=outcome,
            success=outcome is Outcome.ON_TIME,
            fault=fault,
            stages=(*submitted, *arrival, *fate.stages),
            reply=report.reply if report else None,
            tls=tuple(facts for facts in (report and report.tls, fate.tls) if facts),
            duplicates=fate.duplicates,
            **figures,
        )


def _overtaken(leg: Leg, stopwatch: Stopwatch | None) -> Fault:
    stage = stopwatch.stage if stopwatch else None
    return Fault(
        leg=leg,
        stage=stage or Stage.CONNECT,
        reason=Reason.TIMEOUT,
        detail="the route's deadline passed while this was under way",
    )


def _clogged() -> SubmissionReport:
    fault = Fault(
        leg=Leg.RETRIEVAL,
        stage=Stage.DELETE,
        reason=Reason.HELD_BACK,
        detail=f"{UNREMOVED_LIMIT} of our own messages could not be removed from the maildrop: nothing more goes there",
    )
    return SubmissionReport(outcome=Outcome.FAILED, fault=fault, accepted_at=None, stages=(), reply=None, tls=None)
