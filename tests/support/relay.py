"""A TCP relay in the test's own loop that notes when connections began and ended, and what went through them.

It stands between the agent and a real server, so a test sees the protocol from outside. Given a delay, it holds back
each piece of the server's speech, and so makes a fast server slow.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

CHUNK_BYTES = 65536


@dataclass(slots=True)
class Passage:
    """One connection; instants are monotonic seconds, `asked` and `answered` hold what client and server said."""

    began: float
    ended: float | None = None
    asked: bytearray = field(default_factory=bytearray)
    answered: bytearray = field(default_factory=bytearray)

    @property
    def seconds(self) -> float:
        """Return how long it took, from the client's connection to the client's end."""
        assert self.ended is not None, "still open"
        return self.ended - self.began


class Relay:
    """Passes connections on to a port of 127.0.0.1; `passages` holds them in their order."""

    def __init__(self, target_port: int, delay_seconds: float) -> None:
        self.passages: list[Passage] = []
        self.port = 0
        self._target_port = target_port
        self._delay = delay_seconds
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> asyncio.Server:
        """Begin to listen on a free port of 127.0.0.1."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def stop(self) -> None:
        """End the connections that are open."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass_on(reader, writer, Passage(time.monotonic())))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passage: Passage) -> None:
        self.passages.append(passage)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        answering = asyncio.create_task(_pump(far_reader, writer, passage.answered, self._delay))
        try:
            await _pump(reader, far_writer, passage.asked, 0.0)
            passage.ended = time.monotonic()
            await answering
        finally:
            answering.cancel()
            for one in (writer, far_writer):
                one.transport.abort()


async def _pump(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, record: bytearray, delay_seconds: float
) -> None:
    """Copy bytes until the source ends, then tell the sink."""
    with suppress(OSError):
        while chunk := await source.read(CHUNK_BYTES):
            record += chunk
            await asyncio.sleep(delay_seconds)
            sink.write(chunk)
            await sink.drain()
        sink.write_eof()


@asynccontextmanager
async def relay(target_port: int, delay_seconds: float = 0.0) -> AsyncIterator[Relay]:
    """Provide a relay to a port.

    Args:
        target_port: a port of 127.0.0.1.
        delay_seconds: how long to hold back each piece that the server says.
    """
    relaying = Relay(target_port, delay_seconds)
    server = await relaying.serve()
    try:
        yield relaying
    finally:
        server.close()
        await relaying.stop()
