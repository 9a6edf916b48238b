"""Sessions that start TLS in one of its two ways, and how they end."""

from __future__ import annotations

import pytest
from tests.support.scripted_peer import Peer

from mailsonar.clock import SystemClock
from mailsonar.dialogue.steps import Dialogue, ask, hear, upgrade
from mailsonar.model.fault import MailSonarError
from mailsonar.model.server import Server
from mailsonar.model.stage import Leg, Stage
from mailsonar.net.converse import Network, Session
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.wire.smtp import ReplyReader


def session_with(net: Network, server: Server) -> Session:
    """Return a session that is about to be held."""
    return Session(net, server, Stopwatch(Leg.SUBMISSION, SystemClock()))


def starttls(_: str = "") -> Dialogue[str]:
    """Ask for TLS, start it, and return what the server says after the next EHLO."""
    yield from ask(Stage.STARTTLS, "STARTTLS", ReplyReader())
    yield from upgrade(implicit=False)
    return str((yield from ask(Stage.HELLO, "EHLO me", ReplyReader())))


def implicit_tls(_: str = "") -> Dialogue[str]:
    """Start TLS at once and return the greeting."""
    yield from upgrade(implicit=True)
    return str((yield from hear(Stage.GREETING, ReplyReader())))


async def go_ahead(peer: Peer) -> None:
    """Answer STARTTLS."""
    await peer.hear(b"STARTTLS\r\n")
    peer.say(b"220 go\r\n")


async def failure(net: Network, server: Server, script: object, expected: type[MailSonarError]) -> MailSonarError:
    """Return the error that a session ends with."""
    session = session_with(net, server)
    with pytest.raises(expected) as caught:
        await session.hold(script)  # type: ignore[arg-type] # both scripts fit
    assert caught.value.stage is session.stopwatch.failed
    return caught.value
