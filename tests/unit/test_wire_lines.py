"""Lines: where they end, how long they may be, and what of them people get to see."""

from __future__ import annotations

import pytest
from tests.support.readers import fail_three_ways, read_three_ways

from mailsonar.model.fault import LimitExceeded
from mailsonar.wire.lines import LINE_LIMIT, TEXT_LIMIT, command, has_control, printable, take_line


@pytest.mark.parametrize(
    ("wire", "line"),
    [
        (b"220 mx.example\r\n", b"220 mx.example"),
        (b"220 mx.example\n", b"220 mx.example"),
        (b"\r\n", b""),
        (b"\n", b""),
        (b"a\rb\r\n", b"a\rb"),
        (b"a\r\r\n", b"a\r"),
        (b"\0\xff\r\n", b"\0\xff"),
        (b"x" * (LINE_LIMIT - 2) + b"\r\n", b"x" * (LINE_LIMIT - 2)),
        (b"x" * (LINE_LIMIT - 1) + b"\n", b"x" * (LINE_LIMIT - 1)),
    ],
)
def test_a_line_ends_at_its_line_feed(wire: bytes, line: bytes) -> None:
    """A line ends at LF, with or without CR before it, and eats nothing of the next one."""
    assert read_three_ways(lambda: take_line, wire) == line


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_beyond_the_limit_is_not_waited_for(end: bytes) -> None:
    """A line of more than 8 KiB is an error at once, whether it ever ends or not."""
    assert "8192 bytes" in fail_three_ways(lambda: take_line, b"x" * LINE_LIMIT + end, LimitExceeded)


def test_an_incomplete_line_stays_in_the_buffer() -> None:
    """A reader that wants more leaves what it has seen where it is."""
    buffer = bytearray(b"220 mx")
    assert take_line(buffer) is None
    assert buffer == b"220 mx"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"plain", "plain"),
        (b"  padded \r\n", "padded"),
        (b"a\tb\rc\0d", "a b c d"),
        (b"\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("caf\u00e9".encode(), "caf\u00e9"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("right-to-left \u202e, separator \u2028".encode(), "right-to-left  , separator"),
        (b'"} 1\nmetric 1', '"} 1 metric 1'),
        (b"%s {0} ${jndi:ldap://x}", "%s {0} ${jndi:ldap://x}"),
        ("already text\n", "already text"),
        (b"x" * TEXT_LIMIT, "x" * TEXT_LIMIT),
    ],
)
def test_text_of_the_peer_becomes_one_printable_line(raw: bytes | str, shown: str) -> None:
    """What a server says is shown as one line without control characters, escapes or direction marks."""
    assert printable(raw) == shown


def test_long_text_is_cut_and_says_so() -> None:
    """300 kB of error text keep 200 characters, the last one an ellipsis."""
    shown = printable(b"x" * 300_000)
    assert len(shown) == TEXT_LIMIT
    assert shown.endswith("x\u2026")


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\0b", "a\x7fb", "a\tb", "\x1b"])
def test_a_command_never_carries_a_control_character(bad: str) -> None:
    """No argument can end a command line early and start one of its own."""
    assert has_control(bad)
    with pytest.raises(ValueError, match="control character"):
        command("USER", bad)


def test_a_command_is_its_words_and_one_crlf() -> None:
    """Words are joined by single spaces, sent as UTF-8, verbatim, and end in CRLF."""
    assert command("PASS", "p% {}\"' \u00fc") == "PASS p% {}\"' \u00fc\r\n".encode()
