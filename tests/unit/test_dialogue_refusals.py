"""What a server's no means: one table for each protocol."""

from __future__ import annotations

import pytest

from mailsonar.dialogue.refusals import expect, pop3_refusal, smtp_refusal
from mailsonar.model.fault import ProtocolViolation, Reason, Refused
from mailsonar.model.stage import Stage
from mailsonar.wire.pop3 import Status
from mailsonar.wire.smtp import SmtpReply

SMTP = [
    (Stage.RCPT_TO, 450, "4.2.0 Greylisted", Reason.DEFERRED),
    (Stage.RCPT_TO, 550, "5.1.1 No such user", Reason.REJECTED),
    (Stage.RCPT_TO, 550, "4.1.1 contradicts itself", Reason.REJECTED),
    (Stage.RCPT_TO, 450, "5.1.1 contradicts itself", Reason.DEFERRED),
    (Stage.RCPT_TO, 550, "", Reason.REJECTED),
    (Stage.RCPT_TO, 550, "5.7.236 onmicrosoft.com", Reason.RATE_LIMITED),
    (Stage.RCPT_TO, 550, "see 5.7.236", Reason.REJECTED),
    (Stage.DATA, 421, "4.7.28 rate", Reason.RATE_LIMITED),
    (Stage.DATA, 550, "5.4.5 Daily user sending limit exceeded", Reason.RATE_LIMITED),
    (Stage.DATA, 554, "5.7.1 spam", Reason.REJECTED),
    (Stage.MAIL_FROM, 421, "closing", Reason.DEFERRED),
    (Stage.MAIL_FROM, 432, "4.3.2 Concurrent connections limit exceeded", Reason.RATE_LIMITED),
    (Stage.MAIL_FROM, 530, "5.7.0 Authentication required", Reason.REJECTED),
    (Stage.AUTHENTICATE, 535, "5.7.8 bad", Reason.AUTHENTICATION_REJECTED),
    (Stage.AUTHENTICATE, 534, "5.7.9 Application-specific password required", Reason.AUTHENTICATION_REJECTED),
    (Stage.AUTHENTICATE, 550, "5.7.30 Basic authentication is not supported", Reason.AUTHENTICATION_REJECTED),
    (Stage.AUTHENTICATE, 454, "4.7.0 later", Reason.AUTHENTICATION_DEFERRED),
    (Stage.AUTHENTICATE, 451, "", Reason.AUTHENTICATION_DEFERRED),
    (Stage.AUTHENTICATE, 421, "4.7.0 Too many errors", Reason.DEFERRED),
    (Stage.AUTHENTICATE, 432, "4.3.2 limit", Reason.RATE_LIMITED),
    (Stage.AUTHENTICATE, 502, "", Reason.AUTHENTICATION_UNAVAILABLE),
    (Stage.AUTHENTICATE, 503, "", Reason.AUTHENTICATION_UNAVAILABLE),
    (Stage.AUTHENTICATE, 504, "", Reason.AUTHENTICATION_UNAVAILABLE),
]


@pytest.mark.parametrize(("stage", "code", "text", "reason"), SMTP)
def test_the_basic_code_decides(stage: Stage, code: int, text: str, reason: Reason) -> None:
    """4xx defers and 5xx rejects, whatever the enhanced code says, unless that one names a rate limit."""
    error = smtp_refusal(SmtpReply(code, (text,)), stage)
    assert isinstance(error, Refused)
    assert (error.reason, error.temporary, error.stage) == (reason, code < 500, stage)
    assert error.detail.startswith(str(code))


@pytest.mark.parametrize("code", [200, 220, 235, 250, 251, 334, 354])
def test_a_positive_reply_in_the_wrong_place_is_a_violation(code: int) -> None:
    """A reply that a command cannot have is no refusal, it breaks the protocol."""
    with pytest.raises(ProtocolViolation) as caught:
        expect(SmtpReply(code, ("?",)), 221, stage=Stage.DATA)
    assert caught.value.stage is Stage.DATA
    assert expect(SmtpReply(code, ("?",)), 221, code, stage=Stage.DATA).code == code


POP3 = [
    (Stage.AUTHENTICATE, "AUTH", "no", Reason.AUTHENTICATION_REJECTED),
    (Stage.AUTHENTICATE, None, "no", Reason.AUTHENTICATION_REJECTED),
    (Stage.AUTHENTICATE, None, "", Reason.AUTHENTICATION_REJECTED),
    (Stage.AUTHENTICATE, "X-NEW", "no", Reason.AUTHENTICATION_REJECTED),
    (Stage.AUTHENTICATE, "IN-USE", "", Reason.MAILDROP_IN_USE),
    (Stage.AUTHENTICATE, None, "maildrop already locked", Reason.MAILDROP_IN_USE),
    (Stage.AUTHENTICATE, None, "Unable to lock mailbox", Reason.MAILDROP_IN_USE),
    (Stage.AUTHENTICATE, None, "Mailbox is in use by another session", Reason.MAILDROP_IN_USE),
    (Stage.AUTHENTICATE, None, "no such mailbox, account blocked", Reason.AUTHENTICATION_REJECTED),
    (Stage.AUTHENTICATE, None, "account locked", Reason.AUTHENTICATION_REJECTED),
    (Stage.AUTHENTICATE, "AUTH", "maildrop locked", Reason.AUTHENTICATION_REJECTED),
    (Stage.AUTHENTICATE, "LOGIN-DELAY", "", Reason.LOGIN_DELAY),
    (Stage.AUTHENTICATE, "SYS/TEMP", "", Reason.DEFERRED),
    (Stage.AUTHENTICATE, "SYS/PERM", "", Reason.REJECTED),
    (Stage.GREETING, None, "no service", Reason.REJECTED),
    (Stage.GREETING, "SYS/TEMP", "later", Reason.DEFERRED),
    (Stage.GREETING, "IN-USE", "", Reason.MAILDROP_IN_USE),
    (Stage.DELETE, None, "mailbox is locked", Reason.REJECTED),
    (Stage.QUIT, "SYS/TEMP", "", Reason.DEFERRED),
]


@pytest.mark.parametrize(("stage", "code", "text", "reason"), POP3)
def test_the_response_code_decides(stage: Stage, code: str | None, text: str, reason: Reason) -> None:
    """A known response code decides; without one the stage does, and only a lock is read from the words."""
    error = pop3_refusal(Status(ok=False, code=code, argument=text.encode()), stage)
    assert isinstance(error, Refused)
    assert (error.reason, error.stage) == (reason, stage)


@pytest.mark.parametrize("status", [Status(ok=True), Status(ok=False, continues=True)])
def test_a_positive_answer_in_the_wrong_place_is_a_violation(status: Status) -> None:
    """+OK and + are no refusals."""
    assert isinstance(pop3_refusal(status, Stage.AUTHENTICATE), ProtocolViolation)


def test_long_words_are_searched_in_no_time() -> None:
    """A refusal of 8 KiB that almost matches costs no more than its printable part."""
    status = Status(ok=False, argument=b"mailbox " * 1000)
    error = pop3_refusal(status, Stage.AUTHENTICATE)
    assert isinstance(error, Refused)
    assert len(error.detail) < 220
