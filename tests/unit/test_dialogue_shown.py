"""What of an exchange may be kept: a veil decides, and without one nothing that could be a secret or mail."""

from __future__ import annotations

from typing import Any

import pytest

from mailsonar.dialogue.shown import answer, answered, asked, question
from mailsonar.dialogue.steps import Exchange, Veil
from mailsonar.model.stage import Stage
from mailsonar.wire.lines import TEXT_LIMIT, Reader
from mailsonar.wire.pop3 import (
    Status,
    capabilities_reader,
    list_reader,
    message_reader,
    read_status,
    uidl_reader,
)
from mailsonar.wire.smtp import ReplyReader, SmtpReply

MANY = b"".join(b"%d %d\r\n" % (number, number) for number in range(1, 5001))


@pytest.mark.parametrize(
    ("stage", "send", "veil", "shown"),
    [
        (Stage.HELLO, b"EHLO [127.0.0.1]\r\n", None, "EHLO [127.0.0.1]"),
        (Stage.AUTHENTICATE, b"PASS secret\r\n", Veil("PASS ***", ("secret",)), "PASS ***"),
        (Stage.AUTHENTICATE, b"PASS secret\r\n", None, "***"),
        (Stage.DATA, b"Subject: secret\r\n\r\n.\r\n", None, "***"),
        (Stage.DATA, b"Subject: secret\r\n\r\n.\r\n", Veil("19 bytes of message"), "19 bytes of message"),
    ],
)
def test_what_is_sent(stage: Stage, send: bytes, veil: Veil | None, shown: str) -> None:
    """A command may be shown; what authenticates, and what has more than one line, only as its veil says."""
    kept = asked(Exchange(stage, send, read_status, veil=veil))
    assert question(kept) == shown
    assert "Subject" not in repr(kept)


@pytest.mark.parametrize(
    ("read", "said", "texts", "code"),
    [
        (ReplyReader(), b"250-mx\r\n250 SIZE\r\n", ["mx", "SIZE"], "250"),
        (ReplyReader(), b"334 PDE4OTYuNjk3MTcwOTUyQG14Pg==\r\n", ["***"], "334"),
        (read_status, b"+OK [X] hello\x1b\r\n", ["+OK [X] hello"], ""),
        (read_status, b"+ PDE4OTY=\r\n", ["+ ***"], ""),
        (read_status, b"-ERR [IN-USE] locked\r\n", ["-ERR [IN-USE] locked"], ""),
        (capabilities_reader(), b"+OK\r\nTOP\r\nSASL PLAIN\r\n.\r\n", ["+OK", "TOP", "SASL PLAIN"], ""),
        (uidl_reader(), b"+OK\r\n1 a\r\n.\r\n", ["+OK", "(1 row)"], ""),
        (list_reader(), b"+OK\r\n" + MANY + b".\r\n", ["+OK", "(5000 rows)"], ""),
        (list_reader(), b"-ERR no\r\n", ["-ERR no"], ""),
        (message_reader(lambda _: None, 999), b"+OK\r\nSubject: x\r\n.\r\n", ["+OK", "(message not shown)"], ""),
    ],
)
def test_what_is_read(read: Reader[Any], said: bytes, texts: list[str], code: str) -> None:
    """Replies are told as they came; challenges, rows and mail are not."""
    kept = answered(read(bytearray(said)))
    assert kept is not None
    assert answer(kept) == (texts, code)


def test_what_is_kept_is_bounded() -> None:
    """A huge answer is not held on to, nor is a listing."""
    reply = answered(SmtpReply(250, tuple("x" * 8000 for _ in range(200))))
    assert isinstance(reply, SmtpReply)
    assert (len(reply.lines), reply.lines[30]) == (60, "(141 lines more)")
    assert {len(line) for line in reply.lines if line.startswith("x")} == {TEXT_LIMIT + 1}
    status = answered(Status(ok=True, argument=b"x" * 8000))
    assert isinstance(status, Status)
    assert len(status.argument) < 1000
    listed = answered(uidl_reader()(bytearray(b"+OK\r\n" + MANY + b".\r\n")))
    assert isinstance(listed, tuple)
    assert listed[1] == 5000


def test_what_is_no_answer_of_a_server_is_not_kept() -> None:
    """A value that nobody knows how to show is left out."""
    assert answered(object()) is None
    assert answered(("a", "b")) is None
