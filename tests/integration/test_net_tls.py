"""Sessions over TLS: versions, client certificates, records and their end."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from tests.support.scripted_peer import Peer, scripted_peer, server_at
from tests.support.tls_sessions import failure, go_ahead, implicit_tls, session_with, starttls

from mailsonar.clock import SystemClock
from mailsonar.dialogue.steps import Dialogue, Exchange, Patience, ask, upgrade
from mailsonar.dialogue.submit import leave
from mailsonar.model.fault import (
    Disconnected,
    ProtocolViolation,
    TlsFailed,
)
from mailsonar.model.server import Security, TlsPolicy
from mailsonar.model.stage import Stage
from mailsonar.net.converse import Network
from mailsonar.wire.smtp import ReplyReader


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("security", [Security.STARTTLS, Security.IMPLICIT_TLS])
async def test_a_good_handshake_tells_its_facts(
    net: Network, context: ssl.SSLContext, policy: TlsPolicy, security: Security, version: ssl.TLSVersion
) -> None:
    """Both ways to TLS lead to a verified session, whose version, cipher and certificate's end are noted."""
    context.minimum_version = context.maximum_version = version

    async def play(peer: Peer) -> None:
        if security is Security.STARTTLS:
            await go_ahead(peer)
            await peer.start_tls(context)
            await peer.hear(b"EHLO me\r\n")
        peer.say(b"250 over TLS\r\n")

    implicit = context if security is Security.IMPLICIT_TLS else None
    async with scripted_peer(play, implicit) as port:
        server = server_at(port, security=security, tls=policy)
        session = session_with(net, server)
        said = await session.hold(starttls if security is Security.STARTTLS else implicit_tls)
    assert said == "250 over TLS"
    assert session.tls is not None
    assert session.tls.version == {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]
    assert (session.tls.server, session.tls.protocol, session.tls.verified) == (f"127.0.0.1:{port}", "smtp", True)
    assert session.tls.cipher
    assert session.tls.not_after_wall
    assert session.tls.not_after_wall > SystemClock().wall()


async def test_an_old_version_fails_tls(net: Network, context: ssl.SSLContext, policy: TlsPolicy) -> None:
    """A server that can do no more than TLS 1.2 fails where 1.3 is required, and the detail names the version."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    strict = TlsPolicy(ca_file=policy.ca_file, min_version="1.3")

    async def play(peer: Peer) -> None:
        await go_ahead(peer)
        await peer.refuse_tls(context)

    async with scripted_peer(play) as port:
        error = await failure(net, server_at(port, tls=strict), starttls, TlsFailed)
    assert "protocol version" in error.detail


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_that_is_wanted_fails_tls(
    net: Network, context: ssl.SSLContext, authority: trustme.CA, policy: TlsPolicy, version: ssl.TLSVersion
) -> None:
    """TLS 1.2 says so in the handshake, TLS 1.3 at the first read: a failure of TLS either way, no mere hang-up."""
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)

    async def play(peer: Peer) -> None:
        await go_ahead(peer)
        await peer.refuse_tls(context)

    async with scripted_peer(play) as port:
        error = await failure(net, server_at(port, tls=policy), starttls, TlsFailed)
    assert error.stage in (Stage.TLS_HANDSHAKE, Stage.HELLO)
    assert isinstance(error, TlsFailed)
    assert error.verify_code is None


async def test_a_client_certificate_that_is_configured_is_shown(
    net: Network, context: ssl.SSLContext, authority: trustme.CA, policy: TlsPolicy, tmp_path: Path
) -> None:
    """With `certificate` under `tls` such a server lets us in."""
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    pem = tmp_path / "client.pem"
    authority.issue_cert("probe@acme.example").private_key_and_cert_chain_pem.write_to_path(pem)

    async def play(peer: Peer) -> None:
        peer.say(b"220 welcome\r\n")

    async with scripted_peer(play, context) as port:
        ours = TlsPolicy(ca_file=policy.ca_file, certificate=str(pem))
        assert await session_with(net, server_at(port, tls=ours)).hold(implicit_tls) == "220 welcome"


@pytest.mark.parametrize("bad", [TlsPolicy(ca_file="/nowhere/ca.pem"), TlsPolicy(certificate="/nowhere/me.pem")])
async def test_a_missing_file_fails_tls(net: Network, bad: TlsPolicy) -> None:
    """A file that cannot be read is never a reason to verify less; the handshake does not even begin."""

    async def play(peer: Peer) -> None:
        assert await peer.hear_out() == b""

    async with scripted_peer(play) as port:
        error = await failure(net, server_at(port, tls=bad), implicit_tls, TlsFailed)
    assert "a file named under `tls` cannot be used" in error.detail


async def test_an_encrypted_key_fails_tls(net: Network, authority: trustme.CA, tmp_path: Path) -> None:
    """A private key that needs a passphrase is told as such; nobody is asked for one on a terminal."""
    issued = authority.issue_cert("probe@acme.example")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    wrapping = serialization.BestAvailableEncryption(b"passphrase")
    path = tmp_path / "client.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, wrapping)
        + b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    )

    async def play(peer: Peer) -> None:
        assert await peer.hear_out() == b""

    async with scripted_peer(play) as port:
        error = await failure(net, server_at(port, tls=TlsPolicy(certificate=str(path))), implicit_tls, TlsFailed)
    assert "the private key is encrypted" in error.detail


async def test_an_acceptance_in_a_tls_record_before_the_content_is_not_believed(
    net: Network, context: ssl.SSLContext, policy: TlsPolicy
) -> None:
    """A 250 that waits in a TLS record of its own behind the 354 is no answer to content that was not sent yet."""

    async def play(peer: Peer) -> None:
        await peer.hear(b"DATA\r\n")
        peer.say(b"354 go ahead\r\n")
        peer.say(b"250 2.0.0 Ok\r\n")
        assert await peer.hear_out() == b""

    def script(_: str) -> Dialogue[None]:
        yield from upgrade(implicit=True)
        yield from ask(Stage.DATA, "DATA", ReplyReader())
        yield Exchange(Stage.DATA, b"Subject: probe\r\n.\r\n", ReplyReader(), Patience.DATA)

    async with scripted_peer(play, context) as port:
        error = await failure(net, server_at(port, tls=policy), script, ProtocolViolation)
    assert (error.stage, error.sent) == (Stage.DATA, False)


async def test_a_reply_in_many_small_tls_records_is_read(
    net: Network, context: ssl.SSLContext, policy: TlsPolicy
) -> None:
    """Records are no boundaries: a reply may come in any number of them, and several replies' worth in one."""

    async def play(peer: Peer) -> None:
        for byte in b"220-hello\r\n220 there\r\n":
            peer.say(bytes([byte]))
        await peer.hear(b"QUIT\r\n")

    def script(_: str) -> Dialogue[str]:
        said = yield from implicit_tls()
        yield from leave()
        return said

    async with scripted_peer(play, context) as port:
        assert await session_with(net, server_at(port, tls=policy)).hold(script) == "220 hello there"


async def test_much_content_goes_out_over_tls(net: Network, context: ssl.SSLContext, policy: TlsPolicy) -> None:
    """Content beyond what the system's buffers hold arrives whole, and waiting for room leaves the loop to others."""
    content = b"0123456789abcdef" * 500_000

    async def play(peer: Peer) -> None:
        await peer.hear(content)
        peer.say(b"250 2.0.0 Ok\r\n")

    def script(_: str) -> Dialogue[str]:
        yield from upgrade(implicit=True)
        return str((yield Exchange(Stage.DATA, content, ReplyReader(), Patience.DATA)))

    async with scripted_peer(play, context) as port:
        assert await session_with(net, server_at(port, tls=policy)).hold(script) == "250 2.0.0 Ok"


@pytest.mark.parametrize("clean", [True, False], ids=["close_notify", "cut off"])
async def test_the_end_of_tls_is_a_disconnection(
    net: Network, context: ssl.SSLContext, policy: TlsPolicy, clean: bool
) -> None:
    """With or without close_notify, a session that ends in the middle of a reply gives no reply."""

    async def play(peer: Peer) -> None:
        await peer.say_all(b"220-hello\r\n220 the")
        if not clean:
            peer.cut_off()

    async with scripted_peer(play, context) as port:
        error = await failure(net, server_at(port, tls=policy), implicit_tls, Disconnected)
    assert error.stage is Stage.GREETING
