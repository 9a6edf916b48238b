"""SMTP replies as RFC 5321 has them, and as servers send them."""

from __future__ import annotations

import smtplib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.readers import fail_three_ways, read_three_ways

from mailsonar.model.fault import LimitExceeded, ProtocolViolation
from mailsonar.wire.lines import TEXT_LIMIT
from mailsonar.wire.smtp import REPLY_LINES_LIMIT, Extensions, ReplyReader, SmtpReply, data_block


@pytest.mark.parametrize(
    ("wire", "code", "lines"),
    [
        (b"220 foo.com Simple Mail Transfer Service Ready\r\n", 220, ("foo.com Simple Mail Transfer Service Ready",)),
        (
            b"250-foo.com greets bar.com\r\n250-8BITMIME\r\n250 HELP\r\n",
            250,
            ("foo.com greets bar.com", "8BITMIME", "HELP"),
        ),
        (b"354 Start mail input; end with <CRLF>.<CRLF>\r\n", 354, ("Start mail input; end with <CRLF>.<CRLF>",)),
        (b"250\r\n", 250, ("",)),
        (b"250 \r\n", 250, ("",)),
        (b"250-\r\n250\r\n", 250, ("", "")),
        (b"250\tOk\r\n", 250, ("Ok",)),
        (b"250Ok\r\n", 250, ("Ok",)),
        (b"250 Ok  \r\n", 250, ("Ok  ",)),
        (b"250 Ok\n", 250, ("Ok",)),
        (b"250-a\n250 b\r\n", 250, ("a", "b")),
        (b"250 a\rb\r\n", 250, ("a\rb",)),
        (b"550 caf\xc3\xa9 \xff\r\n", 550, ("caf\u00e9 \ufffd",)),
        (b"334 \r\n", 334, ("",)),
        (b"220-" + b"x" * 70 + b"\r\n" + b"220-y\r\n" * 98 + b"220 z\r\n", 220, ("x" * 70, *["y"] * 98, "z")),
    ],
)
def test_a_reply_is_read_whole(wire: bytes, code: int, lines: tuple[str, ...]) -> None:
    """A reply of one or many lines is read, also from servers that are careless about spaces and line ends."""
    assert read_three_ways(ReplyReader, wire) == SmtpReply(code, lines)


@pytest.mark.parametrize(
    "wire",
    [
        b"\r\n", b"hello\r\n", b"25\r\n", b"2 50\r\n", b"000 zero\r\n", b"199 low\r\n", b"600 high\r\n", b"999 x\r\n",
        b"2500 four digits\r\n", b" 250 indented\r\n", b"\xb2\xb5\xb0 superscript\r\n", b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 400 Bad Request\r\n", b"+OK POP3 here\r\n", b"* OK IMAP4rev1\r\n", b"\x15\x03\x01\0\x02\x02\n",
        b"250-a\r\n251 b\r\n", b"250-a\r\nb\r\n",
    ],
)  # fmt: skip
def test_what_is_no_reply_is_a_violation(wire: bytes) -> None:
    """A line without a code from 200 to 599, and a code that changes within a reply, break the RFC."""
    assert fail_three_ways(ReplyReader, wire, ProtocolViolation)


@pytest.mark.parametrize(
    "wire",
    [
        b"250-" + b"x" * 9000 + b"\r\n",
        b"x" * 100_000,
        b"220-endless\r\n" * (REPLY_LINES_LIMIT + 1),
        (b"250-" + b"x" * 8000 + b"\r\n") * 10,
    ],
    ids=["line", "no line end", "lines", "bytes"],
)
def test_a_reply_without_end_is_given_up(wire: bytes) -> None:
    """A line over 8 KiB, and a reply over 200 lines or 64 KiB, are an error and not a use of memory."""
    assert fail_three_ways(ReplyReader, wire, LimitExceeded)


@pytest.mark.parametrize(
    ("lines", "enhanced", "text"),
    [
        (("2.1.5 Ok",), "2.1.5", "Ok"),
        (("5.7.30 Basic authentication is not supported",), "5.7.30", "Basic authentication is not supported"),
        (("4.7.028 Slow down",), "4.7.28", "Slow down"),
        (("5.1.1",), "5.1.1", ""),
        (("first line without", "5.7.1 second with"), "5.7.1", "first line without second with"),
        (("5.7.1 a", "5.7.1 b"), "5.7.1", "a b"),
        (("Postfix 5.2.1 is here",), None, "Postfix 5.2.1 is here"),
        (("3.0.0 no such class",), None, "3.0.0 no such class"),
        (("5.1000.1 four digits",), None, "5.1000.1 four digits"),
        (("5.1.1.1 an address?",), None, "5.1.1.1 an address?"),
        (("",), None, ""),
    ],
)
def test_the_enhanced_code_keeps_its_three_numbers(lines: tuple[str, ...], enhanced: str | None, text: str) -> None:
    """An enhanced status code counts only at the start of a line, and only there it leaves the text."""
    reply = SmtpReply(550, lines)
    assert (reply.enhanced, reply.text) == (enhanced, text)


def test_the_text_of_a_reply_is_cut() -> None:
    """300 kB of text in a reply become 200 printable characters."""
    assert len(SmtpReply(550, ("x" * 150_000, "y" * 150_000)).text) == TEXT_LIMIT


def test_a_reply_shows_code_enhanced_code_and_text() -> None:
    """A reply in a fault's detail reads as the server said it."""
    assert str(SmtpReply(550, ("5.1.1 No such user",))) == "550 5.1.1 No such user"
    assert str(SmtpReply(250, ("",))) == "250"


@pytest.mark.parametrize(
    ("lines", "starttls", "mechanisms", "size"),
    [
        (("mx", "STARTTLS", "AUTH PLAIN LOGIN", "SIZE 1000"), True, {"PLAIN", "LOGIN"}, 1000),
        (("mx", "starttls", "auth plain cram-md5", "size 1000"), True, {"PLAIN", "CRAM-MD5"}, 1000),
        (("mx", "AUTH=LOGIN"), False, {"LOGIN"}, None),
        (("mx", "AUTH PLAIN", "AUTH=PLAIN LOGIN"), False, {"PLAIN", "LOGIN"}, None),
        (("mx", "AUTH\tPLAIN"), False, {"PLAIN"}, None),
        (("mx", "  STARTTLS  "), True, set(), None),
        (("mx", "AUTH"), False, set(), None),
        (("mx", ""), False, set(), None),
        (("STARTTLS AUTH PLAIN",), False, set(), None),
        (("mx", "XSTARTTLS"), False, set(), None),
        (("mx", "SIZE"), False, set(), None),
        (("mx", "SIZE 0"), False, set(), None),
        (("mx", "SIZE many"), False, set(), None),
        (("mx", "SIZE -1"), False, set(), None),
        (("mx", "SIZE \u0663"), False, set(), None),
        (("mx", "SIZE " + "9" * 40), False, set(), None),
    ],
)
def test_keywords_are_read_from_the_second_line_on(
    lines: tuple[str, ...], starttls: bool, mechanisms: set[str], size: int | None
) -> None:
    """Keywords count in any case and spacing; the greeting line has none; an absurd SIZE says nothing."""
    extensions = Extensions.of(SmtpReply(250, lines))
    assert (extensions.starttls, set(extensions.mechanisms), extensions.size) == (starttls, mechanisms, size)


@pytest.mark.parametrize(
    ("content", "block"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\n.b\r\n..c\r\n d.\r\n", b"a\r\n..\r\n..b\r\n...c\r\n d.\r\n.\r\n"),
        (b"", b".\r\n"),
    ],
)
def test_a_leading_dot_is_doubled(content: bytes, block: bytes) -> None:
    """No line of the content can look like the final dot (RFC 5321 section 4.5.2)."""
    assert data_block(content) == block


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet=".a \t-", max_size=5), max_size=8))
def test_dot_stuffing_comes_back_as_it_was(lines: list[str]) -> None:
    """What a server takes the stuffing off is the content, byte for byte; smtplib stuffs alike."""
    content = b"".join(line.encode() + b"\r\n" for line in lines)
    block = data_block(content)
    *stuffed, final, empty = block.split(b"\r\n")
    assert (final, empty) == (b".", b"")
    assert b".\r\n" not in [line + b"\r\n" for line in stuffed]
    assert b"".join(line.removeprefix(b".") + b"\r\n" for line in stuffed) == content
    assert block == smtplib._quote_periods(content) + b".\r\n"  # type: ignore[attr-defined]
