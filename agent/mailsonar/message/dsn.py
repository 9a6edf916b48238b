"""Delivery status notifications (RFC 3462, 3464): which of our messages bounced, and why.

A linear scan, as for all mail that is not proven to be ours: a report counts only if the header that it returns carries
a token that verifies. `Action: delayed` is no bounce.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from mailsonar.message.recognise import HeaderScan, recognise
from mailsonar.message.token import Token
from mailsonar.model.server import Secret

REPORT_LIMIT = 256 * 1024
_VALUE_LIMIT = 500
_STATUS_PART = b"message/delivery-status"
_RETURNED_PARTS = (b"message/rfc822", b"text/rfc822-headers", b"message/global", b"message/global-headers")
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}", re.ASCII)
_WANTED = frozenset({b"reporting-mta", b"action", b"status", b"diagnostic-code"})


class _Part(Enum):
    """Which part of the report a line belongs to."""

    OTHER = auto()
    STATUS = auto()
    RETURNED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report on a message of ours; texts as the reporting MTA wrote them."""

    token: Token
    failed: bool
    enhanced: str | None
    reporting_mta: str
    diagnostic: str


class ReportScan:
    """Collect what a report says, line by line; nothing else of it is kept."""

    def __init__(self) -> None:
        self._part = _Part.OTHER
        self._in_part_header = False
        self._fields: dict[bytes, bytes] = {}
        self._returned = HeaderScan()

    def take(self, line: bytes) -> None:
        """Read one line without its end."""
        if line.startswith(b"--"):
            self._part, self._in_part_header = _Part.OTHER, True
        elif self._in_part_header:
            self._read_part_header(line)
        elif self._part is _Part.STATUS:
            self._read_status(line)
        elif self._part is _Part.RETURNED:
            self._returned.take(line)

    def _read_part_header(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if not line:
            self._in_part_header = False
        elif name.strip().lower() == b"content-type":
            kind = value.partition(b";")[0].strip().lower()
            if kind == _STATUS_PART:
                self._part = _Part.STATUS
            elif kind in _RETURNED_PARTS:
                self._part = _Part.RETURNED

    def _read_status(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        if name in _WANTED:
            self._fields.setdefault(name, value.strip()[:_VALUE_LIMIT])

    def report(self, key: Secret) -> Report | None:
        """Return the report, None unless it is one on a message that we sent.

        Args:
            key: the signing key of the fleet.
        """
        token = recognise(self._returned, key)
        if token is None or not self._fields:
            return None
        return Report(
            token=token,
            failed=self._fields.get(b"action", b"").lower() == b"failed",
            enhanced=_enhanced(self._text(b"status")),
            reporting_mta=self._text(b"reporting-mta").rpartition(";")[2].strip(),
            diagnostic=self._text(b"diagnostic-code").partition(";")[2].strip(),
        )

    def _text(self, name: bytes) -> str:
        return self._fields.get(name, b"").decode("utf-8", "replace")


def _enhanced(status: str) -> str | None:
    found = _ENHANCED.match(status)
    return found[0] if found else None
