"""OAUTHBEARER, whose response names host and port (RFC 7628): without a socket, where the port is what a test says."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.dialogue.accounts import account_of, transcripts
from tests.support.scripted_peer import server_at
from tests.support.transcripts import Recital, Transcript, ending

from mailsonar.dialogue import retrieve_pop3, submit
from mailsonar.dialogue.notes import LoginNotes
from mailsonar.dialogue.steps import Dialogue
from mailsonar.model.fault import MailSonarError
from mailsonar.model.server import Protocol, Security
from mailsonar.model.stage import Stage


def knock(protocol: str, parameters: Mapping[str, str]) -> Dialogue[None]:
    """Log in and leave."""
    kind = Protocol(protocol)
    port = {Protocol.SMTP: 465, Protocol.POP3: 995}[kind]
    account = account_of(parameters, server_at(port, protocol=kind, security=Security.IMPLICIT_TLS, host="mx.example"))
    try:
        if kind is Protocol.SMTP:
            yield from submit.open_session(account, "[127.0.0.1]", submit.SubmissionNotes())
        else:
            yield from retrieve_pop3.open_session(account, LoginNotes())
    except MailSonarError as error:
        if error.stage is Stage.AUTHENTICATE:
            yield from submit.leave() if kind is Protocol.SMTP else retrieve_pop3.leave()
        raise


@pytest.mark.parametrize("transcript", transcripts("oauthbearer"), ids=lambda transcript: transcript.name)
def test_without_a_socket(transcript: Transcript) -> None:
    """The response is the RFC's, and a refusal is answered with 0x01 before the real error comes."""
    recital, error = Recital(transcript), None
    try:
        recital.perform(knock(transcript.name.partition("-")[0], transcript.parameters))
    except MailSonarError as raised:
        error = raised
    recital.assert_over()
    assert ending(error) == transcript.parameters["ends"]
