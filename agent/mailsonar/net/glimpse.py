"""A glimpse: one handshake without verification, to read the certificates of a server that failed verification.

Nothing is sent on it: the connection is dropped at the very end of the handshake, and credentials are out of its reach.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from mailsonar.dialogue import retrieve_pop3, submit
from mailsonar.dialogue.notes import LoginNotes
from mailsonar.dialogue.steps import Dialogue
from mailsonar.model.fault import MailSonarError
from mailsonar.model.result import TlsFacts
from mailsonar.model.server import Account, Protocol
from mailsonar.model.stage import Leg
from mailsonar.net.connection import Connection
from mailsonar.net.converse import Network, Session
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.net.tls import blind_context, glimpsed_facts


class _Seen(Exception):
    """The handshake is done: ends the session."""

    def __init__(self, facts: TlsFacts) -> None:
        super().__init__()
        self.facts = facts


class _Glimpse(Session):
    """A session that ends with its handshake."""

    problem = ""

    async def _start_tls(self, connection: Connection) -> NoReturn:
        timeout = self.server.timeouts.tls
        ends = min(self._network.clock.monotonic() + timeout, self._ends)
        connection.give_until(ends, f"no TLS handshake within {timeout:.3g} s")
        session = await connection.start_tls(blind_context(self.server.tls), self.server.tls_name)
        raise _Seen(glimpsed_facts(self.server, session, self.problem))


async def glimpse(network: Network, account: Account, problem: str) -> TlsFacts | None:
    """Return what a server shows, None where no handshake comes about.

    Args:
        network: what to work with.
        account: whose server; its credentials stay here.
        problem: why verification failed.
    """
    anybody = replace(account, credentials=None)
    session = _Glimpse(network, account.server, Stopwatch(Leg.SUBMISSION, network.clock))
    session.problem = problem
    try:
        await session.hold(lambda name: _until_tls(anybody, name))
    except _Seen as seen:
        return seen.facts
    except MailSonarError:
        return None
    return None


def _until_tls(anybody: Account, hello_name: str) -> Dialogue[None]:
    if anybody.server.protocol is Protocol.SMTP:
        yield from submit.open_session(anybody, hello_name, submit.SubmissionNotes())
    else:
        yield from retrieve_pop3.open_session(anybody, LoginNotes())
