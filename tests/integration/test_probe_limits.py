"""What probes never do, whatever goes wrong: crowd a server, die, hold on to what they do not need."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.support.probing import QUICK, Probing, at, impatient

from mailsonar.model.fault import Reason
from mailsonar.model.limits import Counted, Rate
from mailsonar.model.result import Outcome
from mailsonar.model.route import Route
from mailsonar.model.server import Limits, Timeouts
from mailsonar.model.stage import Leg, Stage
from mailsonar.probe import submission
from mailsonar.probe.examination import Examination
from mailsonar.probe.findings import Findings
from mailsonar.probe.turns import Turns
from mailsonar.sandbox import faults, smtp_faults
from mailsonar.sandbox.faults import ServerFault

INTERNAL = (Leg.AGENT, Stage.INTERNAL, Reason.INTERNAL)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)


class Crowd:
    """Counts how many sessions are at a moment at once."""

    def __init__(self, moment: str) -> None:
        self.now = self.most = 0
        self.fault = ServerFault(name="counts", moments=frozenset({moment}), act=self._count)

    async def _count(self, _transport: asyncio.Transport) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.02)
        self.now -= 1


def limited(route: Route, sessions: int) -> Route:
    """Return the route with that many sessions allowed to its sender."""
    account = replace(route.sender.account, limits=Limits(sessions=sessions))
    return replace(route, sender=replace(route.sender, account=account))


@pytest.mark.parametrize("sessions", [1, 2, 4])
async def test_account_has_no_more_sessions_than_allowed(mail: Probing, sessions: int) -> None:
    """`limits.sessions` holds over all routes of an account, and is made use of."""
    crowd = Crowd("DATA")
    mail.smtp.faults.on(crowd.fault)
    routes = [limited(mail.route(f"r{number}"), sessions) for number in range(8)]
    begun = await asyncio.gather(*map(mail.begin, routes))
    results = await asyncio.gather(*(task for _, task in begun))
    assert {result.outcome for result in results} == {Outcome.ON_TIME}
    assert crowd.most == sessions


def rationed(route: Route, count: int, seconds: float, counted: Counted = Counted.SUBMISSION) -> Route:
    """Return the route with so many submissions within so many seconds allowed to its sender."""
    rate = Rate(counted=counted, count=count, seconds=seconds)
    account = replace(route.sender.account, limits=Limits(submissions=(rate,)))
    return replace(route, sender=replace(route.sender, account=account))


async def test_submissions_wait_for_the_budget(mail: Probing) -> None:
    """What the provider allows within a time is not exceeded, over all routes of an account; nothing is left out."""
    came: list[float] = []
    mail.smtp.faults.on(ServerFault(name="notes", moments=frozenset({"MAIL"}), act=_note(came)))
    begun = [await mail.begin(rationed(mail.route(f"r{number}"), 2, 0.4)) for number in range(5)]
    results = await asyncio.gather(*(task for _, task in begun))
    assert {result.outcome for result in results} == {Outcome.ON_TIME}
    assert all(later - earlier > 0.3 for earlier, later in zip(came, came[2:], strict=False))
    assert came[4] - came[0] < 5


def _note(came: list[float]) -> Callable[[asyncio.Transport], Awaitable[None]]:
    async def act(_transport: asyncio.Transport) -> None:
        came.append(asyncio.get_running_loop().time())

    return act


async def test_who_waits_for_the_budget_holds_no_session(mail: Probing) -> None:
    """A route that has no room keeps no other of the account from its session."""
    outside = rationed(mail.route("outside"), 1, 600.0, Counted.EXTERNAL_SUBMISSION)
    account = replace(outside.sender.account, limits=replace(outside.sender.account.limits, sessions=1))
    sender = replace(outside.sender, address="probe@elsewhere.example", account=account)
    turns = mail.workshop.turns
    outside = replace(outside, sender=sender, deadline_seconds=1000.0)
    inside = replace(mail.route("inside"), sender=replace(sender, address=outside.maildrop.address))
    async with turns.submission(outside):
        pass
    waiting = asyncio.create_task(_enter(turns, outside))
    await asyncio.sleep(0)  # let it come as far as it can
    async with asyncio.timeout(5.0), turns.submission(inside):
        assert not waiting.done()
    waiting.cancel()


async def _enter(turns: Turns, route: Route) -> None:
    async with turns.submission(route):
        pass


async def test_attempt_beyond_the_budget_is_held_back(mail: Probing) -> None:
    """Where no room comes within the deadline, the attempt says so at once, and nobody is connected to."""
    route = rationed(mail.route(), 1, 600.0)
    assert (await mail.attempt(route)).outcome is Outcome.ON_TIME
    connections = mail.smtp.connections
    result = await mail.attempt(route)
    assert (result.outcome, at(result.fault)) == (
        Outcome.FAILED,
        (Leg.SUBMISSION, Stage.CONNECT, Reason.HELD_BACK),
    )
    assert result.fault
    assert result.fault.detail == "the account's limits leave no room for another submission in the next 10 min"
    assert mail.smtp.connections == connections


async def test_retry_beyond_the_budget_is_left_out(mail: Probing) -> None:
    """A deferral stays what it is where the budget has no room for another try."""
    mail.smtp.faults.on(smtp_faults.greylisting(3))
    result = await mail.attempt(rationed(mail.route(), 1, 600.0))
    assert (result.outcome, result.fault and result.fault.reason) == (Outcome.DEFERRED, Reason.DEFERRED)


async def test_retry_does_not_wait_beyond_the_deadline(mail: Probing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry for which the budget has room too late is left out: after the deadline nothing is submitted."""
    monkeypatch.setattr(submission, "FIRST_RETRY_SECONDS", 0.3)
    mail.smtp.faults.on(smtp_faults.greylisting(1))
    result = await mail.attempt(rationed(mail.route(deadline_seconds=0.4), 1, 0.6))
    assert (result.outcome, result.fault and result.fault.reason) == (Outcome.DEFERRED, Reason.DEFERRED)


async def test_looks_that_waited_for_each_other_keep_to_the_budget(mail: Probing) -> None:
    """Owners of one account that all saw room for one more look do not all take it."""
    account = replace(mail.route().maildrop.account, limits=Limits(logins_per_hour=2))
    crowd = Crowd("UIDL")
    mail.pop3.faults.on(crowd.fault)
    routes = [mail.route(name, maildrop_account=account, maildrop_name=name, deadline_seconds=0.5) for name in "abc"]
    begun = [await mail.begin(route) for route in routes]
    await mail.seen.until(lambda: len(mail.seen.ended) + len(mail.seen.verdicts) == 3)
    assert len(mail.seen.looks) == 2
    for _, task in begun:
        task.cancel()


async def test_looks_keep_to_the_budget_over_reloads(mail: Probing) -> None:
    """A second owner of the same account, as a reload makes one, does not start with a budget of its own."""
    account = replace(mail.route().maildrop.account, limits=Limits(logins_per_hour=1))
    first = mail.route("a", maildrop_account=account)
    assert (await mail.attempt(first)).outcome is Outcome.ON_TIME
    looks = len(mail.seen.looks)
    second = mail.route("b", maildrop_account=account, maildrop_name="new")
    _, task = await mail.begin(second)
    await mail.seen.until(lambda: len(mail.seen.verdicts) == 1)
    assert at(mail.seen.verdicts[0].fault) == (Leg.RETRIEVAL, Stage.CONNECT, Reason.HELD_BACK)
    assert len(mail.seen.looks) == looks
    task.cancel()


async def test_maildrop_is_never_looked_into_twice_at_once(mail: Probing) -> None:
    """Two owners of one account, as a reload leaves them for a while, do not lock each other out."""
    crowd = Crowd("UIDL")
    mail.pop3.faults.on(crowd.fault)
    begun = [await mail.begin(mail.route(name, maildrop_name=name)) for name in ("old", "new")]
    await asyncio.gather(*(task for _, task in begun))
    assert crowd.most == 1
    assert [look.fault for look in mail.seen.looks if look.fault] == []


class Broken:
    """An observer with a bug in each of its methods."""

    def __getattr__(self, name: str) -> Any:
        def fail(*_: object) -> None:
            raise RuntimeError(f"a bug in {name}")

        return fail


async def test_broken_observer_costs_nobody_anything(mail: Probing, caplog: pytest.LogCaptureFixture) -> None:
    """A bug in an observer is logged; outcomes stay what they are, other observers hear of them, the route goes on."""
    mail.with_observers(Broken())
    for _ in range(2):
        result = await mail.attempt(mail.route())
        assert (result.outcome, result.fault) == (Outcome.ON_TIME, None)
    assert len(mail.seen.started) == len(mail.seen.ended) == 2
    assert len(mail.seen.looks) >= 2
    assert "the observer Broken failed by our own fault" in caplog.messages


@pytest.mark.filterwarnings("error")
async def test_bug_in_an_attempt_ends_that_attempt(
    mail: Probing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug is an outcome of its own kind, told and logged once; the next attempt is a new one."""
    conclude = Findings.conclude
    monkeypatch.setattr(Findings, "conclude", lambda *_: 1 / 0)
    result = await mail.attempt(mail.route())
    assert (result.outcome, at(result.fault)) == (Outcome.FAILED, INTERNAL)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert mail.seen.ended == [result]
    monkeypatch.setattr(Findings, "conclude", conclude)
    assert (await mail.attempt(mail.route())).outcome is Outcome.ON_TIME


async def test_bug_in_a_look_blames_nobody_else(mail: Probing, monkeypatch: pytest.MonkeyPatch) -> None:
    """An owner survives its own bug: the message is `unobserved`, the fault is the agent's, the next look is good."""
    examined = Examination.examined
    monkeypatch.setattr(Examination, "examined", lambda *_: 1 / 0)
    result = await mail.attempt(mail.route(deadline_seconds=0.2, give_up_seconds=0.3))
    assert (result.outcome, at(result.fault)) == (Outcome.UNOBSERVED, INTERNAL)
    monkeypatch.setattr(Examination, "examined", examined)
    assert (await mail.attempt(mail.route())).outcome is Outcome.ON_TIME
    assert mail.mailbox.messages == []


def open_files() -> int:
    """Return how many file descriptors this process has."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a path for each would be one descriptor more


async def test_cancelled_attempts_leave_nothing(mail: Probing) -> None:
    """Two hundred attempts cancelled wherever they are leave no task, no descriptor and no turn taken."""
    await mail.attempt(limited(mail.route(), 50))
    routes = [limited(mail.route(f"r{number}", timeouts=QUICK), 50) for number in range(50)]
    tasks, files = len(asyncio.all_tasks()), open_files()
    for moment in ("CONNECTION", "AUTH", faults.FINAL_DOT, "nothing"):
        with mail.smtp.faults.during(faults.stalls(moment)):
            begun = [task for _, task in await asyncio.gather(*map(mail.begin, routes))]
            await asyncio.wait(begun, timeout=0.05)
            for task in begun:
                task.cancel()
            await asyncio.wait(begun)
    listening = 2
    await mail.smtp.end()
    await mail.pop3.end()
    assert open_files() == files - listening
    assert len(asyncio.all_tasks()) == tasks
    for route in routes:
        assert not mail.workshop.turns._submissions[route.name].locked()


async def test_many_attempts_leave_little_behind(mail: Probing) -> None:
    """After many attempts only what may still come is remembered, and nothing of what was sent."""
    route = mail.route(deadline_seconds=0.02, give_up_seconds=0.02)
    mail.smtp.close()
    for _ in range(300):
        await mail.attempt(route)
    book = mail.owner_of(route.maildrop)._book
    assert book.pending.is_empty
    assert len(book.pending._ended) < 150
    assert len(mail.workshop.turns._submissions) == 1


async def test_route_that_waits_for_its_turn_does_not_stay_green(mail: Probing) -> None:
    """While an account's sessions hang, its other routes do not keep the verdict of better times."""
    routes = [limited(mail.route(f"r{n}", timeouts=Timeouts(), deadline_seconds=0.3), 1) for n in range(5)]
    assert {(await mail.attempt(route)).success for route in routes} == {True}
    mail.smtp.faults.on(faults.stalls("DATA"))
    await asyncio.wait_for(asyncio.gather(*map(mail.begin, routes)), 2)
    await mail.seen.until(lambda: len(mail.seen.verdicts) == 1 and len(mail.seen.ended) == 9)
    assert at(mail.seen.verdicts[0].fault) == (Leg.SUBMISSION, Stage.DATA, Reason.TIMEOUT)
    held = mail.seen.ended[5:]
    assert {(one.outcome, at(one.fault)) for one in held} == {
        (Outcome.FAILED, (Leg.SUBMISSION, Stage.CONNECT, Reason.HELD_BACK))
    }
    assert {one.attempt.route.name for one in held} == {"r1", "r2", "r3", "r4"}
