"""How a server misbehaves: what it does at a named moment, what it hides, what it presents.

A moment is a command's verb, or one of those below that no verb names. Here are the pieces, and in `acts` what can be
done with a connection; `hostile`, `smtp_faults`, `pop3_faults` and `listing_faults` name the faults made of them. An
act that keeps count is made anew for each use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass

from mailsonar.sandbox.switches import Switches
from mailsonar.sandbox.wardrobe import Certificate, TlsStyle

CONNECTION = "CONNECTION"  # accepted; before TLS, also where TLS is implicit
GREETING = "GREETING"
HANDSHAKE = "HANDSHAKE"  # TLS is to begin: behind the go-ahead, or at once where TLS is implicit
CREDENTIALS = "CREDENTIALS"  # they were received whole, whatever the mechanism; the verdict is due
FINAL_DOT = "FINAL_DOT"  # the content was received; nothing is delivered yet
ACCEPTANCE = "ACCEPTANCE"  # the content is on its way; its 250 is due

Act = Callable[[asyncio.Transport], Awaitable[str | None]]
"""Done at a moment; returns the line that the server says instead of going on, or None to let it go on."""
Rows = Callable[[Iterator[str]], Iterable[str]]
"""Turns the rows of a listing into those to show."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServerFault:
    """One misbehaviour.

    `act` is done at each of the `moments`; keywords and commands in `hides` are neither offered nor understood;
    `injects` follows the go-ahead of STARTTLS or STLS in the same segment; `certificate` is presented instead of the
    good one, and `tls_style` is how TLS is spoken; EHLO or CAPA offers the lines in `offers`, too; `unique_id` stands
    for the unique-id of every message, `rows` alters the listings, and `ignores_count` lets TOP show the whole message.
    """

    name: str
    moments: frozenset[str] = frozenset()
    act: Act | None = None
    hides: frozenset[str] = frozenset()
    injects: bytes = b""
    certificate: Certificate | None = None
    tls_style: TlsStyle | None = None
    offers: tuple[str, ...] = ()
    unique_id: str | None = None
    rows: Rows | None = None
    ignores_count: bool = False


class ServerFaults(Switches[ServerFault]):
    """The faults of one server that are on."""

    async def strike(self, moment: str, transport: asyncio.Transport) -> str | None:
        """Do what faults do at this moment; return what to say instead of going on, None to go on."""
        for fault in self:
            if fault.act and moment in fault.moments and (line := await fault.act(transport)) is not None:
                return line
        return None

    def hide(self, keyword: str) -> bool:
        """Tell whether a keyword or command is to be unknown."""
        return any(keyword in fault.hides for fault in self)

    def injected(self) -> bytes:
        """Return the plaintext that follows the go-ahead of a TLS upgrade."""
        return b"".join(fault.injects for fault in self)

    def certificate(self) -> Certificate:
        """Return the kind of certificate to present now."""
        return next((fault.certificate for fault in self if fault.certificate), Certificate.GOOD)

    def tls_style(self) -> TlsStyle:
        """Return how TLS is spoken now."""
        return next((fault.tls_style for fault in self if fault.tls_style), TlsStyle.USUAL)

    def offered(self) -> tuple[str, ...]:
        """Return what EHLO or CAPA offers besides."""
        return tuple(offer for fault in self for offer in fault.offers)

    def rows(self, rows: Iterator[str]) -> Iterator[str]:
        """Return the rows to show for a listing."""
        for fault in self:
            rows = iter(fault.rows(rows)) if fault.rows else rows
        return rows

    def ignores_count(self) -> bool:
        """Tell whether TOP shows more than it was asked for."""
        return any(fault.ignores_count for fault in self)

    def unique_id(self, uid: str) -> str:
        """Return the unique-id to show for a message."""
        return next((fault.unique_id for fault in self if fault.unique_id), uid)


def says(line: str, *moments: str) -> ServerFault:
    """Make a fault that answers with this line instead of going on."""

    async def say(_transport: asyncio.Transport) -> str:
        return line

    return ServerFault(name=f"says {line!r}", moments=frozenset(moments), act=say)


def says_first(times: int, line: str, moment: str) -> ServerFault:
    """Make a fault that answers with this line so many times, then goes on as usual: greylisting."""
    left = times

    async def say(_transport: asyncio.Transport) -> str | None:
        nonlocal left
        left -= 1
        return line if left >= 0 else None

    return ServerFault(name=f"says {line!r} {times} times", moments=frozenset({moment}), act=say)


def stalls(moment: str) -> ServerFault:
    """Make a fault that never answers; what hangs goes on hanging when the fault is switched off."""

    async def stall(_transport: asyncio.Transport) -> None:
        await asyncio.Event().wait()

    return ServerFault(name=f"stalls at {moment}", moments=frozenset({moment}), act=stall)


def late(moment: str, seconds: float) -> ServerFault:
    """Make a fault that goes on as usual, but later."""

    async def wait(_transport: asyncio.Transport) -> None:
        await asyncio.sleep(seconds)

    return ServerFault(name=f"{seconds} s late at {moment}", moments=frozenset({moment}), act=wait)


def drops(moment: str) -> ServerFault:
    """Make a fault that cuts the connection instead of going on."""

    async def drop(transport: asyncio.Transport) -> None:
        transport.abort()
        raise ConnectionResetError(f"dropped at {moment} on purpose")

    return ServerFault(name=f"drops at {moment}", moments=frozenset({moment}), act=drop)


def hides(*keywords: str) -> ServerFault:
    """Make a fault that neither offers nor understands these."""
    return ServerFault(name=f"hides {', '.join(keywords)}", hides=frozenset(keywords))


def speaks_tls(style: TlsStyle) -> ServerFault:
    """Make a fault that speaks TLS this way."""
    return ServerFault(name=f"speaks TLS: {style}", tls_style=style)


def presents(certificate: Certificate) -> ServerFault:
    """Make a fault that presents this kind of certificate."""
    return ServerFault(name=f"presents a certificate: {certificate}", certificate=certificate)


NEVER_SPEAKS = stalls(CONNECTION)
CERTIFICATE_EXPIRED = presents(Certificate.EXPIRED)
CERTIFICATE_NOT_YET_VALID = presents(Certificate.NOT_YET_VALID)
CERTIFICATE_OF_ANOTHER_NAME = presents(Certificate.WRONG_NAME)
CERTIFICATE_UNTRUSTED = presents(Certificate.UNTRUSTED)
CERTIFICATE_WEAK = presents(Certificate.WEAK)
CERTIFICATE_SELF_SIGNED = presents(Certificate.SELF_SIGNED)
CERTIFICATE_WITHOUT_ALTERNATIVE_NAMES = presents(Certificate.COMMON_NAME_ONLY)
CERTIFICATE_OF_EXPIRED_INTERMEDIATE = presents(Certificate.EXPIRED_INTERMEDIATE)
TLS_TOO_OLD = speaks_tls(TlsStyle.TOO_OLD)
TLS_WANTS_CERTIFICATE = speaks_tls(TlsStyle.WANTS_CERTIFICATE)
