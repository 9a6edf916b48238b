"""Attempts that an earlier process began: what is on record of them decides, and nothing is looked for in vain."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.support.probing import Probing, impatient

from mailsonar.clock import SystemClock
from mailsonar.model.fault import Reason
from mailsonar.model.result import Outcome, Result
from mailsonar.model.route import Expectation, Route
from mailsonar.model.stage import Leg, Stage
from mailsonar.probe.ledger import PastAttempt
from mailsonar.probe.pending import Bounce
from mailsonar.probe.prober import Prober

TOKEN = "a" * 20


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)


async def resumed(mail: Probing, route: Route, purpose: str, bounce: Bounce | None = None) -> Result:
    """Return what becomes of an attempt that was accepted a second ago."""
    wall = SystemClock().wall()
    past = PastAttempt(token_id=TOKEN, purpose=purpose, started_wall=wall - 1, accepted_wall=wall - 0.9, bounce=bounce)
    mail.owner_of(route.maildrop)
    return await asyncio.wait_for(Prober(mail.workshop, mail.owners, asyncio.create_task).resume(past, route), 5)


@pytest.mark.parametrize("expect", Expectation)
async def test_bounce_on_record_decides(mail: Probing, expect: Expectation) -> None:
    """A report that was read, and perhaps removed, before the crash is not forgotten."""
    route = mail.route(deadline_seconds=20.0, give_up_seconds=30.0, expect=expect)
    result = await resumed(mail, route, route.purpose, Bounce(enhanced="5.1.1", text="mx: no such user"))
    assert result.reply
    assert (result.reply.enhanced, result.reply.text) == ("5.1.1", "mx: no such user")
    if expect is Expectation.BLOCKED:
        assert (result.outcome, result.success, result.fault) == (Outcome.BLOCKED, True, None)
    else:
        assert result.fault
        assert (result.outcome, result.fault.reason) == (Outcome.BOUNCED, Reason.BOUNCED)
    assert mail.seen.resumed == [result.attempt]
    assert mail.seen.ended == [result]


@pytest.mark.parametrize("changed", ["account", "expect"])
async def test_attempt_made_for_something_else_is_not_judged(mail: Probing, changed: str) -> None:
    """A message that went elsewhere cannot be lost, nor was one blocked that should arrive: unobserved, and told."""
    route = mail.route(deadline_seconds=20.0, give_up_seconds=30.0)
    other = "delivered at pop3 old.example:995 probe" if changed == "account" else route.purpose
    route = replace(route, expect=Expectation.BLOCKED) if changed == "expect" else route
    result = await resumed(mail, route, other)
    assert (result.outcome, result.success) == (Outcome.UNOBSERVED, False)
    assert result.fault
    assert (result.fault.leg, result.fault.stage) == (Leg.TRANSIT, Stage.ARRIVAL)
    assert f"another {'maildrop' if changed == 'account' else '`expect`'}" in result.fault.detail
    assert mail.pop3.logins == 0
    assert mail.seen.resumed == [result.attempt]
    assert mail.seen.ended == [result]
