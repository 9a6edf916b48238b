"""SMTP on the wire: replies, enhanced status codes, EHLO keywords, dot-stuffing (RFC 5321, 2034, 3463, 1870, 4954)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailsonar.model.fault import LimitExceeded, ProtocolViolation
from mailsonar.wire.lines import printable, take_line

REPLY_LIMIT = 64 * 1024
REPLY_LINES_LIMIT = 200

_LINE = re.compile(rb"([2-5][0-9][0-9])(?![0-9])([ \t-]?)(.*)", re.DOTALL)
_ENHANCED = re.compile(r"^([245])\.(\d{1,3})\.(\d{1,3})(?= |$)")
_LINE_START_DOT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """A whole reply: its code and the text of each line, as received (RFC 5321 section 4.2)."""

    code: int
    lines: tuple[str, ...]

    @property
    def enhanced(self) -> str | None:
        """Return the enhanced status code where the reply carries one (RFC 2034); the basic code decides."""
        found = _ENHANCED.match(self.lines[0]) or _ENHANCED.match(self.lines[-1])
        return ".".join(str(int(part)) for part in found.groups()) if found else None

    @property
    def text(self) -> str:
        """Return the text as one printable line without the enhanced status codes, cut short."""
        return printable(" ".join(_ENHANCED.sub("", line, count=1).strip() for line in self.lines[:5]))

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.enhanced, self.text)))


class ReplyReader:
    """Read one reply, however many lines it has (RFC 5321 section 4.2.1).

    Raises:
        ProtocolViolation: a line without a reply code, or a code that changes within the reply.
        LimitExceeded: more than 64 KiB or 200 lines.
    """

    __slots__ = ("_code", "_lines", "_size")

    def __init__(self) -> None:
        self._code: int | None = None
        self._lines: list[str] = []
        self._size = 0

    def __call__(self, buffer: bytearray) -> SmtpReply | None:
        """Eat the lines that are complete; return the reply once its last line is among them."""
        while (line := take_line(buffer)) is not None:
            if self._takes_last(line):
                return SmtpReply(self._code or 0, tuple(self._lines))
        return None

    def _takes_last(self, line: bytes) -> bool:
        found = _LINE.fullmatch(line)
        if not found:
            raise ProtocolViolation(f"not an SMTP reply: {printable(line)}")
        code = int(found[1])
        if self._code not in (None, code):
            raise ProtocolViolation(f"the reply code changed from {self._code} to {code} within one reply")
        self._code = code
        self._lines.append(found[3].decode("utf-8", "replace"))
        self._size += len(line)
        if len(self._lines) > REPLY_LINES_LIMIT or self._size > REPLY_LIMIT:
            raise LimitExceeded(f"a reply of more than {REPLY_LINES_LIMIT} lines or {REPLY_LIMIT} bytes")
        return found[2] != b"-"


@dataclass(frozen=True, slots=True)
class Extensions:
    """What a server offers in reply to EHLO: keywords in upper case with parameters (RFC 5321 section 4.1.1.1)."""

    keywords: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, reply: SmtpReply) -> Extensions:
        """Read the keywords from the second line on; `AUTH=LOGIN` of ancient servers counts as `AUTH LOGIN`."""
        keywords: dict[str, tuple[str, ...]] = {}
        for line in reply.lines[1:]:
            words = line.upper().replace("AUTH=", "AUTH ", 1).split()
            if words:
                keywords[words[0]] = keywords.get(words[0], ()) + tuple(words[1:])
        return cls(keywords)

    @property
    def starttls(self) -> bool:
        """Tell whether STARTTLS is offered (RFC 3207)."""
        return "STARTTLS" in self.keywords

    @property
    def mechanisms(self) -> frozenset[str]:
        """Return the SASL mechanisms that are offered (RFC 4954)."""
        return frozenset(self.keywords.get("AUTH", ()))

    @property
    def size(self) -> int | None:
        """Return the largest message accepted in bytes; None where it is not told, is 0 or is absurd (RFC 1870)."""
        told = self.keywords.get("SIZE", ("",))[:1]
        digits = told[0] if told else ""
        return int(digits) or None if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


def data_block(content: bytes) -> bytes:
    """Return the content as it goes over the wire: dot-stuffed, with the final dot (RFC 5321 section 4.5.2).

    Args:
        content: a message whose lines end in CRLF, the last one too.
    """
    return _LINE_START_DOT.sub(b"..", content) + b".\r\n"
