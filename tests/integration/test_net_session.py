"""The session as a whole: its timings add up, its instants are bounds, and it leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import ssl

import pytest
from tests.support.scripted_peer import Peer, scripted_peer, server_at

from mailsonar.clock import SystemClock
from mailsonar.dialogue.submit import Mail, SubmissionNotes, submit
from mailsonar.message.compose import Envelope
from mailsonar.model.fault import MailSonarError
from mailsonar.model.server import Account, Credentials, Secret, Security, Server, TlsPolicy
from mailsonar.model.stage import STAGES_OF, Leg, Stage
from mailsonar.net.converse import Network, Session
from mailsonar.net.stopwatch import Stopwatch

MAIL = Mail(
    envelope=Envelope(reverse_path="probe@acme.example", forward_path="probe@contoso.example"),
    content=b"Subject: probe\r\n\r\n.hidden\r\n",
)
HELLO_REPLY = b"250-mx.example\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"
TRANSACTION = (b"235 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")


class Submission:
    """One session of a whole submission with STARTTLS."""

    def __init__(self, net: Network, server: Server) -> None:
        self.notes = SubmissionNotes()
        self.stopwatch = Stopwatch(Leg.SUBMISSION, SystemClock())
        self._session = Session(net, server, self.stopwatch)
        credentials = Credentials(username="acme", password=Secret("test", lambda: "secret"))
        self._account = Account(server=server, credentials=credentials)

    async def hold(self) -> None:
        """Submit the message."""
        await self._session.hold(lambda name: submit(self._account, MAIL, name, self.notes))


class Moments:
    """When the server heard the final dot and answered it, in monotonic seconds."""

    def __init__(self, context: ssl.SSLContext, pause_seconds: float = 0.05) -> None:
        self.heard = self.answered = 0.0
        self._context = context
        self._pause_seconds = pause_seconds

    async def play(self, peer: Peer) -> None:
        """Take a message."""
        peer.say(b"220 mx.example\r\n")
        await peer.hear_line()
        peer.say(HELLO_REPLY)
        await peer.hear_line()
        peer.say(b"220 go\r\n")
        await peer.start_tls(self._context)
        await peer.hear_line()
        peer.say(HELLO_REPLY)
        for reply in TRANSACTION:
            await peer.hear_line()
            peer.say(reply)
        while await peer.hear_line() != b".\r\n":
            pass
        self.heard = SystemClock().monotonic()
        asyncio.get_running_loop().call_later(self._pause_seconds, self._answer, peer)
        assert await peer.hear_line() == b"QUIT\r\n"
        peer.say(b"221 bye\r\n")

    def _answer(self, peer: Peer) -> None:
        self.answered = SystemClock().monotonic()
        peer.say(b"250 queued\r\n")


async def test_the_stages_add_up_to_the_span(net: Network, context: ssl.SSLContext, policy: TlsPolicy) -> None:
    """Every moment of a session belongs to exactly one stage, and each stage is there once, in the leg's order."""
    gaps = []
    for _ in range(5):  # the best of five: the machine may take its time between the two clocks that are read here
        async with scripted_peer(Moments(context).play) as port:
            submission = Submission(net, server_at(port, security=Security.STARTTLS, tls=policy))
            await submission.hold()
            span = SystemClock().monotonic() - submission.stopwatch.started
        timings = submission.stopwatch.timings()
        assert [timing.stage for timing in timings] == list(STAGES_OF[Leg.SUBMISSION])
        assert all(timing.seconds > 0 and not timing.failed for timing in timings)
        assert {timing.stage: timing.seconds for timing in timings}[Stage.DATA] >= 0.05
        gaps.append(span - sum(timing.seconds for timing in timings))
    assert 0 <= min(gaps) < 0.002


async def test_the_instants_are_bounds(net: Network, context: ssl.SSLContext, policy: TlsPolicy) -> None:
    """`sent_at` is no later than the server heard it, `received_at` no earlier than the server said it."""
    moments = Moments(context)
    async with scripted_peer(moments.play) as port:
        submission = Submission(net, server_at(port, security=Security.STARTTLS, tls=policy))
        await submission.hold()
    sent, received = submission.stopwatch.sent_at[Stage.DATA], submission.stopwatch.received_at[Stage.DATA]
    assert submission.stopwatch.started < sent <= moments.heard < moments.answered <= received
    assert received - sent < submission.stopwatch.timings()[-2].seconds
    assert submission.notes.accepted


async def test_a_failed_stage_is_timed_and_marked(net: Network) -> None:
    """The stage that failed has its figure and its mark; stages that did not run have none."""

    async def play(peer: Peer) -> None:
        peer.say(b"220 mx.example\r\n")
        await peer.hear_line()

    async with scripted_peer(play) as port:
        submission = Submission(net, server_at(port))
        with pytest.raises(MailSonarError):
            await submission.hold()
    assert [(timing.stage, timing.failed) for timing in submission.stopwatch.timings()] == [
        (Stage.RESOLVE, False), (Stage.CONNECT, False), (Stage.GREETING, False), (Stage.HELLO, True),
    ]  # fmt: skip


@pytest.mark.parametrize("hello", [b"", b"220 mx.example\r\n"], ids=["greeting", "hello"])
async def test_a_cancelled_session_hangs_up_at_once(net: Network, hello: bytes) -> None:
    """Cancelling a session closes its connection without a word, and is not swallowed."""
    reached = asyncio.get_running_loop().create_future()
    heard: list[bytes] = []

    async def play(peer: Peer) -> None:
        peer.say(hello)
        heard.append(await peer.hear_line() if hello else b"")
        reached.set_result(None)
        heard.append(await peer.hear_out())

    before = asyncio.all_tasks()
    async with scripted_peer(play) as port:
        task = asyncio.ensure_future(Submission(net, server_at(port)).hold())
        await reached
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert heard[1:] == [b""]
    assert asyncio.all_tasks() == before


async def test_two_hundred_sessions_leave_nothing(net: Network, context: ssl.SSLContext, policy: TlsPolicy) -> None:
    """Good and broken sessions alike give back their file descriptors, tasks and readers."""
    plays = [Moments(context, pause_seconds=0.0).play, hang_up, hang_up_in_the_handshake, answer_nonsense]
    counter = iter(range(1000))

    async def play(peer: Peer) -> None:
        await plays[next(counter) % len(plays)](peer)

    async with scripted_peer(play) as port:
        server = server_at(port, security=Security.STARTTLS, tls=policy)
        tasks, descriptors, ends = asyncio.all_tasks(), _descriptors(), []
        for _ in range(200):
            try:
                await Submission(net, server).hold()
                ends.append("done")
            except MailSonarError as error:
                ends.append(type(error).__name__)
        assert {end: ends.count(end) for end in ends} == {"done": 50, "Disconnected": 100, "ProtocolViolation": 50}
        ours = asyncio.all_tasks() - tasks
        assert all("play" in repr(task) or "_act" in repr(task) for task in ours)
    assert _descriptors() <= descriptors


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the count must not hold the folder open


async def hang_up(peer: Peer) -> None:
    """Accept, and close."""


async def hang_up_in_the_handshake(peer: Peer) -> None:
    """Come as far as the ClientHello."""
    peer.say(b"220 mx.example\r\n")
    await peer.hear_line()
    peer.say(HELLO_REPLY)
    await peer.hear_line()
    peer.say(b"220 go\r\n")
    await peer.hear_some()


async def answer_nonsense(peer: Peer) -> None:
    """Greet as another service does."""
    peer.say(b"SSH-2.0-OpenSSH_9.2\r\n")
