"""Broken upgrades to TLS: injections, garbage, hang-ups and silence; nothing that came in the clear counts after it."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.scripted_peer import Peer, scripted_peer, server_at
from tests.support.tls_sessions import failure, go_ahead, implicit_tls, session_with, starttls

from mailsonar.dialogue.steps import Dialogue, ask, upgrade
from mailsonar.model.fault import (
    Disconnected,
    StageTimeout,
    StarttlsInjected,
    TlsFailed,
)
from mailsonar.model.server import Timeouts, TlsPolicy
from mailsonar.model.stage import Stage
from mailsonar.net.converse import Network
from mailsonar.wire.smtp import ReplyReader

QUICK = Timeouts(connect=1.0, tls=0.2, greeting=1.0, command=1.0, data=1.0, session=5.0)


@pytest.mark.parametrize("injected", [b"250 injected\r\n", b"2", b"\x16\x03\x01"], ids=["reply", "fragment", "record"])
async def test_plaintext_in_the_same_segment_is_an_injection(net: Network, policy: TlsPolicy, injected: bytes) -> None:
    """What comes along with the go-ahead is reported and never read as if it had come over TLS."""

    async def play(peer: Peer) -> None:
        await peer.hear(b"STARTTLS\r\n")
        peer.say(b"220 go\r\n" + injected)
        assert await peer.hear_out() == b""

    async with scripted_peer(play) as port:
        error = await failure(net, server_at(port, tls=policy), starttls, StarttlsInjected)
    assert error.stage is Stage.STARTTLS


async def test_plaintext_in_a_segment_of_its_own_is_an_injection(net: Network, policy: TlsPolicy) -> None:
    """What waits in the system's buffer when TLS is to start is an injection as much as what waits in ours."""
    speaking: list[Peer] = []

    async def play(peer: Peer) -> None:
        speaking.append(peer)
        await go_ahead(peer)
        assert await peer.hear_out() == b""

    def script(_: str) -> Dialogue[None]:
        yield from ask(Stage.STARTTLS, "STARTTLS", ReplyReader())
        speaking[0].say(b"250 injected\r\n")
        yield from upgrade(implicit=False)

    async with scripted_peer(play) as port:
        error = await failure(net, server_at(port, tls=policy), script, StarttlsInjected)
    assert error.stage is Stage.STARTTLS


@pytest.mark.parametrize(
    "record", [b"250 injected\r\n", b"\0" * 100, b"\x15\x03\x03\x00\x02\x02\x28"], ids=["reply", "zeros", "alert"]
)
async def test_garbage_in_place_of_the_server_hello_fails_tls(net: Network, policy: TlsPolicy, record: bytes) -> None:
    """Plaintext that goes on after the go-ahead, garbage, and an alert end the handshake, not the agent."""

    async def play(peer: Peer) -> None:
        await go_ahead(peer)
        assert (await peer.hear_some()).startswith(b"\x16\x03")
        peer.say(record)
        await peer.hear_out()

    async with scripted_peer(play) as port:
        error = await failure(net, server_at(port, tls=policy), starttls, TlsFailed)
    assert error.stage is Stage.TLS_HANDSHAKE
    assert isinstance(error, TlsFailed)
    assert error.verify_code is None


@pytest.mark.parametrize(
    "greeting", [b"220 mx.example ESMTP\r\n", b"+OK POP3 ready\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"]
)
async def test_a_greeting_in_the_clear_hints_at_the_wrong_mode(
    net: Network, policy: TlsPolicy, greeting: bytes
) -> None:
    """A server that speaks first, in the clear, where TLS was configured: the detail asks whether that is right."""

    async def play(peer: Peer) -> None:
        peer.say(greeting)
        await peer.hear_out()

    async with scripted_peer(play) as port:
        error = await failure(net, server_at(port, tls=policy), implicit_tls, TlsFailed)
    assert error.stage is Stage.TLS_HANDSHAKE
    assert "is `security` right?" in error.detail


@pytest.mark.parametrize("how", ["close", "reset", "close after hello"])
async def test_hanging_up_in_the_handshake_is_a_disconnection(net: Network, policy: TlsPolicy, how: str) -> None:
    """A connection lost in the handshake says nothing about certificates."""

    async def play(peer: Peer) -> None:
        if how != "close":
            await peer.hear_some()
        if how == "reset":
            peer.reset()

    async with scripted_peer(play) as port:
        error = await failure(net, server_at(port, tls=policy), implicit_tls, Disconnected)
    assert error.stage is Stage.TLS_HANDSHAKE


@pytest.mark.parametrize("drops", [0, 100])
async def test_silence_and_drip_in_the_handshake_are_a_timeout(net: Network, policy: TlsPolicy, drops: int) -> None:
    """A handshake has a deadline of its own, which single bytes do not extend."""

    async def play(peer: Peer) -> None:
        record = b"\x16\x03\x03\x40\x00" + b"\x02" * 100
        for position in range(drops):
            asyncio.get_running_loop().call_later(position * 0.02, peer.say, record[position : position + 1])
        await peer.hear_out()

    async with scripted_peer(play) as port:
        session = session_with(net, server_at(port, tls=policy, timeouts=QUICK))
        with pytest.raises(StageTimeout) as caught:
            await session.hold(implicit_tls)
    assert caught.value.stage is Stage.TLS_HANDSHAKE
    (handshake,) = [timing for timing in session.stopwatch.timings() if timing.stage is Stage.TLS_HANDSHAKE]
    assert 0.19 < handshake.seconds < 10
    assert handshake.failed
