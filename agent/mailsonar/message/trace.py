"""Trace fields (RFC 5321 section 4.4): from the Received fields of a message to its hops.

Every server writes them in its own way, so each clause is taken if it is there. What is read goes to people only; no
word of it becomes the label of a metric.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from mailsonar.message.structured import Structured, structured
from mailsonar.model.provenance import Hop
from mailsonar.model.redaction import CUT

TEXT_LIMIT = 100
_PROTOCOL_WORDS = 4
_CLAUSES = frozenset({"from", "by", "via", "with", "tls", "id", "for"})

# The registered types say it in their last letters (RFC 3848, 6531); Microsoft, and others, in words or a version.
_WITH_TLS = re.compile(r"(?:UTF8)?(?:E?SMTP|LMTP|HTTP)SA?", re.ASCII | re.IGNORECASE)
_WITHOUT_TLS = re.compile(r"(?:UTF8)?(?:E?SMTP|LMTP|HTTP)A?|MICROSOFT", re.ASCII | re.IGNORECASE)
_TLS = re.compile(
    r"(?<![\w.-])(?:STARTTLS|(?<!not )encrypted|(?:TLS|SSL)(?:v?1?[._]?\d)?)(?![\w.-])", re.ASCII | re.IGNORECASE
)

_DATE = re.compile(
    r"(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d{1,2}):(\d{2})(?::(\d{2}))? ?([+-]\d{4}|[A-Z]{1,3}\b)", re.ASCII
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ZONES = {"Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6,
          "PST": -8, "PDT": -7}  # fmt: skip


def hops(fields: Sequence[bytes]) -> tuple[Hop, ...]:
    """Return the hops in the order in which the message took them.

    Args:
        fields: the values of its Received fields, unfolded, topmost first: each server adds its own on top.
    """
    found: list[Hop] = []
    before: float | None = None
    for field in reversed(fields):
        hop = _hop(structured(field))
        if hop.received_wall is not None:
            if before is not None:
                hop = replace(hop, seconds=hop.received_wall - before)
            before = hop.received_wall
        found.append(hop)
    return tuple(found)


def _hop(field: Structured) -> Hop:
    clauses = _clauses(" ".join(field.parts[:-1] or field.parts).split())
    protocol = " ".join(clauses.get("with", [])[:_PROTOCOL_WORDS])
    return Hop(
        from_host=_short(clauses.get("from", [])[:1]),
        by_host=_short(clauses.get("by", [])[:1]),
        protocol=_short([protocol]),
        tls=_tls(protocol, field),
        received_wall=_wall(field.parts[-1]),
    )


def _clauses(words: Iterable[str]) -> dict[str, list[str]]:
    """Return the words of each clause; the first of a name counts."""
    clauses: dict[str, list[str]] = {}
    current: list[str] = []
    for word in words:
        if word.lower() in _CLAUSES:
            current = []
            clauses.setdefault(word.lower(), current)
        else:
            current.append(word)
    return clauses


def _short(words: Sequence[str]) -> str:
    text = "".join(words)
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + CUT


def _tls(protocol: str, field: Structured) -> bool | None:
    """Tell whether the hop was taken over TLS, None where the field does not say."""
    kind = protocol.partition(" ")[0].partition("/")[0]
    if _WITH_TLS.fullmatch(kind) or _TLS.search(" ".join(field.parts)) or _TLS.search(field.comments):
        return True
    return False if _WITHOUT_TLS.fullmatch(kind) else None


def _wall(text: str) -> float | None:
    """Return the POSIX time of a date (RFC 5322 section 3.3), None where there is none, or no time zone that we know.

    A leap second is taken for the one before; what lies beyond the years that can be shown is no date.
    """
    found = _DATE.search(text)
    if found is None or found[2] not in _MONTHS or not 1970 < int(found[3]) < 9999:
        return None
    offset = _offset(found[7])
    if offset is None:
        return None
    day, year, hour, minute, second = (int(found[place] or 0) for place in (1, 3, 4, 5, 6))
    month = _MONTHS.index(found[2]) + 1
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone(offset))
    except ValueError:
        return None
    return moment.timestamp()


def _offset(zone: str) -> timedelta | None:
    if zone in _ZONES:
        return timedelta(hours=_ZONES[zone])
    if not zone[1:].isdigit():
        return None
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    if offset >= timedelta(days=1):
        return None
    return -offset if zone.startswith("-") else offset
