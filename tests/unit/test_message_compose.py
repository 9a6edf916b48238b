"""The probe message as any mail program reads it."""

from __future__ import annotations

import email
from email.message import EmailMessage
from email.policy import SMTPUTF8, default
from pathlib import Path

import pytest

import mailsonar
from mailsonar.message.compose import TOKEN_FIELD, Envelope, Filling, compose
from mailsonar.message.recognise import HeaderScan, recognise
from mailsonar.message.token import Token, base32, route_digest
from mailsonar.model.route import Content
from mailsonar.model.server import Secret

KEY = Secret("test", lambda: "k" * 32)
TOKEN = Token(id=base32(b"i" * 12), route=route_digest("acme"), instance=base32(b"n" * 5), started_ms=1_795_000_000_123)
TEXT = TOKEN.signed(KEY)
STARTED_WALL = 1_795_000_000.123

ASCII = Envelope(reverse_path="probe@acme.example", forward_path="in+probe@contoso.example")
ENVELOPES = [
    ASCII,
    Envelope(reverse_path="{x}%s@acme.example", forward_path="o'neil.{}@contoso.example"),
    Envelope(reverse_path='"a b"@acme.example', forward_path="probe@[192.0.2.1]"),
    Envelope(
        reverse_path="l" * 64 + "@" + "d" * 60 + ".example",
        forward_path="l" * 64 + "@" + ("d" * 60 + ".") * 3 + "example",
    ),
]
UTF8 = Envelope(reverse_path="pr\u00fcfer@acme.example", forward_path="\u90ae\u4ef6@contoso.example")


def parsed(content: bytes) -> EmailMessage:
    """Parse a message; a defect anywhere is an error."""
    message = email.message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    for name, value in message.items():
        assert value.defects == (), name
    return message


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize("size_bytes", [0, 1, 2, 3, 65, 66, 67, 68, 100_000])
def test_a_probe_is_a_valid_message(envelope: Envelope, size_bytes: int) -> None:
    """A probe parses without a defect, is 7-bit, and has short lines that end in CRLF and nothing else."""
    content = compose(envelope, TEXT, STARTED_WALL, Filling(size_bytes=size_bytes))
    message = parsed(content)
    assert (message["From"].addresses[0].addr_spec, message["To"].addresses[0].addr_spec) == (
        envelope.reverse_path,
        envelope.forward_path,
    )
    assert content.isascii()
    assert content.endswith(b"\r\n")
    assert content.count(b"\r\n") == content.count(b"\r") == content.count(b"\n")
    assert max(len(line) for line in content.split(b"\r\n")) < 998


def test_a_probe_says_what_it_is() -> None:
    """Date, Message-ID and the fields against automatic answers are there, once each, and true."""
    message = parsed(compose(ASCII, TEXT, STARTED_WALL))
    assert message["Date"] == "Wed, 18 Nov 2026 11:06:40 +0000"
    assert message["Message-ID"] == f"<{TEXT}@acme.example>"
    assert message[TOKEN_FIELD] == TEXT
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "DR, RN, NRN, OOF, AutoReply"
    assert (message.get_content_type(), message.get_content_charset()) == ("text/plain", "us-ascii")
    assert len(set(message.keys())) == len(message.keys())
    assert "probe@acme.example" in message.get_content()
    assert TEXT not in message.get_content()


def test_an_internationalised_address_makes_the_message_utf8() -> None:
    """A non-ASCII address shows in the header as RFC 6532 has it, and the body says that it is 8-bit."""
    content = compose(UTF8, TEXT, STARTED_WALL)
    message = email.message_from_bytes(content, policy=SMTPUTF8)
    assert isinstance(message, EmailMessage)
    assert f"<{UTF8.forward_path}>".encode() in content
    assert (message["Content-Transfer-Encoding"], message.get_content_charset()) == ("8bit", "utf-8")
    assert UTF8.reverse_path in message.get_content()


@pytest.mark.parametrize("size_bytes", [0, 3, 66, 67, 1000, 100_000])
def test_padding_adds_what_was_asked(size_bytes: int) -> None:
    """`size` is the padding in octets, exactly, unless less than one line is left over."""
    added = len(compose(ASCII, TEXT, STARTED_WALL, Filling(size_bytes=size_bytes))) - len(
        compose(ASCII, TEXT, STARTED_WALL)
    )
    assert size_bytes - 2 <= added <= size_bytes


def test_gtube_stands_on_a_line_of_its_own() -> None:
    """The pattern for spam filters is a line of the text, and the message is as valid as any."""
    message = parsed(compose(ASCII, TEXT, STARTED_WALL, Filling(content=Content.GTUBE)))
    line = message.get_content().splitlines()[0]
    assert (len(line), line[:3], line.count("GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL")) == (68, "XJS", 1)


@pytest.mark.parametrize("envelope", [ASCII, UTF8])
def test_eicar_is_attached(envelope: Envelope) -> None:
    """The test file for virus scanners comes as an attachment of 68 octets; the words stay readable beside it."""
    content = compose(envelope, TEXT, STARTED_WALL, Filling(content=Content.EICAR, size_bytes=100))
    message = email.message_from_bytes(content, policy=SMTPUTF8)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    words, attached = message.iter_parts()
    assert envelope.forward_path in words.get_content()
    assert attached.get_filename() == "eicar.com"
    payload = attached.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert (len(payload), payload[:4]) == (68, b"X5O!")
    assert b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE" in payload
    assert content.count(b"\r\n") == content.count(b"\r") == content.count(b"\n")


def test_no_file_of_ours_holds_a_pattern() -> None:
    """A scanner that comes across our source, or what Python compiled of it, finds nothing: only probes carry it."""
    carried = compose(ASCII, TEXT, STARTED_WALL, Filling(content=Content.GTUBE)).partition(b"\r\n\r\n")[2]
    eicar = email.message_from_bytes(compose(ASCII, TEXT, STARTED_WALL, Filling(content=Content.EICAR)), policy=default)
    patterns = [carried[:68], next(eicar.iter_attachments()).get_payload(decode=True)]  # type: ignore[attr-defined]
    ours = Path(mailsonar.__file__).parent
    files = [*ours.rglob("*.py"), *ours.rglob("*.pyc")]
    assert len(files) > 100
    assert [file for file in files for pattern in patterns if pattern in file.read_bytes()] == []


@pytest.mark.parametrize("envelope", [*ENVELOPES, UTF8])
def test_a_probe_is_recognised(envelope: Envelope) -> None:
    """What we compose we find again, by our own field and by the Message-ID alone."""
    header = compose(envelope, TEXT, STARTED_WALL).partition(b"\r\n\r\n")[0].split(b"\r\n")
    for dropped in (b"", TOKEN_FIELD.encode(), b"Message-ID"):
        scan = HeaderScan()
        for line in header:
            if not dropped or not line.startswith(dropped):
                scan.take(line)
        assert recognise(scan, KEY) == TOKEN
