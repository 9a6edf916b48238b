"""A connection: one non-blocking socket, later TLS on it, and ONE receive buffer.

Stream classes with a buffer of their own would carry plaintext that was injected before TLS over into the TLS session.
Here, whatever is waiting when TLS is to start is a reported fault. Deadlines are the driver's.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from mailsonar.clock import Clock
from mailsonar.model.fault import Disconnected
from mailsonar.net.errors import while_talking

T = TypeVar("T")

RECEIVE_SIZE = 64 * 1024


class Connection:
    """A byte stream to a peer, with the instants at which bytes last came and went, in monotonic seconds.

    `sent_at` is taken just before the system got the last bytes of a write, `received_at` just after bytes were read:
    so what happened at the peer in between is never timed too short.
    """

    __slots__ = ("_clock", "_loop", "_socket", "buffer", "received_at", "sent_at")

    def __init__(self, connected: socket.socket, clock: Clock) -> None:
        self.buffer = bytearray()
        self.sent_at = self.received_at = clock.monotonic()
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | ssl.SSLSocket = connected
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def local_host(self) -> str:
        """Return our own address on this connection."""
        return str(self._socket.getsockname()[0])

    @property
    def peer(self) -> str:
        """Return the peer's address and port on this connection."""
        try:
            host, port = self._socket.getpeername()[:2]
        except OSError:  # the peer has reset the connection already
            return "a peer that is gone"
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def receive(self) -> None:
        """Wait for bytes and append them to the buffer; the event loop gets its turn however fast the peer talks.

        Raises:
            Disconnected: the peer closed or reset the connection.
            TlsFailed: TLS broke down.
        """
        # Without it the kernel's delayed acknowledgement meets Nagle's algorithm in some servers: 40 ms that are ours.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        if not (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
            await self._readable()
        received = await self._perform(lambda: self._socket.recv(RECEIVE_SIZE), self._readable)
        self.received_at = self._clock.monotonic()
        if not received:
            raise Disconnected("the peer closed the connection")
        self.buffer += received

    async def send(self, line: bytes) -> None:
        """Hand all bytes to the system.

        Raises:
            Disconnected: the peer closed or reset the connection.
            TlsFailed: TLS broke down.
        """
        rest = memoryview(line)
        while rest:
            self.sent_at = self._clock.monotonic()
            written = await self._perform(partial(self._socket.send, rest), self._writable)
            rest = rest[written:]

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> ssl.SSLSocket:
        """Do the TLS handshake.

        Raises:
            Disconnected: the peer closed or reset the connection.
            TlsFailed: no TLS session came about, or the certificate did not verify.
        """
        try:
            session = context.wrap_socket(self._socket, server_hostname=server_name, do_handshake_on_connect=False)
        except OSError as error:
            raise while_talking(error) from error
        self._socket = session
        await self._perform(session.do_handshake, self._readable)
        return session

    def close(self) -> None:
        """Drop the connection at once; nothing waits for the peer's close_notify."""
        self._socket.close()

    def anything_waits(self) -> bool:
        """Tell whether bytes that nobody asked for are waiting: in our buffer, or in the system's.

        One read gives one TLS record at most, so that the buffer alone would miss a reply sent along with the last one.

        Raises:
            Disconnected: the peer reset the connection.
            TlsFailed: TLS broke down.
        """
        if not self.buffer:
            try:
                self.buffer += self._socket.recv(RECEIVE_SIZE)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            except OSError as error:
                raise while_talking(error) from error
        return bool(self.buffer)

    async def _perform(self, operation: Callable[[], T], when_blocked: Callable[[], Awaitable[None]]) -> T:
        while True:
            try:
                return operation()
            except BlockingIOError:
                await when_blocked()
            except ssl.SSLWantReadError:
                await self._readable()
            except ssl.SSLWantWriteError:
                await self._writable()
            except OSError as error:
                raise while_talking(error) from error

    async def _readable(self) -> None:
        ready = self._loop.create_future()
        self._loop.add_reader(self._socket, _wake, ready)
        try:
            await ready
        finally:
            self._loop.remove_reader(self._socket)

    async def _writable(self) -> None:
        ready = self._loop.create_future()
        self._loop.add_writer(self._socket, _wake, ready)
        try:
            await ready
        finally:
            self._loop.remove_writer(self._socket)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
