"""A port on loopback: accepts connections, brings them through TLS, and hands each to its protocol.

What SMTP and POP3 servers share: moments before the first word, certificates that change at run time, a port that can
be dead for a while and come back, and an end that leaves no task and no socket behind.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from mailsonar.model.server import Security
from mailsonar.sandbox.authority import LOOPBACK_NAMES, Authority
from mailsonar.sandbox.faults import CONNECTION, GREETING, HANDSHAKE, ServerFaults
from mailsonar.sandbox.mailbox import REMEMBERED
from mailsonar.sandbox.tls_refusal import refuse_tls
from mailsonar.sandbox.wardrobe import Wardrobe


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a server listens and how it is secured; port 0 is one that is free, `names` go into its certificate."""

    security: Security
    host: str = "127.0.0.1"
    port: int = 0
    names: tuple[str, ...] = LOOPBACK_NAMES


class Listener(ABC):
    """A server that can be broken and healed while it runs.

    `connections` and `logins` count; `commands` holds the newest command lines of all sessions, credentials struck out.
    """

    def __init__(self, endpoint: Endpoint, authority: Authority) -> None:
        self.endpoint = endpoint
        self.security = endpoint.security
        self.faults = ServerFaults()
        self.connections = 0
        self.logins = 0
        self.commands: deque[str] = deque(maxlen=REMEMBERED)
        self._wardrobe = Wardrobe(authority, endpoint.names)
        self._reserved: socket.socket | None = _bound(endpoint.host, endpoint.port)
        self.port: int = self._reserved.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._transports: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()

    @property
    def tls(self) -> ssl.SSLContext:
        """Return how TLS is to be spoken with the next client."""
        return self._wardrobe.front(self.faults.certificate, self.faults.tls_style())

    @abstractmethod
    def _serve(self, transport: asyncio.Transport) -> None:
        """Begin a session, greeting first, on a connection that has its TLS, if implicit, behind it."""

    async def open(self) -> None:
        """Listen; after `close`, on the same port again."""
        if (reserved := self._reserved) is None:
            return
        self._reserved = None
        self._server = await asyncio.get_running_loop().create_server(lambda: _Gate(self), sock=reserved)

    def close(self) -> None:
        """Stop listening, so that the port refuses connections; sessions go on."""
        if self._server:
            self._server.close()
            self._server = None
            self._reserved = _bound(self.endpoint.host, self.port)  # bound but deaf: nobody else gets the port

    async def end(self) -> None:
        """Close for good, and cut every session."""
        self.close()
        if self._reserved:
            self._reserved.close()
        for transport in tuple(self._transports):
            transport.abort()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the loop closes the sockets of aborted transports in its next round

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a session as a task that `end` waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self.watch(task)
        return task

    def watch(self, task: asyncio.Task[None]) -> None:
        """Let `end` wait for a task; that a client went away is no news."""
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error and not isinstance(error, ConnectionError):
            context = {"message": "a sandbox session failed", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)

    async def admit(self, transport: asyncio.Transport) -> None:
        """Bring a fresh connection to the point where its session begins."""
        self.connections += 1
        self._transports.add(transport)
        await self.faults.strike(CONNECTION, transport)
        if self.security is Security.IMPLICIT_TLS:
            upgraded = await self.handshake(transport, asyncio.Protocol())  # the server speaks first: nothing is lost
            if upgraded is None:
                return
            transport = upgraded
        transport.resume_reading()
        if (line := await self.faults.strike(GREETING, transport)) is not None:
            transport.write(line.encode() + b"\r\n")
            transport.close()
        elif not transport.is_closing():
            self._serve(transport)

    async def before_handshake(self, transport: asyncio.Transport) -> None:
        """Let faults have their turn where TLS is to begin."""
        await self.faults.strike(HANDSHAKE, transport)
        if self.faults.tls_style().refuses:
            await refuse_tls(transport, self.tls)

    async def handshake(self, transport: asyncio.Transport, protocol: asyncio.BaseProtocol) -> asyncio.Transport | None:
        """Return the transport within TLS, over which that protocol listens; None if the client would not have it."""
        await self.before_handshake(transport)
        try:
            return await asyncio.get_running_loop().start_tls(transport, protocol, self.tls, server_side=True)
        except OSError:  # ssl.SSLError is one
            return None


class _Gate(asyncio.Protocol):
    """Holds a connection until its session begins: a TLS hello stays unread, chatter before the greeting is ignored."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._admission: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_server makes no other
        transport.pause_reading()
        self._admission = self._listener.run(self._listener.admit(transport))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        if self._admission:
            self._admission.cancel()


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket that owns a port and does not listen: whoever connects is refused.

    asyncio sets TCP_NODELAY only where the protocol is named; without it a reply of several lines takes 40 ms.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound
