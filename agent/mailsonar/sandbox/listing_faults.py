"""The named faults of a POP3 listing: rows that are wrong, too many, or without end (RFC 1939 sections 5 and 7)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count, repeat

from mailsonar.sandbox.faults import ServerFault

_NONSENSE = (
    "0 zero",
    "-1 negative",
    "99999999999999999999 1",
    "1",
    "one 1",
    "",
    " 1 1",
    "\u0661 \u0661",
    "1 " + "x" * 2000,
    "2147483648 -5",
    "../../etc/passwd 1",
)


def _with_nonsense(rows: Iterator[str]) -> Iterator[str]:
    return chain(_NONSENSE, rows, _NONSENSE)


def _twice(rows: Iterator[str]) -> Iterator[str]:
    return (row for row in rows for _ in range(2))


def _empty(_rows: Iterator[str]) -> Iterator[str]:
    return iter(())


NONSENSE_ROWS = ServerFault(name="adds rows that make no sense", rows=_with_nonsense)
ONLY_NONSENSE = ServerFault(name="lists nothing that makes sense", rows=lambda _rows: iter(("0 zero", "-1 negative")))
ROWS_TWICE = ServerFault(name="lists each message twice", rows=_twice)
NO_ROWS = ServerFault(name="lists nothing", rows=_empty)
ROWS_WITHOUT_END = ServerFault(name="lists without end", rows=lambda _rows: (f"{n} {n:01000}" for n in count(1)))
NONSENSE_WITHOUT_END = ServerFault(name="lists nonsense without end", rows=lambda _rows: repeat("0 " + "x" * 1000))
EVIL_UNIQUE_ID = ServerFault(
    name="shows unique-ids that are traps", unique_id="../../<script>\"'%s{0}\x1b[2J\u202e\u2028" + "x" * 500
)
