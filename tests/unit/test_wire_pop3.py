"""POP3 answers as RFC 1939 and 2449 have them, and as servers send them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.readers import MakeReader, fail_three_ways, read_three_ways

from mailsonar.model.fault import LimitExceeded, ProtocolViolation
from mailsonar.wire import pop3
from mailsonar.wire.pop3 import (
    MultiLine,
    Status,
    drop_listing,
    fingerprint,
    listed_unique_id,
    message_reader,
    read_status,
    read_status_after_mail,
)


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (b"+OK POP3 server ready\r\n", Status(ok=True, argument=b"POP3 server ready")),
        (b"+OK\r\n", Status(ok=True)),
        (b"+OK \r\n", Status(ok=True)),
        (b"+ok 2 320\n", Status(ok=True, argument=b"2 320")),
        (b"+OK\ttabbed\r\n", Status(ok=True, argument=b"tabbed")),
        (b"-ERR no such message\r\n", Status(ok=False, argument=b"no such message")),
        (b"-ERR\r\n", Status(ok=False)),
        (
            b"-err [in-use] Do you have another session?\r\n",
            Status(ok=False, code="IN-USE", argument=b"Do you have another session?"),
        ),
        (
            b"-ERR [LOGIN-DELAY] minimum time between mail checks\r\n",
            Status(ok=False, code="LOGIN-DELAY", argument=b"minimum time between mail checks"),
        ),
        (b"-ERR [SYS/TEMP] try later\r\n", Status(ok=False, code="SYS/TEMP", argument=b"try later")),
        (b"-ERR [AUTH]\r\n", Status(ok=False, code="AUTH")),
        (b"-ERR [AUTH]glued\r\n", Status(ok=False, code="AUTH", argument=b"glued")),
        (b"-ERR see [AUTH]\r\n", Status(ok=False, argument=b"see [AUTH]")),
        (b"-ERR [" + b"A" * 40 + b"] x\r\n", Status(ok=False, argument=b"[" + b"A" * 40 + b"] x")),
        (b"-ERR [] x\r\n", Status(ok=False, argument=b"[] x")),
        (b"-ERR [" + b"[" * 4000 + b"\r\n", Status(ok=False, argument=b"[" + b"[" * 4000)),
        (b"+ \r\n", Status(ok=False, continues=True)),
        (b"+\r\n", Status(ok=False, continues=True)),
        (b"+ PDE4OTY=\r\n", Status(ok=False, continues=True, argument=b"PDE4OTY=")),
        (b"-ERR caf\xc3\xa9 \xff\r\n", Status(ok=False, argument=b"caf\xc3\xa9 \xff")),
    ],
)
def test_a_status_line_is_read(wire: bytes, status: Status) -> None:
    """Indicator, response code and the rest are told apart; `+` is a continuation and never a success."""
    assert read_three_ways(lambda: read_status, wire) == status


@pytest.mark.parametrize(
    "wire",
    [
        b"\r\n",
        b"OK\r\n",
        b"+OKAY\r\n",
        b"-ERROR\r\n",
        b"+OK[X]\r\n",
        b" +OK\r\n",
        b"220 smtp\r\n",
        b"\0\xff\n",
        b"* OK\r\n",
        b"+YES\r\n",
    ],
)
def test_what_has_no_indicator_is_a_violation(wire: bytes) -> None:
    """A line that begins neither with +OK nor -ERR nor + breaks the RFC."""
    assert fail_three_ways(lambda: read_status, wire, ProtocolViolation)


@pytest.mark.parametrize("wire", [b"Dear Kanarie,\r\n", b"+ Kanarie\r\n", b"+Kanarie\r\n"])
def test_what_may_be_of_a_message_is_not_quoted(wire: bytes) -> None:
    """Where a server does not stuff the dots of foreign mail, its rest is in a reply's place: nobody is shown it."""
    for read in (read_status_after_mail, message_reader(lambda _: None, 100)):
        try:
            shown = str(read(bytearray(wire)))
        except ProtocolViolation as violation:
            shown = str(violation)
        assert shown
        assert "Kanarie" not in shown


def test_a_status_shows_indicator_code_and_text() -> None:
    """A status in a fault's detail reads as the server said it."""
    assert str(Status(ok=False, code="AUTH", argument=b"no\x1b")) == "-ERR [AUTH] no"
    assert str(Status(ok=True)) == "+OK"
    assert str(Status(ok=False, continues=True, argument=b"x")) == "+ x"


LINES = {
    "RFC 1939": (b"+OK\r\nfirst\r\n\r\nlast\r\n.\r\n", [b"first", b"", b"last"]),
    "bare LF": (b"+OK\nfirst\n.\n", [b"first"]),
    "empty": (b"+OK\r\n.\r\n", []),
    "stuffed": (b"+OK\r\n..\r\n...\r\n..a\r\n.\r\n", [b".", b"..", b".a"]),
    "careless stuffing": (b"+OK\r\n.a\r\n.\r\n", [b"a"]),
    "8-bit": (b"+OK\r\n\xff\0\r\n.\r\n", [b"\xff\0"]),
}


@pytest.mark.parametrize(("wire", "lines"), LINES.values(), ids=LINES)
def test_lines_up_to_the_lone_dot_are_taken_unstuffed(wire: bytes, lines: list[bytes]) -> None:
    """Each line comes without its end and its stuffing; the lone dot ends the answer."""

    def make() -> MultiLine[tuple[bytes, ...]]:
        taken: list[bytes] = []
        return MultiLine(taken.append, lambda: tuple(taken), limit=1000)

    assert read_three_ways(make, wire) == (Status(ok=True), tuple(lines))


@pytest.mark.parametrize(
    "make", [pop3.capabilities_reader, pop3.uidl_reader, pop3.list_reader, lambda: pop3.message_reader(print, 99)]
)
def test_a_refusal_ends_a_listing(make: MakeReader[Any]) -> None:
    """-ERR is the whole answer, one line; nothing behind it is waited for or eaten."""
    assert read_three_ways(make, b"-ERR unknown\r\n") == (Status(ok=False, argument=b"unknown"), None)
    assert fail_three_ways(make, b"+ more\r\n", ProtocolViolation)
    assert fail_three_ways(make, b"what?\r\n", ProtocolViolation)


def test_an_answer_beyond_its_limit_is_given_up() -> None:
    """A message is read up to the limit and no further, whether in many lines or in one."""
    assert fail_three_ways(lambda: pop3.message_reader(lambda _: None, 100), b"+OK\r\n" + b"x\r\n" * 40, LimitExceeded)
    long_line = b"+OK\r\n" + b"x" * (pop3.MESSAGE_LINE_LIMIT + 1)
    with pytest.raises(LimitExceeded):
        pop3.message_reader(lambda _: None, 10**6)(bytearray(long_line))


@pytest.mark.parametrize(
    ("wire", "found"),
    [
        (b"+OK\r\nTOP\r\nUSER\r\nSASL PLAIN CRAM-MD5\r\n.\r\n", {"TOP": (), "USER": (), "SASL": ("PLAIN", "CRAM-MD5")}),
        (b"+OK\r\nstls\r\nsasl plain\r\n.\r\n", {"STLS": (), "SASL": ("PLAIN",)}),
        (b"+OK\r\n\r\n  UIDL  \r\nLOGIN-DELAY 900 USER\r\n.\r\n", {"UIDL": (), "LOGIN-DELAY": ("900", "USER")}),
        (b"+OK\r\nIMPLEMENTATION \xff\xfe\r\n.\r\n", {"IMPLEMENTATION": ("\ufffd\ufffd",)}),
        (b"+OK\r\n.\r\n", {}),
    ],
)
def test_capabilities_are_read(wire: bytes, found: dict[str, tuple[str, ...]]) -> None:
    """Capabilities count in any case and spacing, with their parameters."""
    assert read_three_ways(pop3.capabilities_reader, wire) == (Status(ok=True), found)


def test_capabilities_without_end_are_given_up() -> None:
    """More than 200 capabilities, or 64 KiB of them, are an error."""
    many = b"".join(b"X%d\r\n" % number for number in range(pop3.CAPABILITIES_LIMIT + 1))
    assert fail_three_ways(pop3.capabilities_reader, b"+OK\r\n" + many, LimitExceeded)
    assert fail_three_ways(pop3.capabilities_reader, b"+OK\r\n" + b"SASL PLAIN\r\n" * 6000, LimitExceeded)


@pytest.mark.parametrize(
    ("rows", "numbers", "unique_ids", "malformed"),
    [
        (
            b"1 whqtswO00WBw418f9t5JxYwZ\r\n2 QhdPYR:00WBw1Ph7x7\r\n",
            [1, 2],
            [b"whqtswO00WBw418f9t5JxYwZ", b"QhdPYR:00WBw1Ph7x7"],
            0,
        ),
        (b"1  spaced \r\n", [1], [b"spaced"], 0),
        (
            b"1 ../../etc/passwd\r\n2 <script>\r\n3 \xff\"'\r\n",
            [1, 2, 3],
            [b"../../etc/passwd", b"<script>", b"\xff\"'"],
            0,
        ),
        (b"1 with spaces\r\n", [1], [b"with spaces"], 0),
        (b"1 " + b"x" * 300 + b"\r\n", [1], [b"x" * 300], 0),
        (b"1 same\r\n2 same\r\n1 same\r\n", [1, 2, 1], [b"same"] * 3, 0),
        (b"2 b\r\n1 a\r\n999999999 c\r\n", [2, 1, 999999999], [b"b", b"a", b"c"], 0),
        (b"\r\nx y\r\n-1 a\r\n0 a\r\n1\r\n1 \r\n1.5 a\r\n1000000000 a\r\n\xb2 a\r\n 7 a\r\n3 ok\r\n", [3], [b"ok"], 10),
        (b"+1 a\r\n1_0 a\r\n\xd9\xa3 a\r\n", [], [], 3),
        (b"", [], [], 0),
    ],
)
def test_unique_ids_are_listed_and_senseless_rows_left_out(
    rows: bytes, numbers: list[int], unique_ids: list[bytes], malformed: int
) -> None:
    """A malformed, negative, huge or empty row is counted and costs no other row; an id may be anything."""
    status, listing = read_three_ways(pop3.uidl_reader, b"+OK\r\n" + rows + b".\r\n")
    assert status.ok
    assert listing is not None
    assert listing.numbers.tolist() == numbers
    assert listing.figures.tolist() == [fingerprint(unique_id) for unique_id in unique_ids]
    assert (len(listing), listing.malformed) == (len(numbers), malformed)


@pytest.mark.parametrize(
    ("rows", "pairs", "malformed"),
    [
        (b"1 120\r\n2 200\r\n", [(1, 120), (2, 200)], 0),
        (b" 1\t120 extra\r\n", [(1, 120)], 0),
        (b"1 0\r\n1 999999999999999999\r\n", [(1, 0), (1, 999999999999999999)], 0),
        (b"1\r\n1 -5\r\n1 1000000000000000000\r\n1 many\r\n0 5\r\n\r\n2 5\r\n", [(2, 5)], 6),
    ],
)
def test_sizes_are_listed_and_senseless_rows_left_out(
    rows: bytes, pairs: list[tuple[int, int]], malformed: int
) -> None:
    """LIST is read like UIDL: a senseless row is counted and left out."""
    _, listing = read_three_ways(pop3.list_reader, b"+OK 2 messages\r\n" + rows + b".\r\n")
    assert listing is not None
    assert list(zip(listing.numbers, listing.figures, strict=True)) == pairs
    assert listing.malformed == malformed


@pytest.mark.parametrize("make", [pop3.uidl_reader, pop3.list_reader])
def test_a_listing_without_end_is_given_up(make: MakeReader[Any]) -> None:
    """100,000 rows are read, one more is an error; so are 8 MiB of senseless rows."""
    read = make()
    rows = b"".join(b"%d 1\r\n" % number for number in range(1, pop3.LISTING_ROWS_LIMIT + 1))
    assert read(bytearray(b"+OK\r\n" + rows)) is None
    with pytest.raises(LimitExceeded, match="100000 messages"):
        read(bytearray(b"1 1\r\n"))
    with pytest.raises(LimitExceeded, match="8388608 bytes"):
        make()(bytearray(b"+OK\r\n" + (b"?" * 8000 + b"\r\n") * 1100))


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        (Status(ok=True, argument=b"2 320"), (2, 320)),
        (Status(ok=True, argument=b"2 320 and more"), (2, 320)),
        (Status(ok=True, argument=b"2"), None),
        (Status(ok=True, argument=b""), None),
        (Status(ok=True, argument=b"-2 320"), None),
        (Status(ok=True, argument=b"2 " + b"9" * 30), None),
        (Status(ok=False, argument=b"2 320"), None),
    ],
)
def test_stat_feeds_gauges_only_where_it_makes_sense(status: Status, counted: tuple[int, int] | None) -> None:
    """An absurd, empty or refused STAT gives no figure instead of a wrong one."""
    assert drop_listing(status) == counted


@pytest.mark.parametrize("unique_id", [b"abc", b"with spaces", b'\xff<>"'])
def test_uidl_of_one_message_agrees_with_the_listing(unique_id: bytes) -> None:
    """The answer to `UIDL n` leads to the same fingerprint as the message's row in the listing."""
    _, listing = read_three_ways(pop3.uidl_reader, b"+OK\r\n7 " + unique_id + b"\r\n.\r\n")
    status = read_three_ways(lambda: read_status, b"+OK 7 " + unique_id + b"\r\n")
    assert listing is not None
    assert listed_unique_id(status) == listing.figures[0]
    assert listed_unique_id(Status(ok=True, argument=b"7")) is None
