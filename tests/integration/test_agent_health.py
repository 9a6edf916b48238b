"""What the agent says of itself: a bug of ours is a fault of the agent, and a schedule that stands still shows."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from tests.integration.test_agent_fleet import often, running
from tests.support.probing import Probing, impatient

from mailsonar.app import fleet, supervise
from mailsonar.model.fault import Fault, Reason
from mailsonar.model.result import Outcome
from mailsonar.model.stage import Leg, Stage
from mailsonar.probe import prober
from mailsonar.probe.maildrop import MaildropOwner
from mailsonar.sandbox import faults

FOREIGN = b"From: friend@acme.example\r\nSubject: hello\r\n\r\nhello\r\n"
INTERNAL = Fault(leg=Leg.AGENT, stage=Stage.INTERNAL, reason=Reason.INTERNAL, detail="RuntimeError")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)
    monkeypatch.setattr(supervise, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(supervise, "LONGEST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(fleet, "_DRAIN_LOOK_SECONDS", 0.01)


def breaks(*_: object) -> None:
    """Be a bug."""
    raise RuntimeError("a bug")


async def test_owner_that_cannot_look_is_our_own_fault(mail: Probing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a bug keeps us from looking, verdict and outcome say that it is ours, and nobody waits for ever."""
    monkeypatch.setattr(MaildropOwner, "_next", breaks)
    async with running(mail) as agent:
        agent.apply(often(mail, "r", deadline_seconds=0.3, give_up_seconds=0.6))
        await agent.until(lambda: len(agent.outcomes("r")) >= 2)
    assert {one.fault for one in mail.seen.verdicts} == {INTERNAL}
    assert {(one.outcome, one.success, one.fault) for one in mail.seen.ended} == {(Outcome.UNOBSERVED, False, INTERNAL)}
    assert set(agent.restarts) == {"maildrop"}


async def test_probe_that_cannot_be_made_is_our_own_fault(mail: Probing, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that a bug keeps from being composed fails by our own fault: no route keeps its last green."""
    async with running(mail) as agent:
        agent.apply(often(mail, "r"))
        await agent.until(lambda: Outcome.ON_TIME in agent.outcomes("r"))
        monkeypatch.setattr(prober, "compose", breaks)
        await agent.until(lambda: mail.seen.ended[-1].fault == INTERNAL)
        assert (mail.seen.ended[-1].outcome, mail.seen.ended[-1].success) == (Outcome.FAILED, False)
        monkeypatch.undo()
        impatient(monkeypatch)
        await agent.until(lambda: mail.seen.ended[-1].success is True)
    assert agent.restarts == []


async def test_schedule_that_stands_still_shows(mail: Probing, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent is not ready while an attempt is due that nothing sets off; one that waits for its turn is set off."""
    async with running(mail) as agent:
        mail.smtp.faults.on(slow := faults.stalls("DATA"))
        agent.apply(often(mail, "r", timeouts=mail.route().sender.account.server.timeouts))
        await agent.until(lambda: agent.started("r") == 1)
        await agent.until(lambda: agent.started("r") == 2)
        assert agent.fleet.is_running(0.2), "the second one waited for the end of the first"
        mail.smtp.faults.off(slow)
        broken = asyncio.Event()

        async def begin(*_: object) -> None:
            broken.set()
            breaks()

        monkeypatch.setattr(prober.Prober, "begin", begin)
        await asyncio.wait_for(broken.wait(), 5)
        assert not agent.fleet.is_running(0.0)
        await agent.until(lambda: len(agent.outcomes("r")) == agent.started("r"))
    assert set(agent.restarts) == {"route"}


async def test_drain_reads_no_further(mail: Probing) -> None:
    """A look into a full maildrop is cut short at the end, and leaves by QUIT: no lock stays behind."""
    some_read, reads = asyncio.Event(), count()

    async def slowly(_: asyncio.Transport) -> None:
        await asyncio.sleep(0.01)
        if next(reads) == 5:
            some_read.set()

    mail.pop3.faults.on(faults.ServerFault(name="reads slowly", moments=frozenset({"TOP"}), act=slowly))
    for _ in range(400):
        mail.mailbox.deliver(FOREIGN)
    async with running(mail) as agent:
        agent.apply(often(mail, "r", give_up_seconds=30.0, deadline_seconds=20.0))
        await agent.until(lambda: agent.started("r") == 1)
        await asyncio.wait_for(some_read.wait(), 5)
        await asyncio.wait_for(agent.fleet.drain(), 5)
        assert next(reads) < 50
        assert mail.pop3.commands[-1] == "QUIT"
