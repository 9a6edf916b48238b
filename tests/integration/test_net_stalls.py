"""Peers that stall, drip, flood and do not read: bounded in time and memory, and no burden to other sessions."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from tests.support.failing_submission import MAIL, QUICK, FailingSubmission
from tests.support.scripted_peer import Peer, scripted_peer, server_at

from mailsonar.clock import SystemClock
from mailsonar.dialogue.steps import Dialogue, ask, hear
from mailsonar.dialogue.submit import Mail, leave
from mailsonar.model.fault import (
    LimitExceeded,
    StageTimeout,
)
from mailsonar.model.server import Timeouts
from mailsonar.model.stage import Leg, Stage
from mailsonar.net.converse import Network, Session
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.wire.pop3 import uidl_reader
from mailsonar.wire.smtp import ReplyReader

LARGE_MAIL = Mail(envelope=MAIL.envelope, content=MAIL.content + b"padding\r\n" * 2_000_000)


async def never_speak(peer: Peer) -> None:
    """Accept, and say nothing."""
    await peer.hear_out()


async def test_silence_is_a_timeout_of_the_greeting(net: Network) -> None:
    """A peer that accepts and never speaks costs the greeting's timeout."""
    async with scripted_peer(never_speak) as port:
        attempt = FailingSubmission(net, server_at(port, timeouts=QUICK))
        error = await attempt.fail(StageTimeout)
    assert error.stage is Stage.GREETING
    assert 0.2 <= attempt.seconds() < 10


def drip(peer: Peer, drops: Iterator[bytes]) -> None:
    """Say one drop, and the next 20 ms later."""
    peer.say(next(drops))
    asyncio.get_running_loop().call_later(0.02, drip, peer, drops)


@pytest.mark.parametrize("drop", [b"2", b"220-not yet\r\n"], ids=["bytes", "lines"])
async def test_a_drip_does_not_extend_a_deadline(net: Network, drop: bytes) -> None:
    """One byte, or one line, at a time is bounded by the stage's absolute deadline."""

    async def play(peer: Peer) -> None:
        drip(peer, iter([drop] * 100 + [b""] * 1000))
        await peer.hear_out()

    async with scripted_peer(play) as port:
        attempt = FailingSubmission(net, server_at(port, timeouts=QUICK))
        error = await attempt.fail(StageTimeout)
    assert error.stage is Stage.GREETING
    assert 0.2 <= attempt.seconds() < 10


async def test_the_session_has_a_deadline_of_its_own(net: Network) -> None:
    """No stage outlasts the session, however patient its own timeout is."""
    async with scripted_peer(never_speak) as port:
        attempt = FailingSubmission(net, server_at(port, timeouts=Timeouts(session=0.2)))
        error = await attempt.fail(StageTimeout)
    assert error.stage is Stage.GREETING
    assert attempt.seconds() < 10


async def test_a_drip_that_comes_in_time_is_read(net: Network) -> None:
    """A greeting that comes byte by byte is a greeting."""

    async def play(peer: Peer) -> None:
        for position in range(12):
            asyncio.get_running_loop().call_later(
                position / 1000, peer.say, b"220 hello..\r\n"[position : position + 1]
            )
        asyncio.get_running_loop().call_later(0.02, peer.say, b"\n")
        assert await peer.hear_line() == b"QUIT\r\n"

    def script(_: str) -> Dialogue[str]:
        reply = yield from hear(Stage.GREETING, ReplyReader())
        yield from leave()
        return reply.text

    async with scripted_peer(play) as port:
        session = Session(net, server_at(port), Stopwatch(Leg.SUBMISSION, SystemClock()))
        assert await session.hold(script) == "hello.."


class Ticker:
    """Counts turns of the event loop and the longest wait for one."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self.longest = 0.0
        self._last = self._clock.monotonic()
        self._tick()

    def _tick(self) -> None:
        now = self._clock.monotonic()
        self.longest = max(self.longest, now - self._last)
        self._last = now
        self._handle = asyncio.get_running_loop().call_later(0.001, self._tick)

    def stop(self) -> float:
        """Return the longest wait in seconds."""
        self._handle.cancel()
        return self.longest


async def flood(peer: Peer, line: bytes) -> None:
    """Say the same for as long as the client listens."""
    try:
        while True:
            await peer.say_all(line)
    except ConnectionError:
        return


@pytest.mark.parametrize("line", [b"x" * 65536, b"220-more\r\n" * 6000], ids=["no line end", "lines"])
async def test_a_flood_is_cut_off(net: Network, line: bytes) -> None:
    """An endless line and an endless reply are given up, and the event loop never stands still meanwhile."""
    async with scripted_peer(lambda peer: flood(peer, line)) as port:
        ticker = Ticker()
        error = await FailingSubmission(net, server_at(port)).fail(LimitExceeded)
        assert ticker.stop() < 2
    assert error.stage is Stage.GREETING


async def test_an_endless_listing_lets_others_run(net: Network) -> None:
    """8 MiB of rows are read in turns with the rest of the agent, then given up."""

    async def play(peer: Peer) -> None:
        await peer.hear_line()
        peer.say(b"+OK\r\n")
        await flood(peer, b"1 " + b"x" * 998 + b"\r\n")

    def script(_: str) -> Dialogue[None]:
        yield from ask(Stage.LIST, "UIDL", uidl_reader())

    async with scripted_peer(play) as port:
        ticker = Ticker()
        session = Session(net, server_at(port), Stopwatch(Leg.RETRIEVAL, SystemClock()))
        with pytest.raises(LimitExceeded):
            await session.hold(script)
        assert ticker.stop() < 2


async def test_a_peer_that_never_reads_is_a_timeout(net: Network) -> None:
    """The deadline holds for writing, too; a message that did not go out is certainly not delivered."""

    async def play(peer: Peer) -> None:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.say(b"220 hello\r\n")
        for reply in (b"250 hello\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await peer.hear_line()
            peer.say(reply)
        await peer.hear_line()
        gone = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.4, gone.set_result, None)
        await gone

    async with scripted_peer(play) as port:
        attempt = FailingSubmission(net, server_at(port, timeouts=QUICK), LARGE_MAIL)
        error = await attempt.fail(StageTimeout)
    assert error.stage is Stage.DATA
    assert not error.sent
    assert not attempt.notes.uncertain


async def test_silence_after_the_final_dot_is_uncertain(net: Network) -> None:
    """All of the message went out and no reply came: it may be delivered."""
    heard: list[int] = []

    async def play(peer: Peer) -> None:
        peer.say(b"220 hello\r\n")
        for reply in (b"250 hello\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await peer.hear_line()
            peer.say(reply)
        heard.append(len(await peer.hear_out()))

    async with scripted_peer(play) as port:
        attempt = FailingSubmission(net, server_at(port, timeouts=QUICK))
        error = await attempt.fail(StageTimeout)
    assert (error.stage, error.sent, attempt.notes.uncertain) == (Stage.DATA, True, True)
    assert heard == [len(MAIL.content) + 3]


async def test_a_quit_that_is_never_answered_costs_a_second(net: Network) -> None:
    """What a session came to stands; QUIT costs one second at most."""
    async with scripted_peer(never_speak) as port:
        stopwatch = Stopwatch(Leg.SUBMISSION, SystemClock())
        await Session(net, server_at(port), stopwatch).hold(lambda _: leave())
    (quit_timing,) = [timing for timing in stopwatch.timings() if timing.stage is Stage.QUIT]
    assert 0.9 < quit_timing.seconds < 10
    assert stopwatch.failed is None
