"""Routes whose probes shall be blocked: what comes through is the fault, what does not is the success."""

from __future__ import annotations

import pytest
from tests.support.probing import Probing, impatient

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.result import Outcome
from mailsonar.model.route import Content, Expectation, Route
from mailsonar.model.stage import Leg, Stage
from mailsonar.sandbox import pop3_faults, smtp_faults
from mailsonar.sandbox.delivery import delay, lose

NOT_BLOCKED = Fault(leg=Leg.TRANSIT, stage=Stage.ARRIVAL, reason=Reason.NOT_BLOCKED)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)


def blocked(mail: Probing, **changes: float) -> Route:
    """Return a route whose probes shall be blocked."""
    return mail.route(expect=Expectation.BLOCKED, content=Content.GTUBE, **changes)


async def test_refused_content_is_the_success(mail: Probing) -> None:
    """5xx to the content is a filter at work: blocked, a success without a fault, and the reply is kept."""
    with mail.smtp.faults.during(smtp_faults.CONTENT_REFUSED):
        result = await mail.attempt(blocked(mail))
    assert (result.outcome, result.success, result.fault) == (Outcome.BLOCKED, True, None)
    assert result.reply
    assert result.reply.code == 554


async def test_refused_recipient_proves_no_filter(mail: Probing) -> None:
    """5xx to RCPT comes before any content was seen: refused, a fault like on any route."""
    with mail.smtp.faults.during(smtp_faults.RECIPIENT_REFUSED):
        result = await mail.attempt(blocked(mail))
    assert (result.outcome, result.success) == (Outcome.REFUSED, False)
    assert result.fault
    assert (result.fault.stage, result.fault.reason) == (Stage.RCPT_TO, Reason.REJECTED)


async def test_silently_dropped_is_a_success_from_the_deadline_on(mail: Probing) -> None:
    """Accepted and not arrived: the verdict of success falls at the deadline, the outcome at the last look."""
    mail.mailbox.faults.on(lose)
    result = await mail.attempt(blocked(mail, deadline_seconds=0.3, give_up_seconds=0.6))
    assert [(one.outcome, one.success, one.fault) for one in mail.seen.verdicts] == [(Outcome.PENDING, True, None)]
    assert (result.outcome, result.success, result.fault) == (Outcome.BLOCKED, True, None)
    assert result.round_trip_seconds is None


async def test_unlooked_is_no_success(mail: Probing) -> None:
    """Where the maildrop cannot be looked into, nobody can say that nothing came: unobserved, with the look's fault."""
    mail.mailbox.faults.on(lose)
    with mail.pop3.faults.during(pop3_faults.TEMPORARY_TROUBLE):
        result = await mail.attempt(blocked(mail, deadline_seconds=0.3, give_up_seconds=0.6))
    assert [one.success for one in mail.seen.verdicts] == [False]
    assert (result.outcome, result.success) == (Outcome.UNOBSERVED, False)
    assert result.fault
    assert (result.fault.leg, result.fault.reason) == (Leg.RETRIEVAL, Reason.DEFERRED)


async def test_arrival_is_the_fault(mail: Probing) -> None:
    """What arrives in time is on_time and no success; the fault says that it was not blocked; it is removed."""
    result = await mail.attempt(blocked(mail))
    assert (result.outcome, result.success, result.fault) == (Outcome.ON_TIME, False, NOT_BLOCKED)
    assert mail.mailbox.messages == []


async def test_late_arrival_takes_the_success_back(mail: Probing) -> None:
    """What arrives after the deadline turns the verdict: late, not blocked."""
    mail.mailbox.faults.on(delay(0.5))
    result = await mail.attempt(blocked(mail, deadline_seconds=0.3))
    assert [one.success for one in mail.seen.verdicts] == [True]
    assert (result.outcome, result.success, result.fault) == (Outcome.LATE, False, NOT_BLOCKED)


async def test_uncertain_submission_proves_nothing(mail: Probing) -> None:
    """A connection lost after the final dot, and nothing arrived: failed, for nobody knows what saw it."""
    with mail.smtp.faults.during(smtp_faults.DROPPED_AT_FINAL_DOT):
        result = await mail.attempt(blocked(mail, deadline_seconds=0.3, give_up_seconds=0.6))
    assert (result.outcome, result.success) == (Outcome.FAILED, False)
    assert result.fault
    assert (result.fault.stage, result.fault.reason) == (Stage.DATA, Reason.DISCONNECTED)


async def test_nobody_looked_is_no_success(mail: Probing) -> None:
    """An owner that is new, or that a breaker holds back, has seen no empty maildrop: no green comes of that."""
    with mail.pop3.faults.during(pop3_faults.LOGIN_REFUSED):
        await mail.attempt(blocked(mail, deadline_seconds=0.3, give_up_seconds=0.6))
    mail.owners.clear()
    logins = mail.pop3.logins
    result = await mail.attempt(blocked(mail, deadline_seconds=0.3, give_up_seconds=0.6))
    assert mail.pop3.logins == logins, "the breaker is open"
    assert [one.success for one in mail.seen.verdicts] == [False, False]
    assert (result.outcome, result.success) == (Outcome.UNOBSERVED, False)
    assert result.fault
    assert (result.fault.leg, result.fault.reason) == (Leg.RETRIEVAL, Reason.AUTHENTICATION_REJECTED)
