"""Every POP3 session of the transcripts, without a socket and over one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.dialogue.accounts import KEY, account_of, transcripts
from tests.dialogue.conftest import Tls
from tests.dialogue.telling import assert_well_told
from tests.support.scripted_peer import network, recite, scripted_peer, server_at
from tests.support.transcripts import Recital, Transcript, ending

from mailsonar.clock import SystemClock
from mailsonar.dialogue.notes import LoginNotes
from mailsonar.dialogue.retrieve_pop3 import look
from mailsonar.message.dsn import ReportScan
from mailsonar.message.recognise import HeaderScan, recognise
from mailsonar.model.fault import MailSonarError, Reason, Refused
from mailsonar.model.server import Protocol, Security
from mailsonar.model.stage import Leg
from mailsonar.net.converse import Session
from mailsonar.net.stopwatch import Stopwatch

TRANSCRIPTS = transcripts("pop3")
each_transcript = pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda transcript: transcript.name)


class Notebook:
    """Reads all messages in order, wants those deleted that verify, and writes down all that it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.login = LoginNotes()

    def authenticated(self) -> None:
        """Note the log-in."""
        self.lines.append("authenticated")

    def counted(self, messages: int, octets: int) -> None:
        """Note STAT."""
        self.lines.append(f"counted {messages} {octets}")

    def listed(self, keys: Sequence[int]) -> Sequence[int]:
        """Note the listing; each message has a key of its own."""
        assert len(set(keys)) == len(keys)
        self.lines.append(f"listed {len(keys)}")
        return range(len(keys))

    def examined(self, key: int, scan: HeaderScan) -> bool:
        """Want it deleted if it is ours."""
        ours = recognise(scan, KEY) is not None
        self.lines.append("ours" if ours else "foreign")
        return ours

    def reported(self, key: int, scan: ReportScan) -> bool:
        """Want a report deleted if it is one on a message of ours."""
        report = scan.report(KEY)
        told = f"failed {report.enhanced} {report.reporting_mta}" if report and report.failed else "not failed"
        self.lines.append(f"report: {told}" if report else "foreign report")
        return report is not None

    def unreadable(self, key: int, reason: Reason) -> None:
        """Note what could not be read."""
        self.lines.append("unreadable" if reason is Reason.LIMIT_EXCEEDED else "gone")

    def deletion_refused(self, key: int, error: MailSonarError) -> None:
        """Note what stays."""
        self.lines.append(f"stays: {_shown(error)}")

    async def on_record(self) -> None:
        """Have nothing to record."""

    def left(self, error: MailSonarError | None) -> None:
        """Note the answer to QUIT."""
        self.lines.append(f"left: {_shown(error)}" if error else "left")


def _shown(error: MailSonarError) -> str:
    return error.reason if isinstance(error, Refused) else type(error).__name__


def test_the_transcripts_are_there() -> None:
    """A moved folder must not pass for a good day."""
    assert len(TRANSCRIPTS) >= 25


@each_transcript
def test_without_a_socket(transcript: Transcript) -> None:
    """The dialogue alone says the client's lines, ends as written, and tells the examiner what it found."""
    server = server_at(110, protocol=Protocol.POP3, security=Security(transcript.parameters["security"]))
    notebook, recital, error = Notebook(), Recital(transcript), None
    try:
        recital.perform(look(account_of(transcript.parameters, server), notebook))
    except MailSonarError as raised:
        error = raised
    recital.assert_over()
    assert (ending(error), "; ".join(notebook.lines) or "nothing") == (
        transcript.parameters["ends"],
        transcript.parameters["notes"],
    )


@each_transcript
async def test_over_a_socket(transcript: Transcript, tls: Tls) -> None:
    """Performed over TCP and TLS, the same dialogue says and finds the same, and tells nothing of anybody's mail."""
    security = Security(transcript.parameters["security"])
    implicit = tls.context if security is Security.IMPLICIT_TLS else None
    notebook, error = Notebook(), None
    with network() as net:
        async with scripted_peer(recite(transcript, tls.context), implicit) as port:
            server = server_at(port, protocol=Protocol.POP3, security=security, tls=tls.policy)
            account = account_of(transcript.parameters, server)
            session = Session(net, server, Stopwatch(Leg.RETRIEVAL, SystemClock()))
            try:
                await session.hold(lambda _: look(account, notebook))
            except MailSonarError as raised:
                error = raised
    assert (ending(error), "; ".join(notebook.lines) or "nothing") == (
        transcript.parameters["ends"],
        transcript.parameters["notes"],
    )
    assert session.stopwatch.failed == (error.stage if error else None)
    assert_well_told(transcript, session, account, error)
