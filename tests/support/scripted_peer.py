"""Servers that do as a test says, on a port of loopback in the test's own event loop."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from tests.support.transcripts import Transcript, Turn

from mailsonar.clock import SystemClock
from mailsonar.model.server import Protocol, Security, Server, Timeouts, TlsPolicy
from mailsonar.net.converse import Network
from mailsonar.net.resolve import Resolver
from mailsonar.net.tls import TlsContexts

GIVE_UP_SECONDS = 5.0
CLOSE_SECONDS = 1.0
SYSTEM_TRUST = TlsPolicy()
PATIENT = Timeouts()


class Peer:
    """One connection, seen from the server's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def socket(self) -> socket.socket:
        """Return the socket itself, for what a stream cannot do."""
        found: socket.socket = self._writer.get_extra_info("socket")
        return found

    async def hear(self, expected: bytes) -> None:
        """Wait for exactly these bytes."""
        try:
            heard = await self._reader.readexactly(len(expected))
        except asyncio.IncompleteReadError as end:
            heard = end.partial
        assert heard == expected

    async def hear_line(self) -> bytes:
        """Return the next line."""
        return await self._reader.readline()

    async def hear_some(self) -> bytes:
        """Return what comes in one read, "" at the connection's end."""
        return await self._reader.read(65536)

    def say(self, said: bytes) -> None:
        """Send bytes and do not wait."""
        self._writer.write(said)

    async def say_all(self, said: bytes) -> None:
        """Send bytes and wait until they are on their way."""
        self._writer.write(said)
        await self._writer.drain()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the server's side of a handshake."""
        await self._writer.start_tls(context)

    async def refuse_tls(self, context: ssl.SSLContext) -> None:
        """Do the server's side of a handshake that fails here, and send the alert, which asyncio's own does not."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                session.do_handshake()
            except ssl.SSLWantReadError:
                self.say(outgoing.read())
                incoming.write(await self.hear_some())
            except ssl.SSLError:
                self.say(outgoing.read())
                return
            else:
                raise AssertionError("the handshake came about")

    async def hear_out(self) -> bytes:
        """Return what the client says until it closes the connection."""
        heard = b""
        with suppress(ConnectionError, ssl.SSLError):
            while more := await self._reader.read(65536):
                heard += more
        return heard

    def cut_off(self) -> None:
        """End the connection without TLS' own good-bye."""
        self.socket.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Break the connection off with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._writer.transport.abort()


Play = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def scripted_peer(play: Play, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve every connection with `play`, give its port, and see in the end that no play failed.

    Args:
        play: what the server does; the connection is closed when it returns.
        context: for implicit TLS.
    """
    plays: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plays.append(asyncio.ensure_future(_act(play, reader, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        async with asyncio.timeout(GIVE_UP_SECONDS):
            await asyncio.gather(*plays)
            await server.wait_closed()


async def _act(play: Play, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await play(Peer(reader, writer))
    finally:
        writer.close()
        # Where start_tls met a reset, CPython 3.11 never tells of the end.
        with suppress(ConnectionError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await writer.wait_closed()


def recite(transcript: Transcript, context: ssl.SSLContext | None = None) -> Play:
    """Return a play of the server's part; the client must say its own, and no more."""
    implicit = transcript.turns[0][0] is Turn.TLS

    async def play(peer: Peer) -> None:
        for turn, said in transcript.turns[implicit:]:
            match turn:
                case Turn.CLIENT:
                    await peer.hear(said)
                case Turn.SERVER:
                    peer.say(said)
                case Turn.TLS:
                    assert context is not None
                    await peer.start_tls(context)
                case Turn.CLOSE:
                    return
        assert await peer.hear_out() == b""

    return play


def server_at(
    port: int,
    *,
    protocol: Protocol = Protocol.SMTP,
    security: Security = Security.PLAINTEXT,
    tls: TlsPolicy = SYSTEM_TRUST,
    timeouts: Timeouts = PATIENT,
    host: str = "127.0.0.1",
) -> Server:
    """Return the values that lead a session to a port of loopback."""
    return Server(protocol=protocol, host=host, port=port, security=security, tls=tls, timeouts=timeouts)


@contextmanager
def network() -> Iterator[Network]:
    """Give what sessions share, for one test."""
    resolver = Resolver()
    try:
        yield Network(clock=SystemClock(), resolver=resolver, tls=TlsContexts())
    finally:
        resolver.close()
