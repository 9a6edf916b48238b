"""Attempts on a small world of mail: a sandbox, an owner for each maildrop, and an observer that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mailsonar.clock import Clock, SystemClock
from mailsonar.message.compose import Envelope, compose
from mailsonar.message.token import Token, route_digest
from mailsonar.model.fault import Fault, Reason
from mailsonar.model.oauth2 import TokenNews
from mailsonar.model.observer import Login, Look, Observer
from mailsonar.model.result import Attempt, Result
from mailsonar.model.route import Maildrop, Route, Sender
from mailsonar.model.server import Account, Credentials, Protocol, Secret, Security, Server, Timeouts
from mailsonar.model.stage import Leg, Stage
from mailsonar.net.converse import Network
from mailsonar.net.resolve import Resolver
from mailsonar.net.tls import TlsContexts
from mailsonar.probe import agenda, polling, retreat, submission
from mailsonar.probe.examination import Identity
from mailsonar.probe.maildrop import MaildropOwner
from mailsonar.probe.prober import Prober
from mailsonar.probe.retreat import Retreats
from mailsonar.probe.roundtrip import RoundTrip
from mailsonar.probe.turns import Turns
from mailsonar.probe.workshop import Workshop
from mailsonar.sandbox.mailbox import Mailbox, Stored
from mailsonar.sandbox.mta import SmtpServer
from mailsonar.sandbox.pop3 import Pop3Server
from mailsonar.sandbox.world import Sandbox

ADDRESS, PASSWORD = "probe@acme.example", "c4nary-p4ssw0rd"
KEY = Secret("test", lambda: "k" * 32)
INSTANCE, ANOTHER = "aaaaaaaa", "bbbbbbbb"
QUICK = Timeouts(connect=1.0, tls=1.0, greeting=0.5, command=0.5, data=1.0, session=3.0)
PATIENCE_SECONDS = 20.0


class Recorder:
    """An observer that remembers what it was told, and lets tests wait for more."""

    def __init__(self) -> None:
        self.started: list[Attempt] = []
        self.resumed: list[Attempt] = []
        self.verdicts: list[Result] = []
        self.ended: list[Result] = []
        self.duplicates: list[Attempt] = []
        self.looks: list[Look] = []
        self.logins: list[Login] = []
        self.token_news: list[TokenNews] = []
        self._news = asyncio.Event()

    def attempt_started(self, attempt: Attempt) -> None:
        """Remember it."""
        self._note(self.started, attempt)

    def attempt_resumed(self, attempt: Attempt) -> None:
        """Remember it."""
        self._note(self.resumed, attempt)

    def verdict_fell(self, result: Result) -> None:
        """Remember it."""
        self._note(self.verdicts, result)

    def attempt_ended(self, result: Result) -> None:
        """Remember it."""
        self._note(self.ended, result)

    def duplicate_seen(self, attempt: Attempt) -> None:
        """Remember it."""
        self._note(self.duplicates, attempt)

    def maildrop_looked(self, look: Look) -> None:
        """Remember it."""
        self._note(self.looks, look)

    def account_used(self, login: Login) -> None:
        """Remember it."""
        self._note(self.logins, login)

    def token_changed(self, news: TokenNews) -> None:
        """Remember it."""
        self._note(self.token_news, news)

    @property
    def cleanup_faults(self) -> list[Fault]:
        """Return why messages of ours were not removed."""
        return [look.cleanup_fault for look in self.looks if look.cleanup_fault]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds that only news can bring about."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def _note(self, memory: list[Any], news: Any) -> None:
        memory.append(news)
        self._news.set()


class StampedMailbox(Mailbox):
    """A mailbox that remembers what arrived in it, and at which monotonic instant."""

    def __init__(self, address: str, password: str) -> None:
        super().__init__(address, password)
        self.arrived: list[tuple[float, bytes]] = []

    def deliver(self, content: bytes) -> Stored:
        """Stamp a message before any session can see it."""
        self.arrived.append((SystemClock().monotonic(), content))
        return super().deliver(content)


@dataclass(slots=True)
class Probing:
    """What a test works with; `workshop` may be replaced before the first attempt."""

    world: Sandbox
    smtp: SmtpServer
    pop3: Pop3Server
    mailbox: StampedMailbox
    seen: Recorder
    workshop: Workshop
    owners: dict[str, MaildropOwner] = field(default_factory=dict)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    def route(self, name: str = "r", *, timeouts: Timeouts = QUICK, **changes: Any) -> Route:
        """Return a route to the mailbox; changes to its maildrop are given as `maildrop_...`."""
        of_maildrop = {key.removeprefix("maildrop_"): changes.pop(key) for key in list(changes) if "maildrop_" in key}
        submission, retrieval = (
            account_at(protocol, port, timeouts)
            for protocol, port in ((Protocol.SMTP, self.smtp.port), (Protocol.POP3, self.pop3.port))
        )
        durations = {"interval_seconds": 60.0, "deadline_seconds": 2.0, "give_up_seconds": 3.0}
        return Route(
            name=name,
            sender=Sender(name="out", address=ADDRESS, account=submission),
            maildrop=Maildrop(**({"name": "in", "address": ADDRESS, "account": retrieval} | of_maildrop)),
            **(durations | changes),
        )

    def owner_of(self, maildrop: Maildrop) -> MaildropOwner:
        """Return the maildrop's owner, at work."""
        if maildrop.name not in self.owners:
            owner = self.owners[maildrop.name] = MaildropOwner(maildrop, self.workshop)
            self.tasks.append(asyncio.create_task(owner.run()))
        return self.owners[maildrop.name]

    async def begin(self, route: Route) -> tuple[RoundTrip, asyncio.Task[Result]]:
        """Start an attempt."""
        self.owner_of(route.maildrop)
        return await Prober(self.workshop, self.owners, self._spawn).begin(route)

    async def attempt(self, route: Route) -> Result:
        """Make an attempt and wait for its outcome."""
        _, task = await self.begin(route)
        return await asyncio.wait_for(task, PATIENCE_SECONDS)

    def with_observers(self, *observers: Observer) -> None:
        """Let others watch, too, before the recorder does."""
        self.workshop = replace(self.workshop, observers=(*observers, self.seen))

    def _spawn(self, coroutine: Any) -> asyncio.Task[Result]:
        task: asyncio.Task[Result] = asyncio.create_task(coroutine)
        self.tasks.append(task)
        return task


@asynccontextmanager
async def probing(clock: Clock | None = None, leftover_seconds: float = 6.0) -> AsyncIterator[Probing]:
    """Provide a world without TLS, and end all that goes on in it; no task and no verdict is left.

    Args:
        clock: what the probes go by.
        leftover_seconds: after which age another agent's messages are removed.
    """
    resolver = Resolver()
    seen = Recorder()
    network = Network(clock or SystemClock(), resolver, TlsContexts())
    identity = Identity(signing_key=KEY, instance=INSTANCE, leftover_seconds=leftover_seconds)
    async with Sandbox() as world:
        mailbox = world.mailboxes[ADDRESS] = StampedMailbox(ADDRESS, PASSWORD)
        smtp, pop3 = await world.smtp(Security.PLAINTEXT), await world.pop3(Security.PLAINTEXT)
        workshop = Workshop(network, identity, Turns(network.clock), (seen,), Retreats(lambda: 0.5))
        made = Probing(world, smtp, pop3, mailbox, seen, workshop)
        try:
            yield made
        finally:
            for task in made.tasks:
                task.cancel()
            ends = await asyncio.gather(*made.tasks, return_exceptions=True)
            resolver.close()
    died = [end for end in ends if isinstance(end, Exception)]
    assert not died, f"owners and round trips never fail: {died}"


def account_at(protocol: Protocol, port: int, timeouts: Timeouts = QUICK) -> Account:
    """Return the account of the mailbox on a port of loopback, without TLS."""
    server = Server(protocol=protocol, host="127.0.0.1", port=port, security=Security.PLAINTEXT, timeouts=timeouts)
    credentials = Credentials(username=ADDRESS, password=Secret("test", lambda: PASSWORD))
    return Account(server=server, credentials=credentials, allow_plaintext_auth=True)


def signed_mail(instance: str, age_seconds: float, token_id: str = "a" * 20, key: Secret = KEY) -> bytes:
    """Return a probe message as an agent sent it so many seconds ago."""
    wall = SystemClock().wall() - age_seconds
    token = Token(id=token_id, route=route_digest("r"), instance=instance, started_ms=int(wall * 1000))
    return compose(Envelope(reverse_path=ADDRESS, forward_path=ADDRESS), token.signed(key), wall)


def token_ids(count: int) -> Sequence[str]:
    """Return as many ids of tokens, all different."""
    digits = "abcdefghijklmnopqrstuvwxyz234567"
    return [digits[number // 32] + digits[number % 32] + "a" * 18 for number in range(count)]


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn waits of seconds into tenths: what they follow from is tested elsewhere."""
    for name, seconds in (("FIRST_LOOK", 0.02), ("SHORTEST_GAP", 0.05), ("RETRY", 0.05)):
        monkeypatch.setattr(polling, f"{name}_SECONDS", seconds)
    monkeypatch.setattr(agenda, "CLEANUP_GAP_SECONDS", 0.1)
    monkeypatch.setattr(retreat, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(submission, "FIRST_RETRY_SECONDS", 0.1)


def at(fault: Fault | None) -> tuple[Leg, Stage, Reason] | None:
    """Return what a fault is, without its words."""
    return fault and (fault.leg, fault.stage, fault.reason)
