"""What became of an attempt, from all that is known of it: pure.

On a route whose probes shall be blocked the signs are turned round: what does not arrive, though the maildrop can be
looked into, is the success. A recipient that is refused says nothing about a filter, and stays a fault.

Round trip, error and transit rest on the monotonic clock alone; what a server writes into a message is never believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.result import Attempt, Outcome, Reply, Result
from mailsonar.model.route import Expectation
from mailsonar.model.stage import Leg, Stage, StageTiming
from mailsonar.probe.known import Sighting
from mailsonar.probe.pending import Bounce, Fate
from mailsonar.probe.submission import SubmissionReport

UNREMOVED_LIMIT = 100

NOT_ARRIVED = Fault(leg=Leg.TRANSIT, stage=Stage.ARRIVAL, reason=Reason.NOT_ARRIVED)
NOT_BLOCKED = Fault(leg=Leg.TRANSIT, stage=Stage.ARRIVAL, reason=Reason.NOT_BLOCKED)
NOT_LOOKED = Fault(
    leg=Leg.RETRIEVAL,
    stage=Stage.CONNECT,
    reason=Reason.HELD_BACK,
    detail="no look into the maildrop came about since the message left us",
)
UNREADABLE = Fault(
    leg=Leg.RETRIEVAL,
    stage=Stage.FETCH,
    reason=Reason.REJECTED,
    detail="a message that came since is listed, but cannot be read: nobody can say whose it is",
)

CLOGGED = Fault(
    leg=Leg.RETRIEVAL,
    stage=Stage.DELETE,
    reason=Reason.HELD_BACK,
    detail=f"{UNREMOVED_LIMIT} of our own messages could not be removed from the maildrop: nothing more goes there",
)


def overtaken(leg: Leg, stage: Stage | None) -> Fault:
    """Return the fault that a session is still under way at the route's deadline, at a stage if it has come to one."""
    return Fault(
        leg=leg,
        stage=stage or Stage.CONNECT,
        reason=Reason.RESOLVE if stage is Stage.RESOLVE else Reason.TIMEOUT,  # no answer is no address
        detail="the route's deadline passed while this was under way",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What is known of an attempt.

    `left_at` is the earliest monotonic instant at which its message can have left us; `was_overdue` tells that its
    deadline passed while no agent was running; `judged` is the verdict that fell at the deadline.
    """

    attempt: Attempt
    report: SubmissionReport | None
    left_at: float
    judged: Result | None = None
    was_overdue: bool = False

    def conclude(self, fate: Fate) -> Result:
        """Return the result of an attempt whose message left us, or may have.

        Args:
            fate: what the maildrop has to say.
        """
        if fate.sighting:
            return self._arrived(fate, fate.sighting)
        if fate.bounce:
            return self._bounced(fate, fate.bounce)
        if self.report is None or self.report.accepted_at is None:
            return self.result(Outcome.FAILED, fault=self.report.fault if self.report else None, fate=fate)
        if fate.fault:
            return self.result(Outcome.UNOBSERVED, fault=fate.fault, fate=fate)
        return self.result(Outcome.LOST, fault=NOT_ARRIVED, fate=fate)

    def is_on_time(self, sighting: Sighting) -> bool:
        """Tell whether a message that was seen so kept the route's deadline."""
        return sighting.seen - self.attempt.started <= self.attempt.route.deadline_seconds

    def verdict(self, sighting: Sighting | None, fault: Fault) -> Result:
        """Return the verdict at the deadline, of an attempt that has no outcome yet.

        Args:
            sighting: when the message was seen, if it was.
            fault: what is wrong if it was not seen in time.
        """
        is_seen = sighting is not None and self.is_on_time(sighting)
        if self._shall_be_blocked:
            found = NOT_BLOCKED if is_seen else None if fault.reason is Reason.NOT_ARRIVED else fault
        else:
            found = None if is_seen else fault
        return replace(self.result(Outcome.PENDING, fault=found), success=found is None)

    def result(
        self, outcome: Outcome, *, fault: Fault | None, fate: Fate | None = None, **figures: float | None
    ) -> Result:
        """Return a result with this outcome, or what it means where the message was to be blocked."""
        report, fate = self.report, fate or Fate()
        if self._shall_be_blocked:
            outcome, fault = _of_unwanted(outcome, fault)
        transit = figures.get("transit_seconds")
        arrival = () if transit is None else (StageTiming(leg=Leg.TRANSIT, stage=Stage.ARRIVAL, seconds=transit),)
        submitted = report.stages if report else ()
        return Result(
            attempt=self.attempt,
            outcome=outcome,
            success=outcome is (Outcome.BLOCKED if self._shall_be_blocked else Outcome.ON_TIME),
            fault=fault,
            stages=(*submitted, *arrival, *fate.stages),
            reply=report.reply if report else None,
            tls=tuple(facts for facts in (report and report.tls, fate.tls) if facts),
            provenance=fate.provenance,
            duplicates=fate.duplicates,
            transcripts=(),
            **figures,
        )

    @property
    def _shall_be_blocked(self) -> bool:
        return self.attempt.route.expect is Expectation.BLOCKED

    def _arrived(self, fate: Fate, sighting: Sighting) -> Result:
        on_time, left_at = self.is_on_time(sighting), self.left_at
        if left_at > sighting.seen:  # a submission that was deferred had been delivered all the same
            left_at = self.attempt.started
        accepted_at = self.report.accepted_at if self.report else None
        late = Outcome.UNOBSERVED if self.was_overdue and sighting.absent_at is None else Outcome.LATE
        fault = None if on_time else (self.judged and self.judged.fault) or NOT_ARRIVED
        return self.result(
            Outcome.ON_TIME if on_time else late,
            fault=NOT_BLOCKED if self._shall_be_blocked else fault,
            fate=fate,
            round_trip_seconds=sighting.seen - self.attempt.started,
            error_seconds=sighting.seen - max(left_at, sighting.absent_at or left_at),
            transit_seconds=None if accepted_at is None else max(0.0, sighting.seen - accepted_at),
        )

    def _bounced(self, fate: Fate, bounce: Bounce) -> Result:
        detail = " ".join(filter(None, (bounce.enhanced, bounce.text)))
        fault = Fault(leg=Leg.TRANSIT, stage=Stage.ARRIVAL, reason=Reason.BOUNCED, detail=detail)
        result = self.result(Outcome.BOUNCED, fault=fault, fate=fate)
        return replace(result, reply=Reply(enhanced=bounce.enhanced, text=bounce.text))


def _of_unwanted(outcome: Outcome, fault: Fault | None) -> tuple[Outcome, Fault | None]:
    """Return what an outcome means where the message was to be blocked."""
    if outcome in (Outcome.LOST, Outcome.BOUNCED):
        return Outcome.BLOCKED, None
    if outcome is Outcome.REFUSED and fault and fault.stage is Stage.DATA:
        return Outcome.BLOCKED, None
    return outcome, fault
