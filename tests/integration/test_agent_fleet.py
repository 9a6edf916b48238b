"""The routes that run: what a new config replaces, what it leaves alone, and how all ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from tests.support.probing import Probing, impatient

from mailsonar.app import fleet as fleets
from mailsonar.app import supervise
from mailsonar.app.fleet import Fleet
from mailsonar.app.supervise import Supervisor
from mailsonar.clock import SystemClock
from mailsonar.model.result import Outcome
from mailsonar.model.route import Route
from mailsonar.probe.maildrop import MaildropOwner
from mailsonar.sandbox import faults
from mailsonar.sandbox.delivery import delay


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)
    monkeypatch.setattr(supervise, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(fleets, "_DRAIN_LOOK_SECONDS", 0.01)


@dataclass(frozen=True, slots=True)
class Running:
    """A fleet in a task group of its own."""

    fleet: Fleet
    mail: Probing
    restarts: list[str]

    def apply(self, *routes: Route) -> None:
        self.fleet.apply(routes, self.mail.workshop)

    async def until(self, condition: Callable[[], bool]) -> None:
        await self.mail.seen.until(condition)

    def started(self, name: str) -> int:
        return sum(attempt.route.name == name for attempt in self.mail.seen.started)

    def outcomes(self, name: str) -> Sequence[Outcome]:
        return [one.outcome for one in self.mail.seen.ended if one.attempt.route.name == name]


class Over(Exception):
    """Ends the group."""


@asynccontextmanager
async def running(mail: Probing) -> AsyncIterator[Running]:
    """Run a fleet for the length of a block; a bug that reaches its task group fails the test."""
    restarts: list[str] = []
    clock = SystemClock()
    try:
        async with asyncio.TaskGroup() as group:
            supervisor = Supervisor(group, clock, restarts.append)
            yield Running(Fleet(group, supervisor, clock, lambda _: None), mail, restarts)
            raise Over  # noqa: TRY301 - the one way to end a task group from within
    except* Over:
        pass


def often(mail: Probing, name: str, **changes: object) -> Route:
    """Return a route with an attempt every tenth of a second."""
    return mail.route(name, interval_seconds=0.1, **changes)


async def test_routes_run_on_their_schedules(mail: Probing) -> None:
    """Each route has one attempt after the other; all end as they should."""
    async with running(mail) as agent:
        agent.apply(often(mail, "a"), often(mail, "b"), replace(often(mail, "off"), enabled=False))
        await agent.until(lambda: len(agent.outcomes("a")) >= 3 and len(agent.outcomes("b")) >= 3)
        assert agent.fleet.is_running(5.0)
    assert set(agent.outcomes("a")) | set(agent.outcomes("b")) == {Outcome.ON_TIME}
    assert agent.started("off") == 0
    assert agent.restarts == []


async def test_unchanged_routes_carry_on_undisturbed(mail: Probing) -> None:
    """A new config neither interrupts attempts nor moves the schedule of what it leaves as it is."""
    unchanged = mail.route("unchanged", interval_seconds=0.5)
    async with running(mail) as agent:
        agent.apply(unchanged, often(mail, "goes"), often(mail, "changes"))
        await agent.until(lambda: agent.started("unchanged") == 1)
        mail.mailbox.faults.on(delay(0.3))
        schedule = agent.fleet._starts["unchanged"]
        await agent.until(lambda: agent.started("unchanged") == 2)
        agent.apply(unchanged, often(mail, "changes", deadline_seconds=1.0), often(mail, "comes"))
        goes = agent.started("goes")
        await agent.until(lambda: len(agent.outcomes("unchanged")) >= 3 and len(agent.outcomes("comes")) >= 3)
        assert agent.fleet._starts["unchanged"] is schedule
        assert not schedule.done()
        assert agent.started("goes") <= goes + 1
        assert {one.route.deadline_seconds for one in mail.seen.started if one.route.name == "changes"} == {2.0, 1.0}
    assert set(agent.outcomes("unchanged")) == {Outcome.ON_TIME}


async def test_changed_maildrop_ends_what_it_began(mail: Probing) -> None:
    """Attempts in flight keep the owner that they began with, which goes when the last of them has ended."""
    async with running(mail) as agent:
        mail.mailbox.faults.on(delay(0.4))
        agent.apply(mail.route("r", interval_seconds=0.2))
        await agent.until(lambda: agent.started("r") == 1)
        old = agent.fleet._owners["in"]
        agent.apply(mail.route("r", interval_seconds=0.2, maildrop_poll_seconds=0.05))
        assert agent.fleet._owners["in"] is not old
        await agent.until(lambda: len(agent.outcomes("r")) >= 2)
        assert old._book.pending.is_empty
    assert set(agent.outcomes("r")) == {Outcome.ON_TIME}
    assert [look.fault for look in mail.seen.looks if look.fault] == []


async def test_owner_that_dies_is_started_again(mail: Probing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in an owner is counted and mended by a new start; no attempt is left without an outcome."""
    good, calls = MaildropOwner._next, [0]

    def next_with_a_bug(owner: MaildropOwner) -> float | None:
        calls[0] += 1
        if calls[0] in (2, 5):
            raise RuntimeError("a bug")
        return good(owner)

    monkeypatch.setattr(MaildropOwner, "_next", next_with_a_bug)
    async with running(mail) as agent:
        agent.apply(often(mail, "r"))
        await agent.until(lambda: len(agent.outcomes("r")) >= 3)
    assert agent.restarts == ["maildrop", "maildrop"]
    assert set(agent.outcomes("r")) == {Outcome.ON_TIME}


async def test_probe_now(mail: Probing) -> None:
    """An attempt may be asked for besides the schedule; requests that pile up while it waits are one."""
    mail.smtp.faults.on(faults.late("DATA", 0.2))
    async with running(mail) as agent:
        agent.apply(mail.route("r", interval_seconds=3600.0))
        assert not agent.fleet.probe_now("nobody")
        assert all(agent.fleet.probe_now("r") for _ in range(3))
        await agent.until(lambda: agent.started("r") == 1)
        await asyncio.wait([agent.fleet._asked_for["r"]], timeout=5)
        assert all(agent.fleet.probe_now("r") for _ in range(50))
        await agent.until(lambda: len(agent.outcomes("r")) == 2)
        assert agent.started("r") == 2


async def test_probe_asked_for_a_route_that_goes(mail: Probing) -> None:
    """A request that waits when its route leaves the config is dropped: nobody dies of it."""
    mail.smtp.faults.on(faults.late("DATA", 0.2))
    async with running(mail) as agent:
        agent.apply(mail.route("r", interval_seconds=3600.0))
        agent.fleet.probe_now("r")
        await agent.until(lambda: agent.started("r") == 1)
        agent.fleet.probe_now("r")
        agent.apply()
        assert not agent.fleet.probe_now("r")
        await agent.until(lambda: len(agent.outcomes("r")) == 1)
        assert agent.started("r") == 1
    assert agent.restarts == []


async def test_drain_waits_for_sessions_under_way(mail: Probing) -> None:
    """At the end a submission that is under way is not cut off, and nothing new is started."""
    mail.smtp.faults.on(faults.late("DATA", 0.2))
    async with running(mail) as agent:
        agent.apply(often(mail, "r"))
        await agent.until(lambda: agent.started("r") == 1)
        await asyncio.wait_for(agent.fleet.drain(), 2)
        assert not agent.fleet.probe_now("r")
        assert agent.started("r") == 1
        assert len(mail.mailbox.arrived) == 1


async def test_drain_is_bounded(mail: Probing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never answers does not keep the agent from ending."""
    monkeypatch.setattr(fleets, "DRAIN_SECONDS", 0.2)
    mail.smtp.faults.on(faults.stalls("DATA"))
    async with running(mail) as agent:
        agent.apply(often(mail, "r", timeouts=mail.route().sender.account.server.timeouts))
        await agent.until(lambda: agent.started("r") == 1)
        before = SystemClock().monotonic()
        await asyncio.wait_for(agent.fleet.drain(), 10)
        assert SystemClock().monotonic() - before > 0.15
