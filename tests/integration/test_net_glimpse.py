"""Glimpses: the certificates of servers that fail verification are read, and nothing is ever said to such a server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from tests.support.scripted_peer import Peer, scripted_peer, server_at

from mailsonar.model.result import TlsFacts
from mailsonar.model.server import Account, Credentials, Protocol, Secret, Security, Timeouts, TlsPolicy
from mailsonar.net.converse import Network
from mailsonar.net.glimpse import glimpse
from mailsonar.sandbox.authority import Authority
from mailsonar.sandbox.wardrobe import Certificate, Wardrobe

Open = Callable[[Peer], Awaitable[None]]


async def smtp_until_tls(peer: Peer) -> None:
    """Greet and let the client ask for TLS."""
    peer.say(b"220 mx\r\n")
    await peer.hear(b"EHLO [127.0.0.1]\r\n")
    peer.say(b"250-mx\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n")
    await peer.hear(b"STARTTLS\r\n")
    peer.say(b"220 go\r\n")


async def pop3_until_tls(peer: Peer) -> None:
    """Greet and let the client ask for TLS."""
    peer.say(b"+OK\r\n")
    await peer.hear(b"CAPA\r\n")
    peer.say(b"+OK\r\nSTLS\r\nUSER\r\n.\r\n")
    await peer.hear(b"STLS\r\n")
    peer.say(b"+OK go\r\n")


async def at_once(_: Peer) -> None:
    """Let TLS begin with the first byte."""


DOORS: dict[str, tuple[Protocol, Security, Open]] = {
    "STARTTLS": (Protocol.SMTP, Security.STARTTLS, smtp_until_tls),
    "SMTP, implicit": (Protocol.SMTP, Security.IMPLICIT_TLS, at_once),
    "STLS": (Protocol.POP3, Security.STARTTLS, pop3_until_tls),
    "POP3S": (Protocol.POP3, Security.IMPLICIT_TLS, at_once),
}
IMPATIENT = Timeouts(connect=0.2, tls=0.2, greeting=0.2, command=0.2)


async def glimpsed(
    net: Network,
    door: str,
    play: Callable[[Peer], Awaitable[None]],
    context: ssl.SSLContext | None = None,
    tls: TlsPolicy | None = None,
) -> TlsFacts | None:
    """Return what a glimpse of a server shows that behaves like this; with a context, TLS begins as the door has it."""
    protocol, security, opens = DOORS[door]

    async def act(peer: Peer) -> None:
        await opens(peer)
        await peer.start_tls(context)
        await play(peer)

    is_implicit = security is Security.IMPLICIT_TLS
    acted = play if is_implicit or context is None else act
    async with scripted_peer(acted, context if is_implicit else None) as port:
        server = server_at(port, protocol=protocol, security=security, tls=tls or TlsPolicy(), timeouts=IMPATIENT)
        secret = Secret("test", lambda: pytest.fail("a glimpse has no use for a password"))
        account = Account(server=server, credentials=Credentials(username="probe", password=secret))
        return await asyncio.wait_for(glimpse(net, account, "certificate has expired"), 2.0)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", [Certificate.EXPIRED_INTERMEDIATE, Certificate.WEAK, Certificate.SELF_SIGNED])
async def test_nothing_is_said_after_the_handshake(
    net: Network, door: str, version: ssl.TLSVersion, kind: Certificate
) -> None:
    """Behind the handshake the client leaves without a byte, and the facts are those of what was presented."""
    context = Wardrobe(Authority()).context(kind)
    context.minimum_version = context.maximum_version = version
    heard: list[bytes] = []

    async def play(peer: Peer) -> None:
        heard.append(await peer.hear_out())

    facts = await glimpsed(net, door, play, context)
    assert heard == [b""]
    assert facts is not None
    assert (facts.verified, facts.problem) == (False, "certificate has expired")
    assert facts.version == version.name.replace("v1_", "v1.")
    assert facts.cipher
    assert facts.names == ("localhost", "127.0.0.1", "::1")
    assert facts.key == ("RSA 1024" if kind is Certificate.WEAK else "ECDSA P-256")
    assert facts.not_after_wall is not None
    assert facts.not_after_earliest_wall is not None
    is_chain = kind is Certificate.EXPIRED_INTERMEDIATE
    assert (facts.not_after_earliest_wall < facts.not_after_wall) == is_chain
    assert (
        facts.issuer
        == {
            Certificate.EXPIRED_INTERMEDIATE: "CN=Old Intermediate",
            Certificate.WEAK: "CN=Sandbox Root",
            Certificate.SELF_SIGNED: "CN=127.0.0.1",
        }[kind]
    )


async def test_our_own_certificate_is_not_shown(net: Network, context: ssl.SSLContext, tmp_path: Path) -> None:
    """Who we are is told to a server only after it has proved who it is."""
    authority = trustme.CA()
    pem = tmp_path / "client.pem"
    authority.issue_cert("probe@acme.example").private_key_and_cert_chain_pem.write_to_path(pem)
    context.verify_mode = ssl.CERT_OPTIONAL
    authority.configure_trust(context)
    shown: list[object] = []

    async def play(peer: Peer) -> None:
        shown.append(peer._writer.get_extra_info("ssl_object").getpeercert())
        assert await peer.hear_out() == b""

    assert await glimpsed(net, "POP3S", play, context, TlsPolicy(certificate=str(pem)))
    assert shown == [None]


async def no_starttls(peer: Peer) -> None:
    """Offer no TLS this time."""
    peer.say(b"220 mx\r\n")
    await peer.hear(b"EHLO [127.0.0.1]\r\n")
    peer.say(b"250-mx\r\n250 AUTH PLAIN\r\n")
    assert await peer.hear_out() == b""


async def injects(peer: Peer) -> None:
    """Say more than the go-ahead in plaintext."""
    await smtp_until_tls(peer)
    peer.say(b"250 injected\r\n")
    assert await peer.hear_out() == b""


async def garbage(peer: Peer) -> None:
    """Answer the client's hello with no TLS."""
    await smtp_until_tls(peer)
    await peer.hear_some()
    peer.say(b"500 what?\r\n")
    await peer.hear_out()


async def stalls(peer: Peer) -> None:
    """Never answer the client's hello."""
    await smtp_until_tls(peer)
    await peer.hear_out()


@pytest.mark.parametrize("play", [no_starttls, injects, garbage, stalls], ids=lambda play: play.__name__)
async def test_a_glimpse_that_fails_is_harmless(net: Network, play: Callable[[Peer], Awaitable[None]]) -> None:
    """Whatever such a server does, within the server's own timeouts there are no facts and no error."""
    assert await glimpsed(net, "STARTTLS", play) is None
