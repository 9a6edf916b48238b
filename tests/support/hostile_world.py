"""A hostile pair of servers, and a healthy pair beside it, in one event loop, watched by one prober."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from tests.support.hostile import Port, Row, Saw, Side
from tests.support.probing import PASSWORD, Probing, StampedMailbox, probing

from mailsonar.model.result import Result
from mailsonar.model.route import Maildrop, Route, Sender
from mailsonar.model.server import Account, Credentials, Protocol, Secret, Security, Server, Timeouts, TlsPolicy
from mailsonar.sandbox.deaf_port import deaf_port
from mailsonar.sandbox.listener import Listener
from mailsonar.sandbox.mta import SmtpServer
from mailsonar.sandbox.pop3 import Pop3Server

VICTIM = "probe@globex.example"
MEMORY_LIMIT = 16 * 1024 * 1024
BREATH_SECONDS = 0.05

_LOGIN = {"AUTH", "USER", "PASS"}


@dataclass(slots=True)
class Hostile:
    """The two pairs of servers; `healthy` is the world of the pair that nothing is wrong with."""

    healthy: Probing
    smtp: SmtpServer
    pop3: Pop3Server
    mailbox: StampedMailbox
    route: Route

    async def attempt(self) -> Result:
        """Make an attempt on the hostile route; it ends whatever happens."""
        _, task = await self.healthy.begin(self.route)
        return await task

    def saw(self) -> Saw:
        """Return what the hostile servers saw so far."""
        servers = {Protocol.SMTP: self.smtp, Protocol.POP3: self.pop3}
        return Saw(
            credentials=tuple(protocol for protocol, server in servers.items() if _LOGIN & _verbs(server)),
            sessions=self.smtp.connections,
            logins=self.mailbox.seen.attempts,
            deletions=sum(one.upper().startswith("DELE") for one in self.pop3.commands),
            left=len(self.mailbox.messages),
        )


def _verbs(server: Listener) -> set[str]:
    return {command.partition(" ")[0].upper() for command in server.commands}


@asynccontextmanager
async def hostile(row: Row, folder: Path) -> AsyncIterator[Hostile]:
    """Provide the world of a row, its faults switched on.

    Args:
        row: what is wrong.
        folder: where the authority's root goes.
    """
    async with AsyncExitStack() as stack:
        healthy = await stack.enter_async_context(probing())
        made = await enter(stack, healthy, row, folder)
        yield made


async def enter(stack: AsyncExitStack, healthy: Probing, row: Row, folder: Path) -> Hostile:
    """Add a hostile pair of servers to a healthy world.

    Args:
        stack: closes what the pair needs.
        healthy: the world.
        row: what is wrong with the pair.
        folder: where the authority's root goes.
    """
    world, address = healthy.world, f"{len(healthy.world.mailboxes)}.{VICTIM}"
    mailbox = world.mailboxes[address] = StampedMailbox(address, PASSWORD)
    smtp = await world.smtp(row.smtp.served or row.smtp.security)
    pop3 = await world.pop3(row.pop3.served or row.pop3.security)
    smtp.faults.on(*row.smtp.faults)
    pop3.faults.on(*row.pop3.faults)
    mailbox.faults.on(*row.delivery)
    for content in row.foreign:
        mailbox.deliver(content)
    for header, line, octets in row.huge:
        mailbox.deliver_huge(header, line, octets)
    world.authority.write_root(folder / "ca.pem")
    sender, maildrop = (
        _account(protocol, side, _port(stack, side, server), folder, row.timeouts, address)
        for protocol, side, server in ((Protocol.SMTP, row.smtp, smtp), (Protocol.POP3, row.pop3, pop3))
    )
    return Hostile(healthy, smtp, pop3, mailbox, _route(row, address, sender, maildrop))


def _port(stack: AsyncExitStack, side: Side, server: Listener) -> int:
    if side.port is Port.DEAF:
        return stack.enter_context(deaf_port())
    if side.port is Port.DEAD:
        server.close()
    return server.port


def _account(protocol: Protocol, side: Side, port: int, folder: Path, timeouts: Timeouts, address: str) -> Account:
    server = Server(
        protocol=protocol,
        host=side.host,
        port=port,
        security=side.security,
        tls=TlsPolicy(ca_file=str(folder / "ca.pem")),
        timeouts=timeouts,
    )
    return Account(
        server=server,
        credentials=Credentials(username=address, password=Secret("test", lambda: PASSWORD)),
        mechanism=side.mechanism,
        allow_plaintext_auth=side.security is Security.PLAINTEXT,
    )


def _route(row: Row, address: str, sender: Account, maildrop: Account) -> Route:
    durations = {"interval_seconds": 60.0, "deadline_seconds": 5.0, "give_up_seconds": 6.0}
    return Route(
        name=row.name,
        sender=Sender(name=row.name, address=address, account=sender),
        maildrop=Maildrop(name=row.name, address=address, account=maildrop),
        **(durations | dict(row.route)),
    )


async def beside(healthy: Probing, name: str, until: asyncio.Future[Any]) -> list[Result]:
    """Make attempts on a healthy route, one after the other, for as long as something lasts, at least one."""
    route = healthy.route(name, timeouts=Timeouts(), deadline_seconds=8.0, give_up_seconds=8.5)
    results = [await healthy.attempt(route)]
    while (await asyncio.wait({until}, timeout=BREATH_SECONDS))[1]:
        results.append(await healthy.attempt(route))
    return results


class Memory:
    """Measures, as a block, how much more memory Python needs at the most."""

    def __enter__(self) -> Self:
        tracemalloc.start()
        self._before = tracemalloc.get_traced_memory()[0]
        self.extra = 0
        return self

    def __exit__(self, *_error: object) -> None:
        self.extra = tracemalloc.get_traced_memory()[1] - self._before
        tracemalloc.stop()


def expected_of(row: Row, seen: Saw) -> Saw:
    """Return what the servers were to see, with what was seen where it does not matter."""
    told = {name: getattr(row.saw, name) for name in Saw.__slots__ if getattr(row.saw, name) is not None}
    return replace(seen, **told)
