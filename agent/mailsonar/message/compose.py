"""The probe message: honest about being automatic, and signed (RFC 5322, 3834).

`X-Auto-Response-Suppress` leaves out `NDR`, which `All` would imply: a bounce is what we want to hear.
Lines are short and end in CRLF, and the content is 7-bit unless an address is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from mailsonar.message.content import body, header
from mailsonar.model.route import Content

TOKEN_FIELD = "X-MailSonar-Token"  # noqa: S105 - the name of a header field

_BODY = (
    "This message was sent by a mail monitor to check that mail from",
    "{reverse_path}",
    "reaches",
    "{forward_path}",
    "in good time. It is removed automatically once it has arrived, and",
    "nothing needs to be done about it.",
)
_PADDING_LINE = "The quick brown fox jumps over the lazy dog and runs home again.\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Reverse-path and forward-path of a message."""

    reverse_path: str
    forward_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What a probe holds: how many octets of padding, and which content."""

    size_bytes: int = 0
    content: Content = Content.PLAIN


_PLAIN = Filling()


def compose(envelope: Envelope, token_text: str, started_wall: float, filling: Filling = _PLAIN) -> bytes:
    """Return a probe message.

    Args:
        envelope: the addresses, also shown in From and To.
        token_text: the signed token.
        started_wall: POSIX seconds, for the Date field.
        filling: what the body holds besides a word of explanation.
    """
    words = "".join(f"{line}\r\n" for line in _BODY).format(
        reverse_path=envelope.reverse_path, forward_path=envelope.forward_path
    )
    made = body(words + _padding(filling.size_bytes), filling.content)
    domain = envelope.reverse_path.rpartition("@")[2]
    fields = (
        ("From", f"Mail monitor <{envelope.reverse_path}>"),
        ("To", f"<{envelope.forward_path}>"),
        ("Subject", "Mail flow check"),
        ("Date", format_datetime(datetime.fromtimestamp(started_wall, UTC))),
        ("Message-ID", f"<{token_text}@{domain}>"),
        (TOKEN_FIELD, token_text),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "DR, RN, NRN, OOF, AutoReply"),
        ("MIME-Version", "1.0"),
        *made.fields,
    )
    return f"{header(fields)}\r\n{made.text}".encode()


def _padding(size_bytes: int) -> str:
    whole, rest = divmod(size_bytes, len(_PADDING_LINE))
    return _PADDING_LINE * whole + ("." * (rest - 2) + "\r\n" if rest > 2 else "")
