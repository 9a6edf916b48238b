"""The listening socket and what a connection may cost: how many, how long, how much.

The framework bounds each header line, but neither all of them together nor the time that they take; so each connection
passes through a gate that counts bytes and seconds until a request is complete, and knows nothing else of HTTP.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

MAX_CONNECTIONS = 100
MAX_REQUEST_BYTES = 16 * 1024
REQUEST_SECONDS = 10.0
IDLE_SECONDS = 75.0
DRAIN_SECONDS = 2.0

_END_OF_HEADER = b"\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

_log = logging.getLogger("mailsonar.web")


def _is_ours(record: logging.LogRecord) -> bool:
    """Tell whether a record is about us: a malformed request is answered, but its text, a password even, not logged."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_log.addFilter(_is_ours)


class ListenFailed(Exception):
    """The address cannot be listened on; the message is one line that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A server that listens; `addresses` are the (host, port) pairs that it has."""

    addresses: tuple[tuple[str, int], ...]
    server: asyncio.Server
    runner: web.AppRunner

    async def close(self) -> None:
        """Stop listening, let running answers end, and close what is left."""
        self.server.close()
        await self.runner.cleanup()


async def serve(app: web.Application, address: str) -> Listener:
    """Serve an application.

    Args:
        app: the application.
        address: `HOST:PORT`, `[IPV6]:PORT`, or `:PORT` for all addresses of both families.

    Raises:
        ListenFailed: the address makes no sense, or is taken.
    """
    host, port = parse_address(address)
    runner = web.AppRunner(
        app, access_log=None, logger=_log, keepalive_timeout=IDLE_SECONDS, shutdown_timeout=DRAIN_SECONDS
    )
    await runner.setup()
    serving = cast("web.Server", runner.server)
    open_gates: set[_Gate] = set()
    try:
        server = await asyncio.get_running_loop().create_server(lambda: _Gate(serving, open_gates), host, port)
    except (OSError, UnicodeError) as error:
        await runner.cleanup()
        why = getattr(error, "strerror", None) or str(error)
        raise ListenFailed(f"cannot listen on {address}: {why}") from error
    names = [listening.getsockname() for listening in server.sockets]
    return Listener(addresses=tuple((name[0], name[1]) for name in names), server=server, runner=runner)


def parse_address(address: str) -> tuple[str | None, int]:
    """Return the host, None for all addresses, and the port of `HOST:PORT`.

    Raises:
        ListenFailed: there is no port, or an IPv6 address stands without brackets.
    """
    host, colon, port = address.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_port = bool(colon) and port.isascii() and port.isdigit() and int(port) <= 65535
    if not is_port or (":" in bare and bare == host):
        raise ListenFailed(f"cannot listen on {address}: not HOST:PORT, [IPV6]:PORT or :PORT")
    return bare or None, int(port)


class _Gate(asyncio.Protocol):
    """Stands between a connection and the framework.

    Args:
        serving: makes the framework's side of a connection.
        open_gates: the gates of all open connections.
    """

    def __init__(self, serving: web.Server, open_gates: set[_Gate]) -> None:
        self._serving = serving
        self._open_gates = open_gates
        self._inner: asyncio.Protocol | None = None
        self._transport: asyncio.Transport | None = None
        self._unfinished = 0
        self._tail = b""
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection, or close it at once if there are too many."""
        self._transport = cast("asyncio.Transport", transport)
        if len(self._open_gates) >= MAX_CONNECTIONS:
            self._transport.abort()
            return
        self._open_gates.add(self)
        self._inner = self._serving()
        self._inner.connection_made(transport)
        self._expect_more()

    def data_received(self, data: bytes) -> None:
        """Hand data on while the request that it belongs to is within its bounds."""
        if self._inner is None or self._transport is None or self._transport.is_closing():
            return
        if not self._within_bounds(data):
            self._transport.write(_TOO_LARGE)
            self._transport.close()
            return
        if self._unfinished:
            self._expect_more()
        elif self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._inner.data_received(data)

    def eof_received(self) -> None:
        """Close: a client that will ask nothing more gets nothing more."""
        if self._inner is not None:
            self._inner.eof_received()

    def pause_writing(self) -> None:
        """Tell the framework to wait."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Tell the framework to go on."""
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place."""
        self._open_gates.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def _within_bounds(self, data: bytes) -> bool:
        """Count the bytes since the last blank line; a blank line may be split over two reads."""
        seen = self._tail + data
        first, last = seen.find(_END_OF_HEADER), seen.rfind(_END_OF_HEADER)
        longest = self._unfinished + (len(data) if first < 0 else first)
        self._unfinished = longest if first < 0 else len(seen) - last - len(_END_OF_HEADER)
        self._tail = seen[max(0, len(seen) - 3) :] if first < 0 else seen[last + len(_END_OF_HEADER) :][-3:]
        return max(longest, self._unfinished) <= MAX_REQUEST_BYTES

    def _expect_more(self) -> None:
        """Let the request be complete within its time, from its first byte on."""
        if self._deadline is None and self._transport is not None:
            self._deadline = asyncio.get_running_loop().call_later(REQUEST_SECONDS, self._transport.abort)
