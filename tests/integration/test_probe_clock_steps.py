"""Attempts that go on after the wall clock was set while no agent ran: they have no other clock."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.probing import INSTANCE, Probing, impatient, signed_mail

from mailsonar.clock import SystemClock
from mailsonar.model.result import Outcome
from mailsonar.probe.ledger import PastAttempt
from mailsonar.probe.prober import Prober

TOKEN = "a" * 20
DAY, HOUR = 86_400.0, 3_600.0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)


@pytest.mark.parametrize(
    ("step", "is_accepted", "is_on_record", "is_there", "expected"),
    [
        (-DAY, True, False, True, Outcome.ON_TIME),
        (-DAY, True, False, False, Outcome.LOST),
        (-DAY, False, False, False, Outcome.FAILED),
        (-DAY, True, True, False, Outcome.ON_TIME),
        (-0.7, True, True, False, Outcome.ON_TIME),
        (-HOUR, False, False, True, Outcome.ON_TIME),
        (DAY, True, False, True, Outcome.UNOBSERVED),
        (DAY, True, False, False, Outcome.LOST),
        (DAY, False, False, False, Outcome.FAILED),
        (DAY, True, True, False, Outcome.ON_TIME),
        (DAY, False, True, False, Outcome.ON_TIME),
    ],
)
async def test_clock_that_was_set_makes_no_figure_negative(
    mail: Probing, step: float, is_accepted: bool, is_on_record: bool, is_there: bool, expected: Outcome
) -> None:
    """Wherever the clock was set to, the attempt ends soon and once: a true outcome, and no figure below 0.

    What was on record as seen stays seen; what only a look long after the deadline finds is `unobserved`.
    """
    route = mail.route(deadline_seconds=0.6, give_up_seconds=0.8)
    started = SystemClock().wall() - 1.0 - step
    past = PastAttempt(
        token_id=TOKEN,
        purpose=route.purpose,
        started_wall=started,
        accepted_wall=started + 0.1 if is_accepted else None,
        seen_wall=started + 0.5 if is_on_record else None,
        since_wall=started + 0.3 if is_on_record else None,
    )
    if is_there:
        mail.mailbox.deliver(signed_mail(INSTANCE, 1.0, TOKEN))
    mail.owner_of(route.maildrop)
    result = await asyncio.wait_for(Prober(mail.workshop, mail.owners, asyncio.create_task).resume(past, route), 3)
    assert result.outcome is expected
    assert result.success is (expected is Outcome.ON_TIME)
    figures = (result.round_trip_seconds, result.error_seconds, result.transit_seconds)
    assert all(figure is None or figure >= 0 for figure in figures)
    assert all(timing.seconds >= 0 for timing in result.stages)
    assert (result.round_trip_seconds is None) is not (is_on_record or is_there)
    assert result.attempt.started <= SystemClock().monotonic()
    assert mail.seen.resumed == [result.attempt]
    assert mail.seen.ended == [result]
    assert mail.mailbox.messages == []
