"""A connection: one non-blocking socket, later TLS on it, and ONE receive buffer.

Stream classes with a buffer of their own would carry plaintext that was injected before TLS over into the TLS session.
Here, whatever is waiting when TLS is to start is a reported fault. What deadlines there are, the driver says.

The kernel stamps what comes in. So an instant of arrival is true however late the event loop got round to reading.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from mailsonar.clock import Clock
from mailsonar.model.fault import Disconnected, StageTimeout
from mailsonar.net.alarm import Alarm
from mailsonar.net.errors import while_talking
from mailsonar.net.stamps import stamp_of_next

T = TypeVar("T")

RECEIVE_SIZE = 64 * 1024


class Connection:
    """A byte stream to a peer, with the instants at which bytes last came and went, in monotonic seconds.

    `sent_at` is taken just before the system got the last bytes of a write, `received_at` is when the last bytes that
    were read had come in: so what happened at the peer in between is never timed too short. `unread_seconds` is for how
    long all in all the peer's bytes have lain there until we read them.

    Args:
        connected: a socket that does not block.
        clock: whose time to use.
        since: when the connection came about.
    """

    __slots__ = (
        "_alarm", "_clock", "_descriptor", "_is_watched", "_loop", "_operation", "_socket", "_too_late",
        "_waiting", "_writing", "buffer", "received_at", "sent_at", "unread_seconds",
    )  # fmt: skip

    def __init__(self, connected: socket.socket, clock: Clock, since: float) -> None:
        self.buffer = bytearray()
        self.sent_at = self.received_at = since
        self.unread_seconds = 0.0
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | ssl.SSLSocket = connected
        self._descriptor = connected.fileno()  # TLS keeps it
        self._is_watched = False
        self._waiting: asyncio.Future[Any] | None = None
        self._writing: asyncio.Future[None] | None = None
        self._operation: Callable[[], Any] = self._read
        self._too_late = ""
        self._alarm = Alarm(clock, self._fail)
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

    def give_until(self, ends: float, too_late: str) -> None:
        """Let every wait for the peer from now on end by an instant.

        Args:
            ends: in monotonic seconds.
            too_late: what the error says if the peer takes longer.
        """
        self._too_late = too_late
        self._alarm.set(ends)

    def _fail(self) -> None:
        for waiting in (self._waiting, self._writing):
            if waiting and not waiting.done():
                waiting.set_exception(StageTimeout(self._too_late))

    def _wait(self) -> asyncio.Future[Any]:
        """Return what the next wait is for; it fails when the time is up.

        Raises:
            StageTimeout: it is up by now.
        """
        if self._alarm.is_over:
            raise StageTimeout(self._too_late)
        return self._loop.create_future()

    async def receive(self) -> None:
        """Wait for bytes and append them to the buffer; the event loop gets its turn however fast the peer talks.

        Raises:
            StageTimeout: the time that was given is up.
            Disconnected: the peer closed or reset the connection.
            TlsFailed: TLS broke down.
        """
        # Without it the kernel's delayed acknowledgement meets Nagle's algorithm in some servers: 40 ms that are ours.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        is_decrypted = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0
        received = await self._perform(self._read, wants_to_read=not is_decrypted)
        if not received:
            raise Disconnected("the peer closed the connection")
        self.buffer += received

    async def send(self, line: bytes) -> None:
        """Hand all bytes to the system.

        Raises:
            StageTimeout: the time that was given is up.
            Disconnected: the peer closed or reset the connection.
            TlsFailed: TLS broke down.
        """
        rest = memoryview(line)
        while rest:
            self.sent_at = self._clock.monotonic()
            written = await self._perform(partial(self._socket.send, rest))
            rest = rest[written:]

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> ssl.SSLSocket:
        """Do the TLS handshake.

        Raises:
            StageTimeout: the time that was given is up.
            Disconnected: the peer closed or reset the connection.
            TlsFailed: no TLS session came about, or the certificate did not verify.
        """
        try:
            session = context.wrap_socket(self._socket, server_hostname=server_name, do_handshake_on_connect=False)
        except OSError as error:
            raise while_talking(error) from error
        self._socket = session
        self.sent_at = self._clock.monotonic()
        await self._perform(session.do_handshake)
        return session

    def close(self) -> None:
        """Drop the connection at once; nothing waits for the peer's close_notify."""
        self._unwatch()
        self._alarm.stop()
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
                self.buffer += self._read()
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            except OSError as error:
                raise while_talking(error) from error
        return bool(self.buffer)

    def _read(self) -> bytes:
        return self._socket.recv(RECEIVE_SIZE)

    async def _perform(self, operation: Callable[[], T], *, wants_to_read: bool = False) -> T:
        """Perform an operation, whenever the socket is ready for what it wants, until it is done."""
        while True:
            try:
                return await self._on_arrival(operation) if wants_to_read else operation()
            except ssl.SSLWantReadError:
                wants_to_read = True
            except (BlockingIOError, ssl.SSLWantWriteError):
                wants_to_read = False
                await self._writable()
            except OSError as error:
                raise while_talking(error) from error

    async def _on_arrival(self, operation: Callable[[], T]) -> T:
        """Perform an operation as soon as what it wants to read is there.

        The socket stays watched when it is done: in a dialogue the next answer is soon waited for.
        """
        self._waiting, self._operation = self._wait(), operation
        if not self._is_watched:
            self._loop.add_reader(self._descriptor, self._arrived)
            self._is_watched = True
        try:
            done: T = await self._waiting
        finally:
            self._waiting = None
        return done

    def _arrived(self) -> None:
        if self._waiting is None or self._waiting.done():
            self._unwatch()
            return
        try:
            self._note_arrival()
            done = self._operation()
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            self._waiting.set_exception(error)
        else:
            self._waiting.set_result(done)

    def _note_arrival(self) -> None:
        """Note when the last of what waits came in, by its stamp; now, where it has none or the wall clock was set."""
        stamp = stamp_of_next(self._socket)
        wall, now = self._clock.wall(), self._clock.monotonic()  # in this order, so that it is no earlier than it was
        came = now if stamp is None else now - (wall - stamp)
        self.received_at = came if self.sent_at <= came <= now else now
        self.unread_seconds += now - self.received_at

    def _unwatch(self) -> None:
        if self._is_watched:
            self._loop.remove_reader(self._descriptor)
            self._is_watched = False

    async def _writable(self) -> None:
        ready = self._writing = self._wait()
        self._loop.add_writer(self._descriptor, _wake, ready)
        try:
            await ready
        finally:
            self._writing = None
            self._loop.remove_writer(self._descriptor)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
