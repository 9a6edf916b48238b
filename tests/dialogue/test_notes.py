"""What sessions learn of authentication: noted whether or not they come to their end, and bounded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.dialogue.accounts import account_of
from tests.support.scripted_peer import server_at
from tests.support.transcripts import Recital, load

from mailsonar.dialogue import retrieve_pop3, submit
from mailsonar.dialogue.notes import OFFERS_KEPT, LoginNotes
from mailsonar.model.fault import MailSonarError
from mailsonar.model.server import Mechanism, Protocol, Security

SMTP_BEFORE = ["S: 220 mx", "C: EHLO me", "S: 250-mx", "S: 250-STARTTLS"]
SMTP_TLS = ["C: STARTTLS", "S: 220 go", "*** TLS", "C: EHLO me", "S: 250-mx", "S: 250 AUTH PLAIN X-OWN LOGIN"]
SMTP_LOGIN = ["C: AUTH PLAIN AGFjbWUAc2VjcmV0", "S: 235 ok"]
POP3_TLS = ["C: STLS", "S: +OK", "*** TLS", "C: CAPA", "S: +OK", "S: USER", "S: SASL PLAIN", "S: ."]
POP3_LOGIN = ["C: AUTH PLAIN AGFjbWUAc2VjcmV0", "S: +OK"]


def notes_of(protocol: Protocol, folder: Path, lines: Sequence[str]) -> LoginNotes:
    """Return what a session with such a server notes; it may end in the middle."""
    file = folder / "session.txt"
    file.write_text("# A session.\n\n" + "\n".join([*lines, "*** CLOSE"]))
    account = account_of({}, server_at(25, protocol=protocol, security=Security.STARTTLS))
    notes = submit.SubmissionNotes()
    smtp = protocol is Protocol.SMTP
    opened = submit.open_session(account, "me", notes) if smtp else retrieve_pop3.open_session(account, notes)
    try:
        Recital(load(file, {})).perform(opened)
    except MailSonarError:
        assert notes.authenticated is None
    return notes


@pytest.mark.parametrize(
    ("last", "offered"),
    [
        ("S: 250 AUTH PLAIN LOGIN", True),
        ("S: 250 AUTH=LOGIN", True),
        ("S: 250 AUTH CRAM-MD5 XOAUTH2", True),
        ("S: 250 AUTH CRAM-MD5 SCRAM-SHA-256", False),
        ("S: 250 HELP", False),
    ],
)
def test_smtp_before_tls(tmp_path: Path, last: str, offered: bool) -> None:
    """What hands the secret over is noted, and what proves knowledge of it is not."""
    whole = notes_of(Protocol.SMTP, tmp_path, [*SMTP_BEFORE, last, *SMTP_TLS, *SMTP_LOGIN])
    assert whole.offered_in_the_clear is offered
    assert (whole.mechanism, whole.authenticated) == (Mechanism.PLAIN, True)
    assert whole.offered == ("LOGIN", "PLAIN", "X-OWN")
    cut = notes_of(Protocol.SMTP, tmp_path, [*SMTP_BEFORE, last])
    assert (cut.offered_in_the_clear, cut.mechanism, cut.offered) == (offered, None, ())


@pytest.mark.parametrize(
    ("before", "offered"),
    [
        (["S: +OK", "S: STLS", "S: USER", "S: ."], True),
        (["S: +OK", "S: STLS", "S: SASL LOGIN", "S: ."], True),
        (["S: +OK", "S: STLS", "S: SASL CRAM-MD5", "S: ."], False),
        (["S: +OK", "S: STLS", "S: ."], False),
        (["S: -ERR what?"], None),
    ],
)
def test_pop3_before_tls(tmp_path: Path, before: Sequence[str], offered: bool | None) -> None:
    """USER hands the password over as PLAIN does; a server without CAPA tells nothing."""
    notes = notes_of(Protocol.POP3, tmp_path, ["S: +OK", "C: CAPA", *before, *POP3_TLS, *POP3_LOGIN])
    assert notes.offered_in_the_clear is offered
    assert (notes.mechanism, notes.offered) == (Mechanism.PLAIN, ("PLAIN", "USER"))


def test_offers_are_bounded_and_printable() -> None:
    """A server cannot fill a report, nor write to the terminal."""
    notes = LoginNotes()
    notes.offers(["\x1b[31m" * 20 + str(number) for number in range(500)])
    assert len(notes.offered) == OFFERS_KEPT
    assert all(name.isprintable() and len(name) <= 24 for name in notes.offered)
