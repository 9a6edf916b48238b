"""A small world of mail: mailboxes, servers that share them, and messages on their way.

`async with Sandbox() as world:` runs it on loopback in the running loop; at its end no task and no socket is left.
"""

from __future__ import annotations

import asyncio
from typing import Self, TypeVar

from mailsonar.clock import Clock, SystemClock
from mailsonar.model.server import Security
from mailsonar.sandbox.authority import Authority
from mailsonar.sandbox.delivery import Parcel, deliveries
from mailsonar.sandbox.listener import Endpoint, Listener
from mailsonar.sandbox.mailbox import Mailbox
from mailsonar.sandbox.mta import SmtpServer
from mailsonar.sandbox.pop3 import Pop3Server

ServerKind = TypeVar("ServerKind", bound=Listener)


class Sandbox:
    """Owns mailboxes, servers and deliveries; `authority` issued every good certificate in it.

    Args:
        clock: waits for the messages that are delayed.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.authority = Authority()
        self.mailboxes: dict[str, Mailbox] = {}
        self._clock = clock or SystemClock()
        self._servers: list[Listener] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        for server in self._servers:
            await server.end()
        for delivery in self._under_way:
            delivery.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def mailbox(self, address: str, password: str) -> Mailbox:
        """Make an account: the address receives mail and is the user name everywhere."""
        mailbox = self.mailboxes[address.lower()] = Mailbox(address, password)
        return mailbox

    async def smtp(self, security: Security, *, host: str = "127.0.0.1", port: int = 0) -> SmtpServer:
        """Open a submission server for the accounts of this world."""
        endpoint = Endpoint(security=security, host=host, port=port)
        return await self._opened(SmtpServer(endpoint, self.authority, self.mailboxes, self.deliver))

    async def pop3(self, security: Security, *, host: str = "127.0.0.1", port: int = 0) -> Pop3Server:
        """Open a POP3 server for the accounts of this world."""
        endpoint = Endpoint(security=security, host=host, port=port)
        return await self._opened(Pop3Server(endpoint, self.authority, self.mailboxes))

    async def _opened(self, server: ServerKind) -> ServerKind:
        self._servers.append(server)
        await server.open()
        return server

    def deliver(self, mailbox: Mailbox, content: bytes) -> None:
        """Send an accepted message on its way through the mailbox's faults; at once where none delays it."""
        for parcel in deliveries(content, mailbox.faults):
            if parcel.after_seconds > 0:
                task = asyncio.get_running_loop().create_task(self._carry(mailbox, parcel))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            else:
                mailbox.deliver(parcel.content)

    async def _carry(self, mailbox: Mailbox, parcel: Parcel) -> None:
        await self._clock.sleep(parcel.after_seconds)
        mailbox.deliver(parcel.content)
