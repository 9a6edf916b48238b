"""Every submission session of the transcripts, without a socket and over one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.dialogue.accounts import account_of, transcripts
from tests.dialogue.conftest import Tls
from tests.dialogue.telling import assert_well_told
from tests.support.scripted_peer import network, recite, scripted_peer, server_at
from tests.support.transcripts import Recital, Transcript, ending

from mailsonar.clock import SystemClock
from mailsonar.dialogue.submit import Mail, SubmissionNotes, submit
from mailsonar.message.compose import Envelope
from mailsonar.model.fault import MailSonarError
from mailsonar.model.server import Security
from mailsonar.model.stage import Leg
from mailsonar.net.converse import Session
from mailsonar.net.stopwatch import Stopwatch

TRANSCRIPTS = transcripts("smtp")
each_transcript = pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda transcript: transcript.name)


def mail(parameters: Mapping[str, str]) -> Mail:
    """Return a message of one visible and one dotted line."""
    envelope = Envelope(reverse_path="probe@acme.example", forward_path=parameters.get("to", "probe@contoso.example"))
    content = f"Subject: {parameters.get('subject', 'probe')}\r\n\r\n.hidden\r\n".encode()
    return Mail(envelope=envelope, content=content)


def shown(notes: SubmissionNotes) -> str:
    """Return what a submission came to, as the parameter `notes` has it."""
    authenticated = {None: None, True: "authenticated", False: "not authenticated"}[notes.authenticated]
    words = (authenticated, "accepted" if notes.accepted else None, "uncertain" if notes.uncertain else None)
    return ", ".join(filter(None, words)) or "nothing"


def test_the_transcripts_are_there() -> None:
    """A moved folder must not pass for a good day."""
    assert len(TRANSCRIPTS) >= 25


@each_transcript
def test_without_a_socket(transcript: Transcript) -> None:
    """The dialogue alone says the client's lines, ends as written, and knows what became of the message."""
    account = account_of(transcript.parameters, server_at(25, security=Security(transcript.parameters["security"])))
    notes, recital, error = SubmissionNotes(), Recital(transcript), None
    try:
        recital.perform(submit(account, mail(transcript.parameters), "[127.0.0.1]", notes))
    except MailSonarError as raised:
        error = raised
    recital.assert_over()
    assert (ending(error), shown(notes)) == (transcript.parameters["ends"], transcript.parameters["notes"])


@each_transcript
async def test_over_a_socket(transcript: Transcript, tls: Tls) -> None:
    """Performed over TCP and TLS, the same dialogue says and comes to the same, and tells of it without a secret."""
    security = Security(transcript.parameters["security"])
    implicit = tls.context if security is Security.IMPLICIT_TLS else None
    notes, error = SubmissionNotes(), None
    with network() as net:
        async with scripted_peer(recite(transcript, tls.context), implicit) as port:
            account = account_of(transcript.parameters, server_at(port, security=security, tls=tls.policy))
            session = Session(net, account.server, Stopwatch(Leg.SUBMISSION, SystemClock()))
            try:
                await session.hold(lambda name: submit(account, mail(transcript.parameters), name, notes))
            except MailSonarError as raised:
                error = raised
    assert (ending(error), shown(notes)) == (transcript.parameters["ends"], transcript.parameters["notes"])
    assert session.stopwatch.failed == (error.stage if error else None)
    assert_well_told(transcript, session, account, error)
