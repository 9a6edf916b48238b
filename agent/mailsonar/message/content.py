"""What a probe's body holds: words alone, or also one of the test patterns that filters know as spam or malware.

The patterns stand here in pieces and are put together at run time, so that no scanner stumbles over this file. GTUBE
is a line of text, as SpamAssassin publishes it; the EICAR test file comes as an attachment, where scanners look.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from mailsonar.model.route import Content

_GTUBE = ("XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL", "*C.34X")
_EICAR = ("X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE", "!$H+H*")
_BOUNDARY = "=_mailsonar_part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body, its lines ending in CRLF, and the header fields that describe it (RFC 2045)."""

    fields: tuple[tuple[str, str], ...]
    text: str


def body(words: str, content: Content) -> Body:
    """Return the body of a probe.

    Args:
        words: what it says to people, in lines that end in CRLF.
        content: what else it holds.
    """
    if content is Content.GTUBE:
        return _text("".join((*_GTUBE, "\r\n\r\n", words)))
    if content is Content.EICAR:
        return _with_attachment(_text(words), "eicar.com", "".join(_EICAR))
    return _text(words)


def _text(words: str) -> Body:
    charset, encoding = ("us-ascii", "7bit") if words.isascii() else ("utf-8", "8bit")
    fields = (("Content-Type", f"text/plain; charset={charset}"), ("Content-Transfer-Encoding", encoding))
    return Body(fields=fields, text=words)


def _with_attachment(words: Body, name: str, attached: str) -> Body:
    file_fields = (
        ("Content-Type", f'application/octet-stream; name="{name}"'),
        ("Content-Disposition", f'attachment; filename="{name}"'),
        ("Content-Transfer-Encoding", "base64"),
    )
    file = Body(fields=file_fields, text=base64.b64encode(attached.encode()).decode() + "\r\n")
    parts = "".join(f"--{_BOUNDARY}\r\n{header(part.fields)}\r\n{part.text}\r\n" for part in (words, file))
    encoding = dict(words.fields)["Content-Transfer-Encoding"]
    fields = (("Content-Type", f'multipart/mixed; boundary="{_BOUNDARY}"'), ("Content-Transfer-Encoding", encoding))
    return Body(fields=fields, text=f"{parts}--{_BOUNDARY}--\r\n")


def header(fields: tuple[tuple[str, str], ...]) -> str:
    """Return header fields as lines."""
    return "".join(f"{name}: {value}\r\n" for name, value in fields)
