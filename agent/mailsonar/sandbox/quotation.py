"""Messages that look like one that was sent, and are not it: forged, replayed, quoted, forwarded."""

from __future__ import annotations

import re
from dataclasses import replace

from mailsonar.sandbox.delivery import DeliveryFault, Parcel

_SIGNED = re.compile(rb"(ms1-[a-z2-7]{20}-[a-z2-7]{8}-[a-z2-7]{8}-[0-9a-f]{11,12}-)[a-z2-7]{26}")
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.MULTILINE | re.IGNORECASE)
_AUTO_SUBMITTED = re.compile(rb"^Auto-Submitted:[^\r\n]*", re.MULTILINE | re.IGNORECASE)


def _message_id(parcel: Parcel) -> bytes:
    found = _MESSAGE_ID.search(parcel.content)
    return found[1] if found else b"<none@gateway.example>"


def besides(fault: DeliveryFault) -> DeliveryFault:
    """Deliver each message as it is, and what a fault makes of it after it."""
    return lambda parcel: [parcel, *fault(parcel)]


def forge(parcel: Parcel) -> list[Parcel]:
    """Deliver the same with a token of the same shape that nobody signed."""
    return [replace(parcel, content=_SIGNED.sub(rb"\1" + b"a" * 26, parcel.content))]


def answer_automatically(parcel: Parcel) -> list[Parcel]:
    """Deliver an automatic reply (RFC 3834) that quotes the whole message."""
    answered = _message_id(parcel)
    header = (
        b"From: absent@gateway.example\r\nSubject: Out of office: Mail flow check\r\n"
        b"In-Reply-To: %s\r\nReferences: %s\r\nAuto-Submitted: auto-replied\r\n\r\n" % (answered, answered)
    )
    return [replace(parcel, content=header + parcel.content)]


def answer_by_hand(parcel: Parcel) -> list[Parcel]:
    """Deliver a reply that quotes the whole message, header section included, and says nowhere that it is one."""
    return [replace(parcel, content=b"From: human@gateway.example\r\nSubject: Re: this\r\n\r\n" + parcel.content)]


def answer_in_kind(parcel: Parcel) -> list[Parcel]:
    """Deliver a reply that carries the header fields of the message over, and says what it answers."""
    return [replace(parcel, content=b"In-Reply-To: %s\r\n" % _message_id(parcel) + parcel.content)]


def answer_in_kind_automatically(parcel: Parcel) -> list[Parcel]:
    """Deliver an automatic reply (RFC 3834) that carries the header fields over, and does not say what it answers."""
    return [replace(parcel, content=_AUTO_SUBMITTED.sub(b"Auto-Submitted: auto-replied", parcel.content))]


def forward(parcel: Parcel) -> list[Parcel]:
    """Deliver the message as an attachment of another one."""
    wrapped = (
        b"From: human@gateway.example\r\nSubject: Fwd: this\r\n"
        b"Content-Type: multipart/mixed; boundary=part\r\n\r\n"
        b"--part\r\nContent-Type: message/rfc822\r\n\r\n%s\r\n--part--\r\n" % parcel.content
    )
    return [replace(parcel, content=wrapped)]


def append_footer(parcel: Parcel) -> list[Parcel]:
    """Deliver the message with a footer, as gateways of companies do."""
    return [replace(parcel, content=parcel.content + b"-- \r\nThis message may be confidential.\r\n")]


def replay() -> DeliveryFault:
    """Deliver the first message as it is, and instead of each later one the first again."""
    first: list[Parcel] = []

    def replayed(parcel: Parcel) -> list[Parcel]:
        first.append(parcel)
        return [replace(first[0], after_seconds=parcel.after_seconds)]

    return replayed
