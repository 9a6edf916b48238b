"""A line-by-line client on raw streams, for what a well-behaved client would never say."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Talk:
    """One connection; every wait ends after 5 s."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def hear(self) -> str:
        """Return the next line without its end; "" at the end of the connection."""
        async with asyncio.timeout(5):
            return (await self._reader.readline()).decode().rstrip("\r\n")

    async def hear_segment(self) -> bytes:
        """Return what arrives in one read."""
        async with asyncio.timeout(5):
            return await self._reader.read(65536)

    def say(self, line: str) -> None:
        """Send a line and do not wait."""
        self._writer.write(line.encode() + b"\r\n")

    async def ask(self, line: str) -> str:
        """Send a line and return the first line of the reply."""
        self.say(line)
        return await self.hear()

    async def ask_all(self, line: str) -> list[str]:
        """Send a line and return the whole POP3 reply, without the final dot; one line if it is -ERR."""
        lines = [await self.ask(line)]
        if lines[0].startswith("+OK"):
            while (more := await self.hear()) != ".":
                lines.append(more)
        return lines

    async def ask_smtp(self, line: str) -> list[str]:
        """Send a line and return all lines of the SMTP reply."""
        lines = [await self.ask(line)]
        while lines[-1][3:4] == "-":
            lines.append(await self.hear())
        return lines

    async def upgrade(self, context: ssl.SSLContext) -> None:
        """Start TLS."""
        await self._writer.start_tls(context, server_hostname="127.0.0.1")

    async def silence(self, seconds: float) -> bool:
        """Tell whether nothing, not even the end, arrives for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._reader.read(1)
        except TimeoutError:
            return True
        return False

    def half_close(self) -> None:
        """Say that no more will be sent."""
        self._writer.write_eof()


@asynccontextmanager
async def talk(port: int, context: ssl.SSLContext | None = None) -> AsyncIterator[Talk]:
    """Connect to a port on loopback, with implicit TLS if there is a context; close at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        yield Talk(reader, writer)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)
