"""The listening socket and what a connection may cost: how many, how long, how much.

The framework bounds each header line, but neither all of them together nor the time that they take; so each connection
passes through a gate that counts bytes and seconds until a request is complete, and knows nothing else of HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from mailsonar.web.entrance import Entrance

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
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError | web.RequestPayloadError))


_log.addFilter(_is_ours)


class ListenFailed(Exception):
    """The address cannot be listened on; the message is one line that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A server that listens; `addresses` are the (host, port) pairs that it has."""

    addresses: tuple[tuple[str, int], ...]
    server: asyncio.Server
    runner: web.AppRunner
    open_gates: set[_Gate]

    async def close(self) -> None:
        """Stop listening, let running answers end, and close what is left."""
        self.server.close()
        await self.runner.cleanup()
        for gate in tuple(self.open_gates):
            gate.abort()


async def serve(app: web.Application, address: str, entrance: Callable[[], Entrance] = Entrance) -> Listener:
    """Serve an application.

    Args:
        app: the application.
        address: `HOST:PORT`, `[IPV6]:PORT`, or `:PORT` for all addresses of both families.
        entrance: asked for each new connection, so that it may change.

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
        server = await asyncio.get_running_loop().create_server(
            lambda: _Gate(serving, entrance, open_gates), host, port
        )
    except (OSError, UnicodeError) as error:
        await runner.cleanup()
        why = getattr(error, "strerror", None) or str(error)
        raise ListenFailed(f"cannot listen on {address}: {why}") from error
    names = [listening.getsockname() for listening in server.sockets]
    addresses = tuple((name[0], name[1]) for name in names)
    return Listener(addresses=addresses, server=server, runner=runner, open_gates=open_gates)


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


def url_of(host: str, port: int, *, tls: bool) -> str:
    """Return what people type to reach an address that is listened on."""
    shown = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104 - shown only
    return f"http{'s' if tls else ''}://{shown}:{port}/"


class _Gate(asyncio.Protocol):
    """Stands between a connection and the framework, before TLS and after it.

    Args:
        serving: makes the framework's side of a connection.
        entrance: what a new connection meets.
        open_gates: the gates of all open connections.
    """

    def __init__(self, serving: web.Server, entrance: Callable[[], Entrance], open_gates: set[_Gate]) -> None:
        self._serving = serving
        self._entrance = entrance
        self._open_gates = open_gates
        self._inner: asyncio.Protocol | None = None
        self._transport: asyncio.Transport | None = None
        self._securing: asyncio.Task[None] | None = None
        self._early = b""
        self._unfinished = 0
        self._tail = b""
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection, or close it at once if there are too many.

        A TLS handshake holds a place like any other connection, and its time is part of the first request's.
        """
        self._transport = cast("asyncio.Transport", transport)
        if len(self._open_gates) >= MAX_CONNECTIONS:
            self._transport.abort()
            return
        self._open_gates.add(self)
        self._expect_more()
        entrance = self._entrance()
        if entrance.context is None:
            self._open(self._transport)
        else:
            self._transport.pause_reading()
            secure = self._secure(self._transport, entrance, entrance.context)
            self._securing = asyncio.get_running_loop().create_task(secure)

    async def _secure(self, transport: asyncio.Transport, entrance: Entrance, context: ssl.SSLContext) -> None:
        """Open to a client that speaks TLS, and shows the certificate that is asked for; to others, close."""
        if transport.is_closing():  # asyncio would wait for its handshake for ever
            return
        try:
            secured = await asyncio.get_running_loop().start_tls(
                transport, self, context, server_side=True,
                ssl_handshake_timeout=REQUEST_SECONDS, ssl_shutdown_timeout=DRAIN_SECONDS,
            )  # fmt: skip
        except OSError as error:  # no TLS, none that we speak, or a certificate that does not verify
            _log.debug("a TLS handshake failed: %s", error)
            secured = None
        if secured is None or secured.is_closing() or not entrance.admits(secured.get_extra_info("peercert")):
            transport.abort()
            self.connection_lost(None)
            return
        self._transport = secured
        self._open(secured)
        if self._early:
            self.data_received(self._early)

    def _open(self, transport: asyncio.Transport) -> None:
        self._inner = self._serving()
        self._inner.connection_made(transport)

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Hand data on while the request that it belongs to is within its bounds."""
        if self._securing is not None and self._inner is None:  # it came with the end of the handshake
            self._early += data
            return
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
            self._deadline = asyncio.get_running_loop().call_later(REQUEST_SECONDS, self.abort)
