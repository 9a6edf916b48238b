"""No bytes that a peer can send, however they are cut, do more to a reader than the two errors that blame the peer."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.readers import MakeReader, read_in_chunks

from mailsonar.message.recognise import HeaderScan
from mailsonar.model.fault import LimitExceeded, ProtocolViolation
from mailsonar.wire import pop3, sasl
from mailsonar.wire.lines import take_line
from mailsonar.wire.smtp import Extensions, ReplyReader

FRAGMENTS = [
    b"+OK",
    b"-ERR",
    b"+ ",
    b"250",
    b"250-",
    b"250 ",
    b"550-5.1.1 ",
    b"\r\n",
    b"\n",
    b"\r",
    b".",
    b"..",
    b"1 120",
    b"2 abc",
    b"SASL PLAIN",
    b"[IN-USE]",
    b" ",
    b"\t",
    b"\0",
    b"\xff",
    b"x" * 3000,
    b"SIZE 9",
    b"AUTH=LOGIN",
    b"STARTTLS",
]
WIRE = st.one_of(
    st.binary(max_size=300),
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=4)), max_size=40).map(b"".join),
    st.lists(st.sampled_from(FRAGMENTS), max_size=15)
    .map(b"\r\n".join)
    .map(lambda wire: b"+OK\r\n" + wire + b"\r\n.\r\n"),
)
CUTS = st.lists(st.integers(min_value=0, max_value=5000), max_size=8)


def _lines_reader() -> pop3.MultiLine[tuple[bytes, ...]]:
    taken: list[bytes] = []
    return pop3.MultiLine(taken.append, lambda: tuple(taken), limit=9000, line_limit=4000)


READERS: list[MakeReader[object]] = [
    lambda: take_line,
    ReplyReader,
    lambda: pop3.read_status,
    lambda: pop3.read_status_after_mail,
    pop3.capabilities_reader,
    pop3.uidl_reader,
    pop3.list_reader,
    _lines_reader,
]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(READERS), WIRE, CUTS)
def test_splits_never_change_what_is_read(make: MakeReader[object], wire: bytes, cuts: list[int]) -> None:
    """Value, leftover bytes and error are the same whole and cut anywhere; nothing else is ever raised."""
    assert read_in_chunks(make, wire, cuts) == read_in_chunks(make, wire, [])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=30), min_size=1, max_size=20))
def test_what_replies_tell_can_always_be_asked(lines: list[bytes]) -> None:
    """Every property of a reply that was read gives an answer, whatever its text is."""
    wire = b"".join(b"250-" + line.replace(b"\n", b"") + b"\r\n" for line in lines) + b"250 \r\n"
    reply = ReplyReader()(bytearray(wire))
    assert reply is not None
    assert str(reply).isprintable()
    extensions = Extensions.of(reply)
    assert extensions.size is None or 0 < extensions.size < 10**19
    assert isinstance(extensions.mechanisms, frozenset)


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.binary(max_size=40), st.binary(max_size=40).map(lambda raw: raw.decode("latin-1"))))
def test_a_challenge_is_decoded_or_blamed(challenge: str | bytes) -> None:
    """A challenge gives bytes or a violation."""
    with suppress(ProtocolViolation):
        assert isinstance(sasl.decode(challenge), bytes)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from([b"Message-ID:", b" ", b"\t", b"X-MailSonar-Token: ", b""]), st.binary(max_size=50))
    )
)
def test_a_header_section_of_anything_is_scanned(lines: list[bytes]) -> None:
    """Whatever lines make up a header section, the scan keeps to the wanted fields and to its bounds."""
    scan = HeaderScan()
    try:
        for line in lines:
            scan.take(line)
    except LimitExceeded:
        raise AssertionError("far below the limit") from None
    assert scan.finished == (b"" in lines)
    assert sum(len(values) for values in scan.fields.values()) <= len(lines)
