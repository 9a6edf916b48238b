"""Questions to the journal beside the thread that writes it: each over a connection of its own, which cannot write.

In WAL mode nobody waits for anybody. Every call may take as long as the disk does: none belongs on the event loop.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mailsonar.journal.records import EndedRecord, Outline

PATIENCE_SECONDS = 1.0
_ENDED = """
SELECT token, attempts.route, attempts.started, ended, outcome, result, coalesce(transcript, '')
FROM attempts LEFT JOIN transcripts USING (token)
"""
_RECENT = f"{_ENDED} WHERE attempts.route = ? AND outcome IS NOT NULL ORDER BY attempts.started DESC LIMIT ?"
_FAILURES = f"""{_ENDED} WHERE attempts.route = ? AND attempts.started < ? AND instr(result, '"success": false') > 0
ORDER BY attempts.started DESC LIMIT ?"""
_BY_TOKEN = f"{_ENDED} WHERE token = ? AND outcome IS NOT NULL"
_OUTLINES = """
SELECT token, started, seen, CASE WHEN instr(result, '"success": true') > 0 THEN 1
WHEN instr(result, '"success": false') > 0 THEN 0 END
FROM attempts WHERE route = ? AND outcome IS NOT NULL ORDER BY started DESC LIMIT ?
"""
_TOKENS = "SELECT token, started FROM attempts WHERE route = ? AND started > ? AND outcome IS NOT NULL ORDER BY started"


class JournalUnreadable(Exception):
    """The journal cannot be read just now; the message says why."""


class Inquiry:
    """What can be asked over one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._ask = connection.execute

    def last_ended(self, route: str, recent: int, failures: int) -> list[EndedRecord]:
        """Return the last attempts of a route with their outcome, the newest first.

        Args:
            route: whose.
            recent: how many at most, whatever became of them.
            failures: how many failures at most that are older than those.
        """
        found = _records(self._ask(_RECENT, (route, recent)))
        if len(found) == recent:
            found += _records(self._ask(_FAILURES, (route, found[-1].started_wall, failures)))
        return found

    def ended(self, token_id: str) -> EndedRecord | None:
        """Return an attempt that has an outcome."""
        return next(iter(_records(self._ask(_BY_TOKEN, (token_id,)))), None)

    def outlines(self, route: str, count: int) -> list[Outline]:
        """Return the bare facts of the last attempts of a route that have an outcome, the newest first."""
        return [
            Outline(token_id=token, started_wall=started, seen_wall=seen, success=None if good is None else bool(good))
            for token, started, seen, good in self._ask(_OUTLINES, (route, count))
        ]

    def tokens(self, route: str, since_wall: float) -> Iterator[tuple[str, float]]:
        """Yield token and start of each attempt that started after an instant and has an outcome, the oldest first."""
        yield from self._ask(_TOKENS, (route, since_wall))


class Reader:
    """Opens the journal for questions."""

    def __init__(self, file: Path) -> None:
        self._address = f"{file.absolute().as_uri()}?mode=ro"

    @contextmanager
    def inquiry(self) -> Iterator[Inquiry]:
        """Provide a connection.

        Raises:
            JournalUnreadable: the file is gone, locked or broken, from the start or in the middle.
        """
        try:
            with closing(sqlite3.connect(self._address, uri=True, timeout=PATIENCE_SECONDS)) as connection:
                yield Inquiry(connection)
        except sqlite3.Error as error:
            raise JournalUnreadable(str(error)) from error


def _records(rows: sqlite3.Cursor) -> list[EndedRecord]:
    return [
        EndedRecord(token_id=t, route=r, started_wall=s, ended_wall=e, outcome=o, result=j or "", transcript=c)
        for t, r, s, e, o, j, c in rows
    ]
