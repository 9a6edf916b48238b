"""Is it ours? Only a verified token in our own field or the Message-ID of a message that answers nothing."""

from __future__ import annotations

import pytest

from mailsonar.message.compose import TOKEN_FIELD
from mailsonar.message.recognise import HEADER_LIMIT, HeaderScan, recognise
from mailsonar.message.token import Token, base32, route_digest
from mailsonar.model.fault import LimitExceeded
from mailsonar.model.server import Secret

KEY = Secret("test", lambda: "k" * 32)
TOKEN = Token(id=base32(b"i" * 12), route=route_digest("acme"), instance=base32(b"n" * 5), started_ms=1_795_000_000_123)
TEXT = TOKEN.signed(KEY)
FORGED = TOKEN.signed(Secret("test", lambda: "o" * 32))
OTHER = Token(id=base32(b"j" * 12), route=TOKEN.route, instance=TOKEN.instance, started_ms=1).signed(KEY)


def scan(*lines: str | bytes) -> HeaderScan:
    """Return the scan of a header section."""
    result = HeaderScan()
    for line in lines:
        result.take(line.encode() if isinstance(line, str) else line)
    return result


OURS = {
    "field": [f"{TOKEN_FIELD}: {TEXT}"],
    "field and Message-ID": [f"{TOKEN_FIELD}: {TEXT}", f"Message-ID: <{TEXT}@acme.example>"],
    "Message-ID only": [f"Message-ID: <{TEXT}@acme.example>"],
    "Message-ID without brackets": [f"Message-Id: {TEXT}@acme.example"],
    "Message-ID with a remark": [f"Message-ID: <{TEXT}@acme.example> (added by postmaster@gateway.example)"],
    "field lost its value, Message-ID kept": [f"{TOKEN_FIELD}:", f"Message-ID: <{TEXT}@acme.example>"],
    "name in other case": [f"{TOKEN_FIELD.upper()}: {TEXT}"],
    "value in other case": [f"{TOKEN_FIELD}: {TEXT.upper()}"],
    "no space": [f"{TOKEN_FIELD}:{TEXT}"],
    "spaces around": [f"{TOKEN_FIELD} \t:\t {TEXT}  "],
    "folded behind the name": [f"{TOKEN_FIELD}:", f" {TEXT}"],
    "folded twice": [f"{TOKEN_FIELD}: {TEXT[:9]}", f"\t{TEXT[9:40]}", f"   {TEXT[40:]}"],
    "after a forged field": [f"{TOKEN_FIELD}: {FORGED}", f"{TOKEN_FIELD}: {TEXT}"],
    "Message-ID after a forged field": [f"{TOKEN_FIELD}: {FORGED}", f"Message-ID: <{TEXT}@acme.example>"],
    "40 Received on top": [
        *["Received: from a by b;", " Mon, 23 Nov 2026 10:00:00 +0000"] * 40,
        f"{TOKEN_FIELD}: {TEXT}",
    ],
    "100 kB of other fields": [
        *[f"X-Gateway-{number}: " + "x" * 1000 for number in range(100)],
        f"{TOKEN_FIELD}: {TEXT}",
    ],
    "8-bit neighbours": [b"Subject: \xff\xfe\0", f"{TOKEN_FIELD}: {TEXT}"],
    "lines that are no fields": ["From mbox Mon Nov 23", "nonsense", " continued", ":", f"{TOKEN_FIELD}: {TEXT}"],
    "auto-generated": [f"{TOKEN_FIELD}: {TEXT}", "Auto-Submitted: auto-generated"],
    "text/plain": [f"{TOKEN_FIELD}: {TEXT}", "Content-Type: text/plain; charset=utf-8"],
    "tagged subject": ["Subject: [EXTERNAL] Mail flow check", f"{TOKEN_FIELD}: {TEXT}"],
}


@pytest.mark.parametrize("lines", OURS.values(), ids=OURS)
def test_our_message_is_recognised_whatever_gateways_did(lines: list[str | bytes]) -> None:
    """Refolded, re-cased, reordered or stripped of one of the two carriers: our message is found."""
    assert recognise(scan(*lines), KEY) == TOKEN


@pytest.mark.parametrize("position", range(len(TEXT) + 1))
def test_the_field_may_be_folded_anywhere(position: int) -> None:
    """A fold at any place of the token, even where none is allowed, does not hide the message."""
    folded = (f"{TOKEN_FIELD}: {TEXT[:position]}", f"\t{TEXT[position:]}")
    assert recognise(scan(*folded), KEY) == TOKEN


NOT_OURS = {
    "nothing": [],
    "empty field": [f"{TOKEN_FIELD}:"],
    "forged": [f"{TOKEN_FIELD}: {FORGED}", f"Message-ID: <{FORGED}@acme.example>"],
    "altered": [f"{TOKEN_FIELD}: {TEXT[:-1]}{'a' if TEXT[-1] != 'a' else 'b'}"],
    "parts of two tokens": [f"{TOKEN_FIELD}: {TEXT[:40]}{OTHER[40:]}"],
    "only our id": [f"{TOKEN_FIELD}: {TOKEN.id}"],
    "in the subject": [f"Subject: {TEXT}"],
    "in References": [f"References: <{TEXT}@acme.example>"],
    "in another field": [f"X-{TOKEN_FIELD}: {TEXT}", f"{TOKEN_FIELD}-2: {TEXT}"],
    "as a continuation of another field": ["Subject: x", f" {TOKEN_FIELD}: {TEXT}"],
    "quoted, with words": [f"{TOKEN_FIELD}: see {TEXT}"],
    "domain of the Message-ID": [f"Message-ID: <x@{TEXT}>"],
    "In-Reply-To": [f"{TOKEN_FIELD}: {TEXT}", f"In-Reply-To: <{TEXT}@acme.example>"],
    "auto-replied": [f"{TOKEN_FIELD}: {TEXT}", "Auto-Submitted: auto-replied"],
    "auto-replied, other case": [f"{TOKEN_FIELD}: {TEXT}", "AUTO-SUBMITTED:", "\tAuto-Replied (vacation)"],
    "delivery report": [f"{TOKEN_FIELD}: {TEXT}", "Content-Type: multipart/report; report-type=delivery-status"],
    "read receipt": [
        f"{TOKEN_FIELD}: {TEXT}",
        "Content-type: Multipart/Report;",
        " report-type=disposition-notification",
    ],
    "one of two types is a report": [
        f"{TOKEN_FIELD}: {TEXT}",
        "Content-Type: text/plain",
        "Content-Type: multipart/report",
    ],
    "in the body": ["Subject: x", "", f"{TOKEN_FIELD}: {TEXT}"],
    "8-bit": [f"{TOKEN_FIELD}: ".encode() + b"\xff" * len(TEXT)],
}


@pytest.mark.parametrize("lines", NOT_OURS.values(), ids=NOT_OURS)
def test_other_mail_is_never_ours(lines: list[str | bytes]) -> None:
    """Forged, altered, quoted, replied-to and reported-on tokens are left alone."""
    assert recognise(scan(*lines), KEY) is None


def test_a_header_section_beyond_the_limit_is_an_error() -> None:
    """256 KiB of header are read, the next line is one too many; what follows the section costs nothing."""
    result = scan(*["X: " + "x" * 1019] * (HEADER_LIMIT // 1024))
    with pytest.raises(LimitExceeded):
        result.take(b"X: y")
    finished = scan("Subject: x", "")
    for _ in range(1000):
        finished.take(b"y" * 1000)
    assert finished.finished


def test_a_hostile_header_costs_bounded_memory() -> None:
    """Neither one endless field nor thousands of the fields we want are kept whole."""
    one = scan(f"{TOKEN_FIELD}: {'x' * 9000}", *[" " + "y" * 900] * 200)
    many = scan(*["Message-ID: <x@y>"] * 5000)
    assert sum(len(value) for value in one.values(TOKEN_FIELD.lower().encode())) <= 4096
    assert len(many.values(b"message-id")) == 16


def test_a_field_that_only_the_limit_of_fields_hides_stays_hidden() -> None:
    """The continuation lines of a field that was left out do not run into another field."""
    lines = [f"{TOKEN_FIELD}: {TEXT}", *["Message-ID: <x@y>"] * 16, "Message-ID: <z@y>", " tail"]
    assert scan(*lines).values(b"message-id") == [b"<x@y>"] * 16
    assert recognise(scan(*lines), KEY) == TOKEN
