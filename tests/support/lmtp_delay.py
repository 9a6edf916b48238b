"""Stands between Postfix and Dovecot and lets each delivery wait for a random time; run as a program of its own.

It speaks no LMTP: a connection waits before it is passed on, byte by byte, so nothing about the mail can change. Each
connection waits for itself, so a delayed message holds nothing back that comes behind it. Its own process, because a
test that blocks its event loop, or is measured, must not slow the mail down.

Usage: lmtp_delay.py LISTEN_SOCKET DOVECOT_SOCKET DELAY_FILE, where the delay file holds "MINIMUM MAXIMUM" in seconds
and is read anew for each connection.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from contextlib import suppress
from pathlib import Path

CHUNK_BYTES = 65536


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copy bytes until the source ends, then tell the sink."""
    with suppress(OSError):
        while chunk := await source.read(CHUNK_BYTES):
            sink.write(chunk)
            await sink.drain()
        sink.write_eof()


async def pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dovecot_socket: str, delay_file: Path
) -> None:
    """Wait, then join one connection with Dovecot; a Dovecot that is down closes it, and Postfix tries again."""
    minimum, maximum = map(float, delay_file.read_text().split())  # noqa: ASYNC240 - 8 bytes, no waiting
    try:
        await asyncio.sleep(random.uniform(minimum, maximum))  # noqa: S311 - no secret hangs on it
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_unix_connection(dovecot_socket)
            try:
                await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
            finally:
                far_writer.close()
    finally:
        writer.close()


async def serve(listen_socket: str, dovecot_socket: str, delay_file: Path) -> None:
    """Pass connections on until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):  # at the end of the loop; no task waits for this one
            await pass_on(reader, writer, dovecot_socket, delay_file)

    await asyncio.start_unix_server(accept, listen_socket, backlog=1000)
    await stop.wait()


if __name__ == "__main__":
    os.umask(0)  # Postfix delivers as its own user: it must be able to write to the socket
    asyncio.run(serve(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
