"""The verdict falls at the deadline, whatever hangs, and names what is wrong then."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.support.probing import QUICK, Probing, at, impatient

from mailsonar.model.fault import Reason
from mailsonar.model.result import Outcome, Result
from mailsonar.model.route import Route
from mailsonar.model.server import Timeouts
from mailsonar.model.stage import Leg, Stage
from mailsonar.probe import polling, roundtrip
from mailsonar.sandbox import faults, pop3_faults
from mailsonar.sandbox.delivery import lose
from mailsonar.sandbox.faults import ServerFault

PATIENT = Timeouts()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)


async def verdict(mail: Probing, route: Route) -> Result:
    """Begin an attempt and return the verdict at its deadline."""
    await mail.begin(route)
    await mail.seen.until(lambda: bool(mail.seen.verdicts))
    [judged] = mail.seen.verdicts
    late = mail.workshop.network.clock.monotonic() - judged.attempt.started - route.deadline_seconds
    assert 0 <= late < 2
    assert (judged.outcome, judged.success) == (Outcome.PENDING, False)
    return judged


async def test_message_that_does_not_come(mail: Probing) -> None:
    """Where all looks succeed, what is wrong is that the message has not arrived."""
    mail.mailbox.faults.on(lose)
    judged = await verdict(mail, mail.route(deadline_seconds=0.3))
    assert at(judged.fault) == (Leg.TRANSIT, Stage.ARRIVAL, Reason.NOT_ARRIVED)
    assert judged.round_trip_seconds is None


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (pop3_faults.LOGIN_REFUSED, (Stage.AUTHENTICATE, Reason.AUTHENTICATION_REJECTED)),
        (pop3_faults.IN_USE, (Stage.AUTHENTICATE, Reason.MAILDROP_IN_USE)),
        (pop3_faults.LOGIN_DELAY, (Stage.AUTHENTICATE, Reason.LOGIN_DELAY)),
        (pop3_faults.TURNED_AWAY, (Stage.GREETING, Reason.DEFERRED)),
        (faults.drops("UIDL"), (Stage.LIST, Reason.DISCONNECTED)),
    ],
)
async def test_fault_of_the_last_look(mail: Probing, fault: ServerFault, expected: tuple[Stage, Reason]) -> None:
    """Where the last look failed, its fault is what is wrong: the maildrop cannot be seen into."""
    mail.pop3.faults.on(fault)
    judged = await verdict(mail, mail.route(deadline_seconds=0.3))
    assert at(judged.fault) == (Leg.RETRIEVAL, *expected)


@pytest.mark.parametrize(
    ("moment", "stage"), [("CONNECTION", Stage.GREETING), ("CAPA", Stage.CAPABILITIES), ("UIDL", Stage.LIST)]
)
async def test_look_that_hangs(mail: Probing, moment: str, stage: Stage) -> None:
    """A look that has no end by the deadline is what is wrong, at the stage where it hangs."""
    mail.pop3.faults.on(faults.stalls(moment))
    judged = await verdict(mail, mail.route(timeouts=PATIENT, deadline_seconds=0.3))
    assert at(judged.fault) == (Leg.RETRIEVAL, stage, Reason.TIMEOUT)


async def test_later_look_that_hangs(mail: Probing, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a look that hangs after others went well: the message may be there by now."""
    monkeypatch.setattr(roundtrip, "HANGING_SECONDS", 0.2)
    mail.mailbox.faults.on(lose)
    route = mail.route(timeouts=PATIENT, deadline_seconds=0.8)
    await mail.begin(route)
    await mail.seen.until(lambda: bool(mail.seen.looks))
    mail.pop3.faults.on(faults.stalls("UIDL"))
    await mail.seen.until(lambda: bool(mail.seen.verdicts))
    assert at(mail.seen.verdicts[0].fault) == (Leg.RETRIEVAL, Stage.LIST, Reason.TIMEOUT)


async def test_look_under_way_after_one_that_failed(mail: Probing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until a look has an end, or hangs, the fault of the one before stands: no other one shows while it is mended."""
    monkeypatch.setattr(polling, "RETRY_SECONDS", 0.2)
    mail.pop3.faults.on(pop3_faults.IN_USE)
    _, first = await mail.begin(mail.route("first"))
    await mail.seen.until(lambda: bool(mail.seen.looks))
    mail.pop3.faults.off(pop3_faults.IN_USE)
    mail.pop3.faults.on(faults.late("UIDL", 0.8))
    judged = await verdict(mail, mail.route("second", timeouts=PATIENT, deadline_seconds=0.5))
    assert len(mail.seen.looks) == 1
    assert at(judged.fault) == (Leg.RETRIEVAL, Stage.AUTHENTICATE, Reason.MAILDROP_IN_USE)
    first.cancel()


async def test_no_look_since_because_the_one_before_failed(mail: Probing, monkeypatch: pytest.MonkeyPatch) -> None:
    """While looks are held off after failures, the last failure stands: it is not the message that is late."""
    monkeypatch.setattr(polling, "RETRY_SECONDS", 5.0)
    mail.pop3.faults.on(pop3_faults.IN_USE)
    _, first = await mail.begin(mail.route("first"))
    await mail.seen.until(lambda: bool(mail.seen.looks))
    judged = await verdict(mail, mail.route("second", deadline_seconds=0.2))
    assert len(mail.seen.looks) == 1
    assert at(judged.fault) == (Leg.RETRIEVAL, Stage.AUTHENTICATE, Reason.MAILDROP_IN_USE)
    first.cancel()


@pytest.mark.parametrize(
    ("moment", "stage"), [("CONNECTION", Stage.GREETING), ("RCPT", Stage.RCPT_TO), (faults.FINAL_DOT, Stage.DATA)]
)
async def test_submission_that_hangs(mail: Probing, moment: str, stage: Stage) -> None:
    """A submission that has no end by the deadline is what is wrong, at the stage where it hangs."""
    mail.smtp.faults.on(faults.stalls(moment))
    judged = await verdict(mail, mail.route(timeouts=PATIENT, deadline_seconds=0.3))
    assert at(judged.fault) == (Leg.SUBMISSION, stage, Reason.TIMEOUT)


async def test_verdict_falls_between_two_tries(mail: Probing) -> None:
    """The verdict on a deferred submission falls no later than at the deadline, and says that it was deferred."""
    mail.smtp.faults.on(faults.says("451 4.7.1 later", "RCPT"), faults.late("RCPT", 0.1))
    route = mail.route(deadline_seconds=0.3)
    _, task = await mail.begin(route)
    result = await asyncio.wait_for(task, 2)
    assert result.outcome is Outcome.DEFERRED
    told = [*mail.seen.verdicts, result]
    assert {at(one.fault) for one in told} == {(Leg.SUBMISSION, Stage.RCPT_TO, Reason.DEFERRED)}


async def test_every_attempt_of_many_gets_one_verdict(mail: Probing) -> None:
    """While the maildrop hangs, each of many attempts is judged at its own deadline, and ends once."""
    mail.pop3.faults.on(faults.stalls("CONNECTION"))
    timeouts = replace(QUICK, greeting=0.5)
    routes = [
        mail.route(f"r{n}", timeouts=timeouts, deadline_seconds=0.2 + n / 100, give_up_seconds=0.5) for n in range(10)
    ]
    begun = await asyncio.gather(*map(mail.begin, routes))
    results = await asyncio.wait_for(asyncio.gather(*(task for _, task in begun)), 5)
    judged = [one.attempt.route.name for one in mail.seen.verdicts]
    assert sorted(judged) == sorted(route.name for route in routes)
    assert {result.outcome for result in results} == {Outcome.UNOBSERVED}
    assert len(mail.seen.ended) == len(routes)
