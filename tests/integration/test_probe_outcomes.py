"""Every way in which an attempt can end, and what it says then."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest
from tests.support.probing import PASSWORD, QUICK, Probing, at, impatient

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.result import Outcome
from mailsonar.model.stage import Leg, Stage
from mailsonar.probe import submission
from mailsonar.sandbox import faults, smtp_faults
from mailsonar.sandbox.delivery import delay, duplicate, lose
from mailsonar.sandbox.faults import ServerFault, says, says_first

NOT_ARRIVED = Fault(leg=Leg.TRANSIT, stage=Stage.ARRIVAL, reason=Reason.NOT_ARRIVED)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)


def told_once(mail: Probing, *, verdicts: int) -> None:
    """See that the attempt was told exactly once each way."""
    assert [len(mail.seen.started), len(mail.seen.verdicts), len(mail.seen.ended)] == [1, verdicts, 1]


async def test_on_time(mail: Probing) -> None:
    """A message that is seen in time is a success: no fault, all stages in order, nothing left in the maildrop."""
    result = await mail.attempt(mail.route())
    assert (result.outcome, result.success, result.fault) == (Outcome.ON_TIME, True, None)
    assert [timing.stage for timing in result.stages] == [
        Stage.RESOLVE, Stage.CONNECT, Stage.GREETING, Stage.HELLO, Stage.AUTHENTICATE, Stage.MAIL_FROM, Stage.RCPT_TO,
        Stage.DATA, Stage.QUIT, Stage.ARRIVAL, Stage.RESOLVE, Stage.CONNECT, Stage.GREETING, Stage.CAPABILITIES,
        Stage.AUTHENTICATE, Stage.LIST, Stage.FETCH, Stage.DELETE, Stage.QUIT,
    ]  # fmt: skip
    assert not any(timing.failed for timing in result.stages)
    assert result.reply
    assert result.reply.code == 250
    assert mail.mailbox.messages == []
    told_once(mail, verdicts=0)
    assert mail.seen.ended == [result]


async def test_round_trip_is_the_sum_of_its_legs(mail: Probing) -> None:
    """Round trip = submission up to its 250 + transit: no moment is lost, none is counted twice."""
    mail.mailbox.faults.on(delay(0.2))
    result = await mail.attempt(mail.route())
    submitted = sum(
        timing.seconds for timing in result.stages if timing.leg is Leg.SUBMISSION and timing.stage is not Stage.QUIT
    )
    assert result.round_trip_seconds
    assert result.transit_seconds
    assert result.round_trip_seconds == pytest.approx(submitted + result.transit_seconds, abs=0.1)


async def test_late_keeps_the_fault_of_the_deadline(mail: Probing) -> None:
    """A message that comes after the deadline is late, no success, and its fault is what was said at the deadline."""
    mail.mailbox.faults.on(delay(0.5))
    result = await mail.attempt(mail.route(deadline_seconds=0.3))
    assert (result.outcome, result.success, result.fault) == (Outcome.LATE, False, NOT_ARRIVED)
    assert result.round_trip_seconds
    assert result.round_trip_seconds > 0.5
    assert [(one.outcome, one.success, one.fault) for one in mail.seen.verdicts] == [
        (Outcome.PENDING, False, NOT_ARRIVED)
    ]
    told_once(mail, verdicts=1)


async def test_lost(mail: Probing) -> None:
    """An accepted message that the last look, at `give_up`, does not show is lost."""
    mail.mailbox.faults.on(lose)
    result = await mail.attempt(mail.route(deadline_seconds=0.2, give_up_seconds=0.4))
    assert (result.outcome, result.success, result.fault) == (Outcome.LOST, False, NOT_ARRIVED)
    assert result.round_trip_seconds is None
    assert result.transit_seconds is None
    assert Stage.ARRIVAL not in {timing.stage for timing in result.stages}
    told_once(mail, verdicts=1)


async def test_unobserved(mail: Probing) -> None:
    """Where the last look fails, nobody can say: a fault of the maildrop's server never makes a message lost."""
    mail.pop3.faults.on(faults.drops("UIDL"))
    result = await mail.attempt(mail.route(deadline_seconds=0.2, give_up_seconds=0.4))
    assert (result.outcome, result.success) == (Outcome.UNOBSERVED, False)
    assert at(result.fault) == (Leg.RETRIEVAL, Stage.LIST, Reason.DISCONNECTED)
    assert at(mail.seen.verdicts[0].fault) == at(result.fault)
    told_once(mail, verdicts=1)


@pytest.mark.parametrize(
    ("fault", "stage"),
    [
        (smtp_faults.SENDER_REFUSED, Stage.MAIL_FROM),
        (smtp_faults.RECIPIENT_REFUSED, Stage.RCPT_TO),
        (smtp_faults.DATA_REFUSED, Stage.DATA),
        (smtp_faults.CONTENT_REFUSED, Stage.DATA),
    ],
)
async def test_refused(mail: Probing, fault: ServerFault, stage: Stage) -> None:
    """A 5xx to the envelope or the content ends the attempt at once; nobody looks for what was not taken."""
    mail.smtp.faults.on(fault)
    result = await mail.attempt(mail.route())
    assert (result.outcome, result.success) == (Outcome.REFUSED, False)
    assert at(result.fault) == (Leg.SUBMISSION, stage, Reason.REJECTED)
    assert mail.seen.looks == []
    told_once(mail, verdicts=0)


async def test_deferred_and_accepted_in_the_end(mail: Probing) -> None:
    """Greylisting is no outage: the same message is submitted again, and the time counts from the first try."""
    mail.smtp.faults.on(smtp_faults.greylisting(2))
    result = await mail.attempt(mail.route())
    assert (result.outcome, result.success, result.fault) == (Outcome.ON_TIME, True, None)
    assert mail.smtp.connections == 3
    assert result.round_trip_seconds
    assert result.round_trip_seconds > 0.3
    assert result.error_seconds
    assert result.error_seconds < result.round_trip_seconds


async def test_deferred_to_the_deadline(mail: Probing) -> None:
    """A 4xx to every try up to the deadline is `deferred`; no retry starts that cannot be in time."""
    mail.smtp.faults.on(smtp_faults.greylisting(1000))
    result = await mail.attempt(mail.route(deadline_seconds=0.5))
    assert (result.outcome, result.success) == (Outcome.DEFERRED, False)
    assert at(result.fault) == (Leg.SUBMISSION, Stage.RCPT_TO, Reason.DEFERRED)
    assert 2 <= mail.smtp.connections <= 3, "a third retry would come after 0.7 s; a slow machine has time for one only"
    told_once(mail, verdicts=0)


async def test_no_retry_fits_a_short_deadline(mail: Probing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the first retry would come after the deadline, the outcome is known at once."""
    monkeypatch.setattr(submission, "FIRST_RETRY_SECONDS", 15.0)
    mail.smtp.faults.on(smtp_faults.greylisting(1000))
    assert (await mail.attempt(mail.route())).outcome is Outcome.DEFERRED
    assert mail.smtp.connections == 1


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (smtp_faults.TURNED_AWAY, (Leg.SUBMISSION, Stage.GREETING, Reason.REJECTED)),
        (smtp_faults.SHUTTING_DOWN, (Leg.SUBMISSION, Stage.GREETING, Reason.DEFERRED)),
        (smtp_faults.LOGIN_REFUSED, (Leg.SUBMISSION, Stage.AUTHENTICATE, Reason.AUTHENTICATION_REJECTED)),
        (smtp_faults.LOGIN_DEFERRED, (Leg.SUBMISSION, Stage.AUTHENTICATE, Reason.AUTHENTICATION_DEFERRED)),
        (faults.drops("MAIL"), (Leg.SUBMISSION, Stage.MAIL_FROM, Reason.DISCONNECTED)),
        (faults.drops("DATA"), (Leg.SUBMISSION, Stage.DATA, Reason.DISCONNECTED)),
        (faults.stalls("RCPT"), (Leg.SUBMISSION, Stage.RCPT_TO, Reason.TIMEOUT)),
    ],
)
async def test_failed(mail: Probing, fault: ServerFault, expected: tuple[Leg, Stage, Reason]) -> None:
    """A submission that ends for any other reason is `failed`, and names leg, stage and reason."""
    mail.smtp.faults.on(fault)
    result = await mail.attempt(mail.route())
    assert (result.outcome, result.success) == (Outcome.FAILED, False)
    assert at(result.fault) == expected
    assert [timing.stage for timing in result.stages if timing.failed] == [expected[1]]
    told_once(mail, verdicts=0)


async def test_port_that_refuses(mail: Probing) -> None:
    """A server that is down is told as such, at once."""
    mail.smtp.close()
    result = await mail.attempt(mail.route())
    assert result.outcome is Outcome.FAILED
    assert at(result.fault) == (Leg.SUBMISSION, Stage.CONNECT, Reason.CONNECTION_REFUSED)


async def test_uncertain_and_seen(mail: Probing) -> None:
    """A connection lost after the final dot proves nothing: the message is looked for, and found."""
    mail.smtp.faults.on(smtp_faults.DROPPED_AFTER_DELIVERY)
    result = await mail.attempt(mail.route())
    assert (result.outcome, result.success, result.fault) == (Outcome.ON_TIME, True, None)
    assert result.transit_seconds is None
    assert result.error_seconds is not None
    assert mail.smtp.connections == 1
    assert mail.mailbox.messages == []


async def test_uncertain_and_late(mail: Probing) -> None:
    """Such a message may be late as well; until then its submission is what is wrong."""
    mail.smtp.faults.on(smtp_faults.DROPPED_AFTER_DELIVERY)
    mail.mailbox.faults.on(delay(0.4))
    result = await mail.attempt(mail.route(deadline_seconds=0.2))
    assert (result.outcome, result.success) == (Outcome.LATE, False)
    assert at(result.fault) == (Leg.SUBMISSION, Stage.DATA, Reason.DISCONNECTED)
    told_once(mail, verdicts=1)


@pytest.mark.parametrize("fault", [smtp_faults.DROPPED_AT_FINAL_DOT, faults.stalls(faults.FINAL_DOT)])
async def test_uncertain_and_not_seen(mail: Probing, fault: ServerFault) -> None:
    """A message that the last look does not show after that has failed in submission; it was submitted once only."""
    mail.smtp.faults.on(fault)
    result = await mail.attempt(
        mail.route(timeouts=replace(QUICK, data=0.2), deadline_seconds=0.4, give_up_seconds=0.5)
    )
    assert (result.outcome, result.success) == (Outcome.FAILED, False)
    fault_now = at(result.fault)
    assert fault_now
    assert fault_now[:2] == (Leg.SUBMISSION, Stage.DATA)
    assert mail.smtp.connections == 1
    told_once(mail, verdicts=1)


@pytest.mark.parametrize("copies", [2, 5])
async def test_duplicates(mail: Probing, copies: int) -> None:
    """Of n copies one is the success and n - 1 are duplicates; all are removed."""
    mail.mailbox.faults.on(duplicate(copies))
    result = await mail.attempt(mail.route())
    assert (result.outcome, result.duplicates) == (Outcome.ON_TIME, copies - 1)
    assert mail.seen.duplicates == [result.attempt] * (copies - 1)
    assert mail.mailbox.messages == []
    assert len(mail.mailbox.seen.deleted) == copies
    told_once(mail, verdicts=0)


async def test_copy_that_comes_later_is_a_duplicate(mail: Probing) -> None:
    """A copy that comes after the attempt has ended is counted and removed, and is no second success."""
    first = await mail.attempt(mail.route())
    _, content = mail.mailbox.arrived[0]
    mail.mailbox.deliver(content)
    second = await mail.attempt(mail.route())
    assert second.outcome is Outcome.ON_TIME
    assert mail.seen.duplicates == [first.attempt]
    assert mail.mailbox.messages == []
    assert len(mail.seen.ended) == 2


async def test_straggler_is_removed_and_is_no_duplicate(mail: Probing) -> None:
    """A message that comes after it was given up is removed in silence; its outcome stands."""
    mail.mailbox.faults.on(delay(0.6))
    lost = await mail.attempt(mail.route(deadline_seconds=0.1, give_up_seconds=0.3))
    await asyncio.wait_for(mail.mailbox.arrivals(1), 2)
    mail.mailbox.faults.off(*mail.mailbox.faults)
    await mail.attempt(mail.route())
    assert lost.outcome is Outcome.LOST
    assert mail.seen.duplicates == []
    assert mail.mailbox.messages == []
    assert [result.outcome for result in mail.seen.ended] == [Outcome.LOST, Outcome.ON_TIME]


async def test_seen_before_its_250(mail: Probing) -> None:
    """A message may be seen before it is accepted: transit is 0 then, never less."""
    mail.smtp.faults.on(smtp_faults.late_acceptance(0.3))
    slow, task = await mail.begin(mail.route("slow"))
    await asyncio.wait_for(mail.mailbox.arrivals(1), 2)
    mail.owner_of(slow.attempt.route.maildrop).seek(slow.awaited)
    result = await asyncio.wait_for(task, 2)
    assert (result.outcome, result.transit_seconds) == (Outcome.ON_TIME, 0.0)
    assert result.error_seconds is not None
    assert result.error_seconds >= 0


async def test_seen_in_time_with_its_250_after_the_deadline(mail: Probing) -> None:
    """What counts is that the message was seen: the verdict falls at the deadline, as a success, and stays one."""
    mail.smtp.faults.on(smtp_faults.late_acceptance(0.6))
    slow, task = await mail.begin(mail.route("slow", deadline_seconds=0.4))
    await asyncio.wait_for(mail.mailbox.arrivals(1), 2)
    mail.owner_of(slow.attempt.route.maildrop).seek(slow.awaited)
    result = await asyncio.wait_for(task, 2)
    assert [(one.outcome, one.success, one.fault) for one in mail.seen.verdicts] == [(Outcome.PENDING, True, None)]
    assert (result.outcome, result.success) == (Outcome.ON_TIME, True)


async def test_deferred_but_delivered_all_the_same(mail: Probing) -> None:
    """A server that defers what it delivers makes a duplicate of our retry; the error bar still holds the arrival."""
    mail.smtp.faults.on(says_first(1, "451 4.3.0 later", faults.ACCEPTANCE))
    roundtrip, task = await mail.begin(mail.route())
    await asyncio.wait_for(mail.mailbox.arrivals(1), 2)
    mail.owner_of(roundtrip.attempt.route.maildrop).seek(roundtrip.awaited)
    result = await asyncio.wait_for(task, 2)
    assert result.outcome is Outcome.ON_TIME
    assert result.error_seconds is not None
    assert result.round_trip_seconds is not None
    assert 0 <= result.error_seconds <= result.round_trip_seconds


async def test_error_bar_holds_the_true_arrival(mail: Probing) -> None:
    """The true arrival lies within [seen - error, seen], wherever between two looks it falls."""
    for seconds in (0.0, 0.07, 0.13, 0.21, 0.34):
        mail.mailbox.faults.on(delay(seconds))
        result = await mail.attempt(mail.route())
        mail.mailbox.faults.off(*mail.mailbox.faults)
        assert result.round_trip_seconds is not None
        assert result.error_seconds is not None
        seen = result.attempt.started + result.round_trip_seconds
        arrived, _ = mail.mailbox.arrived[-1]
        assert seen - result.error_seconds <= arrived <= seen
    errors = [result.error_seconds or 0 for result in mail.seen.ended]
    assert max(errors) < 5


async def test_overlapping_attempts_keep_their_own_fates(mail: Probing) -> None:
    """Each message counts for its own attempt, whatever order they arrive in."""
    seconds = (0.5, 0.1, 0.3)
    begun = []
    for wait in seconds:
        mail.mailbox.faults.on(delay(wait))
        begun.append(await mail.begin(mail.route("r", deadline_seconds=0.4)))
        await mail.seen.until(lambda: len(mail.smtp.commands) and mail.smtp.commands[-1] == "QUIT")
        mail.mailbox.faults.off(*mail.mailbox.faults)
    results = await asyncio.gather(*(task for _, task in begun))
    assert [result.outcome for result in results] == [Outcome.LATE, Outcome.ON_TIME, Outcome.ON_TIME]
    assert len({result.attempt.token_id for result in mail.seen.ended}) == len(mail.seen.ended) == len(seconds)


async def test_submissions_of_one_route_never_overlap(mail: Probing) -> None:
    """Attempts may overlap, submissions of one route may not."""
    mail.smtp.faults.on(faults.late("DATA", 0.05))
    begun = [await mail.begin(mail.route()) for _ in range(3)]
    results = await asyncio.gather(*(task for _, task in begun))
    spans = sorted(
        (one.attempt.started, one.attempt.started + sum(t.seconds for t in one.stages if t.leg is Leg.SUBMISSION))
        for one in results
    )
    assert all(before[1] <= after[0] + 0.01 for before, after in pairwise(spans))


async def test_password_that_a_server_quotes_is_struck_out(mail: Probing) -> None:
    """A reply that quotes the password reaches no sink with it, on either leg."""
    mail.smtp.faults.on(says(f"535 5.7.8 {PASSWORD} is wrong", faults.CREDENTIALS))
    submission_fault = (await mail.attempt(mail.route())).fault
    mail.smtp.faults.off(*mail.smtp.faults)
    mail.pop3.faults.on(says(f"-ERR [AUTH] {PASSWORD} is wrong", faults.CREDENTIALS))
    retrieval_fault = (await mail.attempt(mail.route(deadline_seconds=0.2, give_up_seconds=0.3))).fault
    told = repr([mail.seen.started, mail.seen.verdicts, mail.seen.ended, mail.seen.looks, mail.seen.logins])
    assert PASSWORD not in told
    assert submission_fault
    assert retrieval_fault
    assert "*** is wrong" in submission_fault.detail
    assert "*** is wrong" in retrieval_fault.detail


async def test_message_id_that_a_server_quotes_shows_without_its_hmac(mail: Probing) -> None:
    """A 250 that quotes our Message-ID, as large providers' do, does not tell who reads our results how to sign."""
    await mail.attempt(mail.route())
    _, content = mail.mailbox.arrived[0]
    token = content.split(b"X-MailSonar-Token: ")[1].split(b"\r\n")[0].decode()
    mail.smtp.faults.on(says(f"250 2.6.0 <{token}@acme.example> Queued mail for delivery", faults.ACCEPTANCE))
    result = await mail.attempt(mail.route())
    assert result.reply
    assert result.reply.text.endswith("***@acme.example> Queued mail for delivery")
    assert token.rpartition("-")[2] not in repr(result)
