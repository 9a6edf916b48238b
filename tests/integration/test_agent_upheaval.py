"""Attempts that are overtaken by a reload, by the end or by a bug of ours: each is counted once and ends once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.integration.test_agent_fleet import often, running
from tests.support.probing import PASSWORD, Probing, StampedMailbox, account_at, impatient

from mailsonar.app import fleet as fleets
from mailsonar.app import supervise
from mailsonar.clock import SystemClock
from mailsonar.message.compose import TOKEN_FIELD
from mailsonar.model.fault import Reason
from mailsonar.model.result import Outcome
from mailsonar.model.route import Maildrop, Route
from mailsonar.model.server import Credentials, Protocol, Secret
from mailsonar.model.stage import Leg
from mailsonar.observe.metrics import Metrics
from mailsonar.probe.ledger import Intent, NoLedger
from mailsonar.sandbox import faults
from mailsonar.sandbox.delivery import Parcel

SENDERS_ADDRESS = "sender@acme.example"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)
    monkeypatch.setattr(supervise, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(fleets, "_DRAIN_LOOK_SECONDS", 0.01)


class Lost:
    """Loses what is delivered, and keeps the header field that tells whose it was."""

    def __init__(self) -> None:
        self.token = b""

    def __call__(self, parcel: Parcel) -> list[Parcel]:
        self.token = next(line for line in parcel.content.split(b"\r\n") if line.startswith(TOKEN_FIELD.encode()))
        return []

    def report(self) -> bytes:
        """Return a report that what was lost could not be delivered."""
        lines = (
            b'Content-Type: multipart/report; report-type=delivery-status; boundary="x"', b"", b"--x",
            b"Content-Type: message/delivery-status", b"", b"Action: failed", b"Status: 5.1.1", b"--x",
            b"Content-Type: text/rfc822-headers", b"", self.token, b"", b"--x--", b"",
        )  # fmt: skip
        return b"\r\n".join(lines)


def senders_maildrop(mail: Probing) -> Maildrop:
    """Return the sender's own maildrop, where reports arrive."""
    credentials = Credentials(username=SENDERS_ADDRESS, password=Secret("test", lambda: PASSWORD))
    account = replace(account_at(Protocol.POP3, mail.pop3.port), credentials=credentials)
    return Maildrop(name="senders", address=SENDERS_ADDRESS, account=account)


def reporting(route: Route, bounces: Maildrop | None) -> Route:
    """Return the route with another maildrop for reports."""
    return replace(route, sender=replace(route.sender, bounces=bounces))


def owners_at_work(name: str) -> int:
    """Return how many tasks look into a maildrop."""
    return sum(task.get_name() == f"maildrop {name}" for task in asyncio.all_tasks())


@pytest.mark.parametrize("is_reported", [True, False])
@pytest.mark.parametrize("is_replaced", [True, False])
async def test_maildrop_for_reports_that_is_replaced(mail: Probing, is_replaced: bool, is_reported: bool) -> None:
    """An attempt that waits for its report ends once, on what the old maildrop says, and then nobody looks there."""
    senders = mail.world.mailboxes[SENDERS_ADDRESS] = StampedMailbox(SENDERS_ADDRESS, PASSWORD)
    lost = Lost()
    mail.mailbox.faults.on(lost)
    bounces = senders_maildrop(mail)
    route = reporting(mail.route(interval_seconds=3600.0, deadline_seconds=0.5, give_up_seconds=0.8), bounces)
    async with running(mail) as agent:
        agent.apply(route)
        agent.fleet.probe_now("r")
        await agent.until(lambda: any(look.maildrop.name == "senders" for look in mail.seen.looks))
        agent.apply(reporting(route, replace(bounces, poll_seconds=0.1) if is_replaced else None))
        if is_reported:
            senders.deliver(lost.report())
        await agent.until(lambda: bool(agent.outcomes("r")))
        async with asyncio.timeout(2):
            while owners_at_work("senders") > is_replaced or agent.fleet._under_way:  # noqa: ASYNC110 - ends of tasks are no events
                await asyncio.sleep(0)
        assert agent.outcomes("r") == [Outcome.BOUNCED if is_reported else Outcome.LOST]
        assert agent.started("r") == 1
    assert senders.messages == []
    assert agent.restarts == []


class GatedLedger(NoLedger):
    """Puts an intent on record when the gate opens."""

    def __init__(self) -> None:
        self.intents: list[Intent] = []
        self.asked, self.gate = asyncio.Event(), asyncio.Event()

    async def intend(self, intent: Intent) -> None:
        self.asked.set()
        await self.gate.wait()
        self.intents.append(intent)


async def test_drain_between_intent_and_submission(mail: Probing) -> None:
    """What is on its way into the journal when the agent is to end is submitted, counted once, and waited for."""
    ledger = GatedLedger()
    mail.workshop = replace(mail.workshop, ledger=ledger)
    mail.smtp.faults.on(faults.late("DATA", 0.1))
    async with running(mail) as agent:
        agent.apply(mail.route(interval_seconds=3600.0))
        agent.fleet.probe_now("r")
        await asyncio.wait_for(ledger.asked.wait(), 2)
        drain = asyncio.create_task(agent.fleet.drain())
        done, _ = await asyncio.wait([drain], timeout=0.1)
        assert not done, "the attempt must not be left without its submission"
        assert mail.seen.started == []
        ledger.gate.set()
        await asyncio.wait_for(drain, 2)
        assert len(mail.mailbox.arrived) == 1
    assert len(ledger.intents) == 1
    assert [attempt.token_id for attempt in mail.seen.started] == [intent.token_id for intent in ledger.intents]


class BrokenLedger(NoLedger):
    """Has a bug until it is mended."""

    def __init__(self) -> None:
        self.is_mended = False

    async def intend(self, intent: Intent) -> None:
        if not self.is_mended:
            raise RuntimeError("a bug")


async def test_bug_while_setting_off(mail: Probing) -> None:
    """A bug on the way to a submission is told as ours and counted; the schedule goes on, and no count is lost."""
    ledger = BrokenLedger()
    mail.workshop = replace(mail.workshop, ledger=ledger)
    metrics = Metrics(SystemClock())
    mail.with_observers(metrics)
    route = often(mail, "r")
    metrics.set_routes([route], [])
    async with running(mail) as agent:
        agent.apply(route)
        await agent.until(lambda: len(agent.outcomes("r")) >= 2)
        assert set(agent.outcomes("r")) == {Outcome.FAILED}
        assert {(one.fault.leg, one.fault.reason) for one in mail.seen.ended if one.fault} == {
            (Leg.AGENT, Reason.INTERNAL)
        }
        ledger.is_mended = True
        await agent.until(lambda: Outcome.ON_TIME in agent.outcomes("r"))
        tally = metrics._tally("r")
        assert tally
        assert tally.started == sum(tally.outcomes.values()) + tally.pending
        assert tally.outcomes[Outcome.FAILED] >= 2
    assert len(mail.mailbox.arrived) >= 1
