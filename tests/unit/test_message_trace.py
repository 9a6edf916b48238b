"""Hops from trace fields: times, TLS, and bounds against whatever servers write."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.told import scanned, told

from mailsonar.message.recognise import RECEIVED
from mailsonar.message.trace import hops
from mailsonar.message.verdicts import verdicts
from mailsonar.observe.result_json import rfc3339

DATES = {
    "Tue, 24 Nov 2026 09:00:01 +0000": "2026-11-24T09:00:01Z",
    "24 Nov 2026 9:00 -0330": "2026-11-24T12:30:00Z",
    "Tue,  24  Nov  2026  09:00:01  EST": "2026-11-24T14:00:01Z",
    "Tue, 24 Nov 2026 09:00:01 GMT": "2026-11-24T09:00:01Z",
    "Thu, 31 Dec 2026 23:59:60 +0000": "2026-12-31T23:59:59Z",
    "Tue, 24 Nov 2026 09:00:01": "-",
    "Tue, 24 Nov 2026 09:00:01 CET": "-",
    "Tue, 31 Feb 2026 09:00:01 +0000": "-",
    "Tue, 24 Foo 2026 09:00:01 +0000": "-",
    "Tue, 24 Nov 2026 25:00:01 +0000": "-",
    "Tue, 24 Nov 2026 09:00:01 +9900": "-",
    "Tue, 24 Nov 0000 09:00:01 +0000": "-",
    "Tue, 24 Nov 9999 23:59:59 -2300": "-",
    "Tue, ٢٤ Nov ٢٠٢٦ 09:00:01 +0000": "-",
    "yesterday": "-",
}


@pytest.mark.parametrize(("date", "expected"), DATES.items(), ids=DATES)
def test_dates(date: str, expected: str) -> None:
    """A date that is none, that nobody could show, or whose time zone is not known, is no time at all."""
    assert told(f"Received: from a by b with SMTP; {date}", None)[0] == f"a | b | SMTP | no | {expected} | -"


def test_a_hop_without_a_time_is_passed_over() -> None:
    """The time of a hop runs from the last one that told the time; clocks that differ give a negative one, flagged."""
    header = "".join(
        f"Received: from a by b{number} with ESMTP; {date}\n"
        for number, date in ((3, "24 Nov 2026 08:59:59 +0000"), (2, "no date"), (1, "24 Nov 2026 09:00:01 +0000"))
    )
    assert told(header, None)[:3] == [
        "a | b1 | ESMTP | no | 2026-11-24T09:00:01Z | -",
        "a | b2 | ESMTP | no | - | -",
        "a | b3 | ESMTP | no | 2026-11-24T08:59:59Z | -2 skewed",
    ]


UNSAID_OR_NOT = {
    "with ESMTP": False,
    "with UTF8SMTPSA": True,
    "with UTF8SMTPA": False,
    "with local": None,
    "(TLS)": True,
    "(unencrypted) with local": None,
    "(not encrypted) with SMTP": False,
    "(HELO tls.acme.example) with SMTP": False,
    "(tls-relay [192.0.2.1]) with SMTP": False,
    "with MYSMTPS": None,
}


@pytest.mark.parametrize(("words", "expected"), UNSAID_OR_NOT.items(), ids=UNSAID_OR_NOT)
def test_tls_is_only_what_the_field_says(words: str, expected: bool | None) -> None:
    """A name that looks like TLS proves none, and what is not said is not known."""
    (hop,) = hops([f"from a by b {words}; 24 Nov 2026 09:00:01 +0000".encode()])
    assert hop.tls is expected


def test_texts_are_short_and_printable() -> None:
    """What servers write can neither fill a page nor steer a terminal."""
    (hop,) = hops([b"from \x1b[31m\xe2\x80\xaered\xff by " + b"b" * 2000 + b" with " + b"w " * 900 + b"; 1"])
    assert (hop.from_host, hop.by_host, hop.protocol) == ("[31m", "b" * 99 + "…", "w w w w")


def test_only_so_many_fields_are_kept() -> None:
    """Of a message with more trace fields than any server lets pass, the newest are read, each up to 2 KiB."""
    scan = scanned("".join(f"Received: by b{number}\n\t{'x' * 3000}\n" for number in range(80)))
    found = hops(scan.texts(RECEIVED))
    assert [hop.by_host for hop in found] == [f"b{number}" for number in reversed(range(50))]
    assert {len(text) for text in scan.texts(RECEIVED)} == {2048}


PIECES = st.sampled_from(
    [
        b"(",
        b")",
        b'"',
        b";",
        b"\\",
        b" ",
        b"\t",
        b"=",
        b"from",
        b"by",
        b"with ESMTPS",
        b"id",
        b"spf=pass",
        b"dkim=",
        b"/1",
        b"24 Nov 2026 09:00:01 +0000",
        b"24 Nov 9998 23:59:60 -2359",
        b"mx.example",
        b"TLSv1.3",
        b"\xff",
        b"\xe2\x80\xae",
        b"\0",
    ]
)
VALUES = st.lists(st.one_of(st.lists(PIECES, max_size=40).map(b"".join), st.binary(max_size=200)), max_size=6)


@settings(max_examples=300, deadline=None)
@given(VALUES, st.sampled_from([None, "microsoft", "mx.example"]))
def test_no_bytes_do_harm(values: list[bytes], authserv_id: str | None) -> None:
    """Whatever a server writes, a hop comes out for each field, fit to be shown, and verdicts out of closed sets."""
    found = hops(values)
    assert len(found) == len(values)
    for hop in found:
        assert all(text.isprintable() and len(text) <= 100 for text in (hop.from_host, hop.by_host, hop.protocol))
        assert hop.received_wall is None or rfc3339(hop.received_wall)
    methods = [verdict.method for verdict in verdicts(values, authserv_id)]
    assert len(methods) == len(set(methods)) <= 3


HOSTILE = (
    b"(",
    b")",
    b'"',
    b"\\",
    b";",
    b"((((;",
    b'"(',
    b" ",
    b"1 ",
    b"12",
    b"TLS",
    b"from ",
    b"spf=",
    b"a/",
    b"24 Nov ",
    b"\xff",
)


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_time_is_linear(piece: bytes) -> None:
    """Fields far longer than those that are kept take no more than their length explains."""

    def seconds(size: int) -> float:
        value = piece * (size // len(piece))
        started = time.process_time()
        hops([value])
        verdicts([value], "microsoft")
        return time.process_time() - started

    short = min(seconds(15_000) for _ in range(3))
    assert min(seconds(120_000) for _ in range(2)) < 24 * short + 0.05
