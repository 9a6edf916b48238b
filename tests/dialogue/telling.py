"""What a session of the transcripts may tell of itself: who said what in order, but no secret and no mail."""

from __future__ import annotations

import re

from tests.support.observed import make_attempt, make_route
from tests.support.transcripts import Transcript, Turn

from mailsonar.model.fault import MailSonarError
from mailsonar.model.server import Account, Credentials, TokenCredentials
from mailsonar.model.stage import Stage
from mailsonar.model.transcript import Line, Speaker
from mailsonar.net.converse import Session
from mailsonar.probe.transcripts import transcripts

CRLF = b"\r\n"
_SHOWN = (
    "EHLO",
    "HELO",
    "MAIL",
    "RCPT",
    "DATA",
    "QUIT",
    "STARTTLS",
    "*",
    "CAPA",
    "STLS",
    "USER",
    "STAT",
    "UIDL",
    "LIST",
)
_SHOWN_OF_POP3 = ("TOP", "RETR", "DELE")


def told(session: Session, secrets: list[str]) -> tuple[Line, ...]:
    """Return the lines of the one transcript that a session gives."""
    recording = session.stopwatch.recording
    [transcript] = transcripts(make_attempt(make_route()), [recording], lambda: secrets, recording.started)
    return transcript.lines


def assert_well_told(written: Transcript, session: Session, account: Account, error: MailSonarError | None) -> None:
    """Compare what a session tells with how it was written down."""
    lines = told(session, _secrets(account))
    expected = [_shown(said) for turn, said in written.turns if turn is Turn.CLIENT]
    shown = [line.text for line in lines if line.who is Speaker.CLIENT]
    assert shown in (expected, [*expected, "QUIT"])  # which is not heard where the server has left
    last = lines[-1]
    assert (last.who, last.stage) == (Speaker.EVENT, (error.stage or Stage.INTERNAL) if error else Stage.QUIT)
    assert (last.text == "closed") is (error is None)
    text = "\n".join(line.text for line in lines)
    assert [secret for secret in _secrets(account) if secret in text] == []
    assert [mail for mail in _mail(written) if mail in text] == []
    assert re.findall("ms1-[a-z2-7-]+[0-9a-f]{11,12}-[a-z2-7]", text) == []


def _shown(said: bytes) -> str:
    """Return what a transcript shows of what the client says in one go."""
    line = said.decode().removesuffix("\r\n")
    verb, *rest = line.split(" ")
    if "\r\n" in line:
        return f"{len(said) - len('.') - len(b'.' + CRLF)} bytes of message"  # one dot was stuffed, and one is final
    if verb == "AUTH":
        return f"AUTH {rest[0]}" + (" ***" if len(rest) > 1 else "")
    if verb == "PASS":
        return "PASS ***"
    return line if verb in (*_SHOWN, *_SHOWN_OF_POP3) else "***"


def _secrets(account: Account) -> list[str]:
    if isinstance(account.credentials, Credentials):
        return [account.credentials.password.reveal()]
    if isinstance(account.credentials, TokenCredentials) and account.credentials.token:
        return [account.credentials.token.reveal()]
    return []


def _mail(written: Transcript) -> list[str]:
    """Return the lines of the messages that a server shows, but those that are too short to tell anything."""
    asked, shown = b"", []
    for turn, said in written.turns:
        if turn is Turn.SERVER and asked.startswith((b"TOP", b"RETR")):
            shown += said.decode("latin-1").split("\r\n")[1:]
        asked = said if turn is Turn.CLIENT else asked
    return [line for line in shown if len(line) > 8]
