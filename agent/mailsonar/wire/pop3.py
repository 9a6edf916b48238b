"""POP3 on the wire: status indicators, response codes, listings, header sections (RFC 1939, 2449, 3206)."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from mailsonar.model.fault import LimitExceeded, ProtocolViolation
from mailsonar.wire.lines import LINE_LIMIT, Reader, printable, take_line

LISTING_LIMIT = 8 * 1024 * 1024
LISTING_ROWS_LIMIT = 100_000
CAPABILITIES_LIMIT = 200
MESSAGE_LINE_LIMIT = 64 * 1024

_STATUS = re.compile(rb"(\+OK|-ERR|\+)(?:[ \t]+(.*))?", re.DOTALL | re.IGNORECASE)
_RESPONSE_CODE = re.compile(rb"\[([A-Za-z][A-Za-z0-9/_-]{0,30})\][ \t]*")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Status:
    """The first line of an answer; `continues`, never `ok`, is the `+` that asks for more of SASL (RFC 5034).

    `argument` is what follows the indicator and its response code, as received: a challenge, a row, or words.
    """

    ok: bool
    code: str | None = None
    argument: bytes = b""
    continues: bool = False

    @property
    def text(self) -> str:
        """Return the words as one printable line, cut short."""
        return printable(self.argument)

    def __str__(self) -> str:
        indicator = "+" if self.continues else "+OK" if self.ok else "-ERR"
        return " ".join(filter(None, (indicator, f"[{self.code}]" if self.code else None, self.text)))


def read_status(buffer: bytearray) -> Status | None:
    """Read one status line (RFC 1939 section 3) with its response code (RFC 2449 section 8).

    Raises:
        ProtocolViolation: the line has no status indicator.
    """
    line = take_line(buffer)
    return None if line is None else _status(line)


def read_status_after_mail(buffer: bytearray) -> Status | None:
    """Read one status line where the rest of a message may stand in its place, since a server did not stuff its dots.

    Raises:
        ProtocolViolation: the line has no status indicator; it is not quoted.
    """
    try:
        status = read_status(buffer)
    except ProtocolViolation:
        raise ProtocolViolation("not a POP3 reply; not shown, since it may be of a message") from None
    return replace(status, argument=b"") if status and status.continues else status


def _status(line: bytes) -> Status:
    found = _STATUS.fullmatch(line)
    if not found:
        raise ProtocolViolation(f"not a POP3 reply: {printable(line)}")
    indicator, rest = found[1].upper(), found[2] or b""
    if indicator == b"+":
        return Status(ok=False, continues=True, argument=rest)
    coded = _RESPONSE_CODE.match(rest)
    code = coded[1].decode().upper() if coded else None
    return Status(ok=indicator == b"+OK", code=code, argument=rest[coded.end() :] if coded else rest)


class MultiLine(Generic[T]):
    """Read a status line and, where it says +OK, the lines up to the lone dot (RFC 1939 section 3).

    Each line, unstuffed, goes to `take`; the value is `value()` at the end. A refusal ends the answer.

    Returns (when called):
        The status, and what `value` gave, or None for a refusal.

    Raises (when called):
        ProtocolViolation: no status indicator, or the `+` that only SASL knows.
        LimitExceeded: a line or the whole answer is too long.
    """

    __slots__ = ("_first", "_limit", "_line_limit", "_rest", "_status", "_take", "_value")

    def __init__(
        self,
        take: Callable[[bytes], None],
        value: Callable[[], T],
        *,
        limit: int,
        line_limit: int = LINE_LIMIT,
        first: Reader[Status] = read_status,
    ) -> None:
        self._take = take
        self._value = value
        self._limit = limit
        self._line_limit = line_limit
        self._first = first
        self._rest = limit
        self._status: Status | None = None

    def __call__(self, buffer: bytearray) -> tuple[Status, T | None] | None:
        """Eat the lines that are complete."""
        self._status = self._status or self._first(buffer)
        if self._status is None:
            return None
        if self._status.continues:
            raise ProtocolViolation(f"{self._status} is no answer to this command")
        if not self._status.ok:
            return self._status, None
        while (line := take_line(buffer, self._line_limit)) is not None:
            if line == b".":
                return self._status, self._value()
            self._rest -= len(line) + 2
            if self._rest < 0:
                raise LimitExceeded(f"an answer of more than {self._limit} bytes")
            self._take(line.removeprefix(b"."))
        return None


def capabilities_reader() -> MultiLine[dict[str, tuple[str, ...]]]:
    """Read the answer to CAPA: capabilities in upper case with their parameters (RFC 2449)."""
    found: dict[str, tuple[str, ...]] = {}

    def take(line: bytes) -> None:
        words = line.decode("utf-8", "replace").upper().split()
        if words:
            found[words[0]] = tuple(words[1:])
        if len(found) > CAPABILITIES_LIMIT:
            raise LimitExceeded(f"more than {CAPABILITIES_LIMIT} capabilities")

    return MultiLine(take, lambda: found, limit=64 * 1024)


def fingerprint(unique_id: bytes) -> int:
    """Return eight bytes that stand for a unique-id, so that 50,000 of them stay small."""
    return int.from_bytes(hashlib.blake2b(unique_id, digest_size=8).digest(), "big")


@dataclass(slots=True)
class Listing:
    """Message numbers with a figure each: the fingerprint of the unique-id, or the size in octets.

    Rows that make no sense are left out and counted: a bad row is no reason to miss the others.
    """

    numbers: array[int] = field(default_factory=lambda: array("L"))
    figures: array[int] = field(default_factory=lambda: array("Q"))
    malformed: int = 0

    def __len__(self) -> int:
        return len(self.numbers)

    def add(self, number: bytes, figure: int) -> None:
        """Append a row.

        Raises:
            LimitExceeded: more rows than we hold.
        """
        if len(self.numbers) >= LISTING_ROWS_LIMIT:
            raise LimitExceeded(f"a listing of more than {LISTING_ROWS_LIMIT} messages")
        self.numbers.append(int(number))
        self.figures.append(figure)


def _sane_number(word: bytes) -> bool:
    return word.isdigit() and len(word) <= 9 and int(word) > 0


def uidl_reader() -> MultiLine[Listing]:
    """Read the answer to UIDL (RFC 1939 section 7)."""
    listing = Listing()

    def take(line: bytes) -> None:
        number, _, unique_id = line.partition(b" ")
        if _sane_number(number) and unique_id.strip():
            listing.add(number, fingerprint(unique_id.strip()))
        else:
            listing.malformed += 1

    return MultiLine(take, lambda: listing, limit=LISTING_LIMIT)


def list_reader() -> MultiLine[Listing]:
    """Read the answer to LIST (RFC 1939 section 5): numbers and sizes in octets."""
    listing = Listing()

    def take(line: bytes) -> None:
        words = line.split()
        if len(words) >= 2 and _sane_number(words[0]) and words[1].isdigit() and len(words[1]) <= 18:
            listing.add(words[0], int(words[1]))
        else:
            listing.malformed += 1

    return MultiLine(take, lambda: listing, limit=LISTING_LIMIT)


def drop_listing(status: Status) -> tuple[int, int] | None:
    """Return messages and octets from the answer to STAT, None where it makes no sense (RFC 1939 section 5)."""
    words = status.argument.split()
    if status.ok and len(words) >= 2 and all(word.isdigit() and len(word) <= 18 for word in words[:2]):
        return int(words[0]), int(words[1])
    return None


def listed_unique_id(status: Status) -> int | None:
    """Return the fingerprint from the one-line answer to `UIDL n`."""
    _, _, unique_id = status.argument.strip().partition(b" ")
    return fingerprint(unique_id.strip()) if unique_id.strip() else None


def message_reader(take: Callable[[bytes], None], limit: int) -> MultiLine[None]:
    """Read the answer to TOP or RETR (RFC 1939 sections 5 and 7), each line handed to `take`.

    Args:
        take: called with each line, unstuffed and without its end.
        limit: the most bytes to read before the message is given up.
    """
    return MultiLine(take, lambda: None, limit=limit, line_limit=MESSAGE_LINE_LIMIT, first=read_status_after_mail)
