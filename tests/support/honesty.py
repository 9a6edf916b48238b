"""Holds a result against what truly happened to its message."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.mail_by_hand import Reply, Sent

from mailsonar.model.fault import Reason
from mailsonar.model.result import Outcome, Result

ARRIVED = {Outcome.ON_TIME, Outcome.LATE}
DECIDED = {Reply.REFUSED, Reply.DEFERRED, Reply.FAILED}
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What happened to a message within sight of the process that tells the result.

    `arrived` and `bounced` tell whether it read the message, or a report of failure, while it was waiting;
    `looked_at` is the start of the last look that the server let in.
    """

    sent: Sent
    arrived: bool
    bounced: bool
    looked_at: float


def check_result(result: Result, truth: Truth) -> None:
    """Object to an outcome that is not true."""
    sent, arrived = truth.sent, truth.arrived
    outcome, attempt = result.outcome, result.attempt
    assert result.fault is None or result.fault.reason is not Reason.INTERNAL
    assert result.success is (outcome is Outcome.ON_TIME)
    if arrived:
        allowed = ARRIVED | ({Outcome.UNOBSERVED} if attempt.resumed else set())
        allowed |= {Outcome.DEFERRED} if sent.last is Reply.DEFERRED else set()
        assert outcome in allowed, "a message that arrived is never lost"
    elif outcome in ARRIVED:
        assert attempt.resumed, "only an earlier process can have seen it"
    if outcome is Outcome.ON_TIME:
        assert any(copy.arrived <= attempt.started + attempt.route.deadline_seconds + _ROUNDING for copy in sent.copies)
    if truth.bounced and not arrived:
        assert outcome is Outcome.BOUNCED or sent.last in DECIDED
    if outcome is Outcome.BOUNCED:
        assert truth.bounced or attempt.resumed
    if outcome in {Outcome.REFUSED, Outcome.DEFERRED}:
        assert sent.last is Reply[outcome.name]
    if outcome is Outcome.LOST:
        assert sent.last is Reply.ACCEPTED
        gives_up = attempt.started + attempt.route.give_up_seconds
        assert truth.looked_at >= gives_up - _ROUNDING, "only a look at the end, that shows nothing, makes a loss"
    if outcome is Outcome.FAILED:
        assert attempt.resumed or sent.last in {Reply.FAILED, Reply.UNCERTAIN}
    _check_figures(result, sent)


def _check_figures(result: Result, sent: Sent) -> None:
    """Object to figures below 0, and to an error bar that does not hold the true arrival."""
    figures = (result.round_trip_seconds, result.error_seconds, result.transit_seconds)
    assert all(figure is None or figure >= 0 for figure in figures)
    if result.round_trip_seconds is None or result.error_seconds is None:
        return
    seen = result.attempt.started + result.round_trip_seconds
    earliest = seen - result.error_seconds
    assert any(copy.was_hidden or earliest - _ROUNDING <= copy.arrived <= seen + _ROUNDING for copy in sent.copies), (
        "the true arrival lies within the error"
    )
