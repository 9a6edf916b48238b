"""The journal's file: SQLite in WAL mode, each commit synced to the disk (`synchronous=FULL`).

An attempt is counted in the same transaction that records it, so counts and records never disagree. Every change can be
made twice without harm: a batch that failed is simply tried again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailsonar.journal.records import BreakerRecord, Count, EndedRecord, OpenRecord

APPLICATION_ID = 0x4D534E52
VERSION = 2

_SCHEMA = """
CREATE TABLE identity (instance TEXT NOT NULL);
CREATE TABLE attempts (
    token TEXT PRIMARY KEY, route TEXT NOT NULL, purpose TEXT NOT NULL, started REAL NOT NULL,
    accepted REAL, seen REAL, since REAL, bounce TEXT, ended REAL, outcome TEXT, result TEXT
) WITHOUT ROWID;
CREATE INDEX attempts_by_route ON attempts (route, started);
CREATE TABLE counts (
    route TEXT NOT NULL, what TEXT NOT NULL, times INTEGER NOT NULL, PRIMARY KEY (route, what)
) WITHOUT ROWID;
CREATE TABLE breakers (
    account TEXT PRIMARY KEY, until REAL NOT NULL, digest TEXT NOT NULL, fault TEXT NOT NULL
) WITHOUT ROWID;
"""
# Later than the others: a journal of the same version may be without it, and one with it serves older programs.
_TRANSCRIPTS = (
    """CREATE TABLE IF NOT EXISTS transcripts (
    token TEXT PRIMARY KEY, route TEXT NOT NULL, started REAL NOT NULL, transcript TEXT NOT NULL
) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS transcripts_by_route ON transcripts (route, started)",
)
_TABLES = frozenset({"identity", "attempts", "counts", "breakers"})
_COUNT = "INSERT INTO counts VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET times = times + 1"

_PRUNE = """
WITH old AS (
    SELECT token, route, started, result FROM attempts JOIN (
        SELECT token, row_number() OVER (PARTITION BY route ORDER BY started DESC) AS place FROM attempts
    ) USING (token) WHERE place > ? AND ended < ?
)
DELETE FROM attempts WHERE token IN (SELECT token FROM old) AND token NOT IN (
    SELECT token FROM (
        SELECT token, row_number() OVER (PARTITION BY route ORDER BY started DESC) AS place FROM old
        WHERE instr(result, '"success": false') > 0
    ) WHERE place <= ?
)
"""


class NotOurJournal(Exception):
    """The file is no journal of this version; the message says what it is."""


class Store:
    """One open file; all calls come from one thread.

    Args:
        file: is made where it is missing.
        instance: the agent's instance, for a new file; an old one keeps its own.

    Raises:
        NotOurJournal: the file is damaged, foreign, or of another version.
        OSError, sqlite3.Error: the file cannot be used.
    """

    def __init__(self, file: Path, instance: str) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=1.0)
        try:
            self._prepare(instance)
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, instance: str) -> None:
        try:
            application, version = (self._pragma("application_id"), self._pragma("user_version"))
            is_new = not self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if not is_new and application != APPLICATION_ID:
                raise NotOurJournal("it is no journal of MailSonar")
            if not is_new and version != VERSION:
                raise NotOurJournal(f"it is a journal of version {version}, and this program reads version {VERSION}")
            tables = {
                name for (name,) in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            if not is_new and not tables >= _TABLES:
                raise NotOurJournal("it is damaged: it lacks a table")
            if (verdict := self._connection.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
                raise NotOurJournal(f"it is damaged: {verdict}")
            self._connection.execute("PRAGMA journal_mode=WAL")  # changes the file: so not before it is known as ours
            self._connection.execute("PRAGMA synchronous=FULL")
            if is_new:
                self._create(instance)
            for statement in _TRANSCRIPTS:
                self._connection.execute(statement)
            self.instance = self._read_instance()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "no such" not in str(error):
                raise
            raise NotOurJournal(f"it is damaged: {error}") from error

    def _read_instance(self) -> str:
        found = self._connection.execute("SELECT instance FROM identity").fetchone()
        if found is None:
            raise NotOurJournal("it is damaged: it names no instance")
        return str(found[0])

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def _create(self, instance: str) -> None:
        with self.transaction():
            for statement in _SCHEMA.split(";\n"):
                self._connection.execute(statement)
            self._connection.execute("INSERT INTO identity VALUES (?)", (instance,))
            self._connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            self._connection.execute(f"PRAGMA user_version={VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes within durable together, or none of them.

        Raises:
            sqlite3.Error: the disk is full or broken; nothing was changed.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def intend(self, record: OpenRecord) -> None:
        """Record that an attempt starts, and count it."""
        made = self._connection.execute(
            "INSERT OR IGNORE INTO attempts (token, route, purpose, started) VALUES (?, ?, ?, ?)",
            (record.token_id, record.route, record.purpose, record.started_wall),
        )
        if made.rowcount:
            self._connection.execute(_COUNT, (record.route, "started"))

    def accept(self, token_id: str, accepted_wall: float) -> None:
        """Record that an attempt's message was accepted."""
        self._connection.execute("UPDATE attempts SET accepted = ? WHERE token = ?", (accepted_wall, token_id))

    def arrive(self, token_id: str, seen_wall: float, since_wall: float) -> None:
        """Record when an attempt's message was seen, and when it is known not to have been there."""
        self._connection.execute(
            "UPDATE attempts SET seen = ?, since = ? WHERE token = ?", (seen_wall, since_wall, token_id)
        )

    def bounce(self, token_id: str, bounce: str) -> None:
        """Record that a report says why an attempt's message was not delivered."""
        self._connection.execute("UPDATE attempts SET bounce = ? WHERE token = ?", (bounce, token_id))

    def end(self, record: EndedRecord) -> None:
        """Record an attempt's outcome, and count it."""
        made = self._connection.execute(
            "UPDATE attempts SET ended = ?, outcome = ?, result = ? WHERE token = ? AND outcome IS NULL",
            (record.ended_wall, record.outcome, record.result, record.token_id),
        )
        if made.rowcount:
            self._connection.execute(_COUNT, (record.route, record.outcome))

    def tell(self, record: EndedRecord, keep: int) -> None:
        """Record what was said on an attempt that failed, and forget that of the route's failures before the last few.

        Args:
            record: whose transcript it is.
            keep: how many each route keeps.
        """
        self._connection.execute(
            "INSERT OR REPLACE INTO transcripts VALUES (?, ?, ?, ?)",
            (record.token_id, record.route, record.started_wall, record.transcript),
        )
        self._connection.execute(
            "DELETE FROM transcripts WHERE token IN "
            "(SELECT token FROM transcripts WHERE route = ? ORDER BY started DESC LIMIT -1 OFFSET ?)",
            (record.route, keep),
        )

    def prune(self, ended_before_wall: float, keep: int, keep_failures: int) -> None:
        """Forget ended attempts from before an instant, but keep the last few of each route.

        Args:
            ended_before_wall: the instant, in POSIX seconds.
            keep: how many each route keeps, whatever became of them.
            keep_failures: how many failures each route keeps beyond those.
        """
        self._connection.execute(_PRUNE, (keep, ended_before_wall, keep_failures))
        self._connection.execute("DELETE FROM transcripts WHERE token NOT IN (SELECT token FROM attempts)")

    def open_attempts(self) -> list[OpenRecord]:
        """Return the attempts without an outcome, the oldest first."""
        rows = self._connection.execute(
            "SELECT token, route, purpose, started, accepted, seen, since, bounce FROM attempts "
            "WHERE outcome IS NULL ORDER BY started"
        )
        return [
            OpenRecord(
                token_id=t,
                route=r,
                purpose=d,
                started_wall=s,
                accepted_wall=a,
                seen_wall=e,
                since_wall=n,
                bounce=b,
            )
            for t, r, d, s, a, e, n, b in rows
        ]

    def open_breaker(self, record: BreakerRecord) -> None:
        """Record that an account is left alone."""
        self._connection.execute(
            "INSERT OR REPLACE INTO breakers VALUES (?, ?, ?, ?)",
            (record.account, record.until_wall, record.digest, record.fault),
        )

    def close_breaker(self, account: str) -> None:
        """Record that an account may be used again."""
        self._connection.execute("DELETE FROM breakers WHERE account = ?", (account,))

    def breakers(self) -> list[BreakerRecord]:
        """Return the accounts that are left alone."""
        rows = self._connection.execute("SELECT account, until, digest, fault FROM breakers")
        return [BreakerRecord(account=a, until_wall=u, digest=d, fault=f) for a, u, d, f in rows]

    def counts(self) -> list[Count]:
        """Return all counts."""
        rows = self._connection.execute("SELECT route, what, times FROM counts")
        return [Count(route=route, what=what, times=times) for route, what, times in rows]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
