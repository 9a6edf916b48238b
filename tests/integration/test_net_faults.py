"""Peers that refuse, hang up and speak out of turn: each becomes an error of the stage that was under way."""

from __future__ import annotations

import socket

import pytest
from tests.support.failing_submission import QUICK, FailingSubmission
from tests.support.scripted_peer import Peer, Play, scripted_peer, server_at

from mailsonar.clock import SystemClock
from mailsonar.dialogue.steps import Dialogue, Exchange, Patience, ask, hear
from mailsonar.model.fault import (
    ConnectFailed,
    Disconnected,
    ProtocolViolation,
    ResolveFailed,
)
from mailsonar.model.stage import Leg, Stage
from mailsonar.net.converse import Network, Session
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.wire.smtp import ReplyReader


async def hang_up(peer: Peer) -> None:
    """Accept, and close."""


async def break_off(peer: Peer) -> None:
    """Accept, and reset."""
    peer.reset()


async def half_close(peer: Peer) -> None:
    """Say that nothing more will come, and wait."""
    peer.socket.shutdown(socket.SHUT_WR)
    await peer.hear_out()


async def test_connection_refused(net: Network) -> None:
    """A port where nobody listens is refused at once, as the system's ECONNREFUSED."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        attempt = FailingSubmission(net, server_at(bound.getsockname()[1]))
        error = await attempt.fail(ConnectFailed)
    assert isinstance(error, ConnectFailed)
    assert (error.stage, error.errno) == (Stage.CONNECT, 111)
    assert attempt.seconds() < 10


@pytest.mark.parametrize("play", [hang_up, break_off, half_close])
async def test_a_peer_that_hangs_up_is_disconnected(net: Network, play: Play) -> None:
    """Close, reset and half-close in place of a greeting are a disconnection, not a timeout."""
    async with scripted_peer(play) as port:
        error = await FailingSubmission(net, server_at(port)).fail(Disconnected)
    assert error.stage is Stage.GREETING


@pytest.mark.parametrize("play", [hang_up, break_off])
async def test_a_peer_that_hangs_up_later_is_disconnected_there(net: Network, play: Play) -> None:
    """Close and reset in the middle of a session name the stage that was under way."""

    async def greet(peer: Peer) -> None:
        peer.say(b"220 hello\r\n")
        await peer.hear_line()
        await play(peer)

    async with scripted_peer(greet) as port:
        error = await FailingSubmission(net, server_at(port)).fail(Disconnected)
    assert error.stage is Stage.HELLO


async def test_a_reply_from_before_the_question_is_not_believed(net: Network) -> None:
    """A reply that was already there when a command goes out is a violation, also in a segment of its own."""
    speaking: list[Peer] = []

    async def play(peer: Peer) -> None:
        speaking.append(peer)
        peer.say(b"220 hello\r\n")
        assert await peer.hear_out() == b""

    def script(_: str) -> Dialogue[None]:
        yield from hear(Stage.GREETING, ReplyReader())
        speaking[0].say(b"250 too early\r\n")
        yield from ask(Stage.HELLO, "EHLO me", ReplyReader())

    async with scripted_peer(play) as port:
        session = Session(net, server_at(port), Stopwatch(Leg.SUBMISSION, SystemClock()))
        with pytest.raises(ProtocolViolation) as caught:
            await session.hold(script)
    assert (caught.value.stage, caught.value.sent) == (Stage.HELLO, False)


async def test_a_reset_while_we_send_is_a_disconnection(net: Network) -> None:
    """A reset in the middle of the content is a disconnection, and the message certainly did not go out."""

    async def play(peer: Peer) -> None:
        peer.say(b"220 hello\r\n")
        await peer.hear(b"xxxx")
        peer.reset()

    def script(_: str) -> Dialogue[None]:
        yield from hear(Stage.GREETING, ReplyReader())
        yield Exchange(Stage.DATA, b"x" * 20_000_000 + b"\r\n", ReplyReader(), Patience.DATA)

    async with scripted_peer(play) as port:
        session = Session(net, server_at(port), Stopwatch(Leg.SUBMISSION, SystemClock()))
        with pytest.raises(Disconnected) as caught:
            await session.hold(script)
    assert (caught.value.stage, caught.value.sent) == (Stage.DATA, False)


async def test_a_name_without_an_address(net: Network) -> None:
    """A name that breaks DNS' rules, or has no address, is a fault of resolving."""
    for host in ("no-such-host.invalid", "a..b", "x" * 64 + ".example"):
        error = await FailingSubmission(net, server_at(25, host=host, timeouts=QUICK)).fail(ResolveFailed)
        assert error.stage is Stage.RESOLVE
        assert error.detail.startswith(host)
