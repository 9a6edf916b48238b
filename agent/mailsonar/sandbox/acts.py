"""What a misbehaving server does with a connection: one short piece each, strung together by `does`.

An act writes, waits, listens or breaks off; it returns None to let the next one follow. Nothing here knows a protocol.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable

from mailsonar.sandbox.faults import Act, ServerFault

ENOUGH = 256 * 1024
_ROOM_CHECK_SECONDS = 0.001
_LINGER_NOT = b"\1\0\0\0\0\0\0\0"  # struct linger: on, 0 s


def does(name: str, moment: str, *acts: Act) -> ServerFault:
    """Make a fault that does these acts at a moment, one after the other; the first line that one returns is said."""

    async def play(transport: asyncio.Transport) -> str | None:
        for act in acts:
            if (line := await act(transport)) is not None:
                return line
        return None

    return ServerFault(name=f"{name} at {moment}", moments=frozenset({moment}), act=play)


async def room(transport: asyncio.Transport) -> None:
    """Wait until the client has taken most of what was said.

    Raises:
        ConnectionResetError: it never will.
    """
    while transport.get_write_buffer_size() > ENOUGH:  # noqa: ASYNC110 - only its protocol is told, and that has others
        await asyncio.sleep(_ROOM_CHECK_SECONDS)
    if transport.is_closing():
        raise ConnectionResetError("the client had enough")


def utter(said: bytes) -> Act:
    """Say these bytes, in a segment of their own."""

    async def act(transport: asyncio.Transport) -> None:
        transport.write(said)

    return act


def flood(piece: bytes, total: int) -> Act:
    """Say the same again and again, as fast as the client takes it, up to so many bytes."""

    async def act(transport: asyncio.Transport) -> None:
        for _ in range(total // len(piece)):
            transport.write(piece)
            await room(transport)

    return act


def drip(pieces: Iterable[bytes], gap_seconds: float) -> Act:
    """Say one piece at a time with a gap between them."""
    drops = tuple(pieces)

    async def act(transport: asyncio.Transport) -> None:
        for drop in drops:
            transport.write(drop)
            await asyncio.sleep(gap_seconds)

    return act


async def hang(_transport: asyncio.Transport) -> None:
    """Do nothing any more."""
    await asyncio.Event().wait()


async def close(transport: asyncio.Transport) -> None:
    """Close in good order, after all that was said."""
    transport.close()
    raise ConnectionResetError("closed on purpose")


async def reset(transport: asyncio.Transport) -> None:
    """Break the connection off with a RST."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    transport.abort()
    raise ConnectionResetError("reset on purpose")


async def shut(transport: asyncio.Transport) -> None:
    """Close our direction only: the client sees the end, we go on listening; over TLS there is no such thing."""
    transport.write_eof()


async def deafen(transport: asyncio.Transport) -> None:
    """Read no more, with little room left in the system: the client's window closes."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    transport.pause_reading()


async def hear(transport: asyncio.Transport) -> None:
    """Wait until the client says something, and ignore it and all that follows."""
    await Ear(transport).hear()


def insist(line: bytes) -> Act:
    """Say the same line now, and again whenever the client says something."""

    async def act(transport: asyncio.Transport) -> None:
        ear = Ear(transport)
        while True:
            transport.write(line)
            await ear.hear()

    return act


class Ear(asyncio.Protocol):
    """Listens in place of the session's own protocol, which still learns of the end."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._heard = bytearray()
        self._news = asyncio.Event()
        self._session = transport.get_protocol()
        transport.set_protocol(self)
        transport.resume_reading()

    async def hear(self) -> bytes:
        """Wait for bytes and return them."""
        await self._news.wait()
        self._news.clear()
        heard = bytes(self._heard)
        self._heard.clear()
        return heard

    def data_received(self, data: bytes) -> None:
        """Take in what the client says."""
        self._heard += data
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the session."""
        self._session.connection_lost(exc)
