"""The journal's thread: commits in groups, tells when a change is durable, and survives a full disk."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from mailsonar.journal.folder import open_store
from mailsonar.journal.records import OpenRecord
from mailsonar.journal.store import Store
from mailsonar.journal.writer import Writer


def intent(token: str) -> OpenRecord:
    """Return the record of an attempt that starts."""
    return OpenRecord(token_id=token, route="acme", purpose="pop3 h:110 u", started_wall=1.0)


async def test_what_was_waited_for_is_durable(tmp_path: Path) -> None:
    """When `write` returns, another connection sees the change."""
    writer = Writer(open_store(tmp_path, "x"), lambda: None)
    await asyncio.gather(*(writer.write(lambda store, n=n: store.intend(intent(f"t{n}"))) for n in range(300)))
    other = sqlite3.connect(tmp_path / "journal.sqlite3")
    assert other.execute("SELECT count(*) FROM attempts").fetchone() == (300,)
    other.close()
    writer.close(5)


async def test_closing_writes_what_was_ordered(tmp_path: Path) -> None:
    """A clean end loses nothing."""
    writer = Writer(open_store(tmp_path, "x"), lambda: None)
    for number in range(50):
        writer.order(lambda store, n=number: store.intend(intent(f"t{n}")))
    writer.close(5)
    store = open_store(tmp_path, "y")
    assert len(store.open_attempts()) == 50
    store.close()


async def test_full_disk_stops_nothing_and_heals(tmp_path: Path) -> None:
    """Those who wait go on, each failed commit is told, and nothing is lost once there is room again."""
    failures: list[str] = []
    room: asyncio.Event = asyncio.Event()
    loop = asyncio.get_running_loop()
    store = open_store(tmp_path, "x")
    store._connection.execute("PRAGMA max_page_count=1")  # SQLite answers as on a full disk

    def failed() -> None:
        failures.append("failed")
        loop.call_soon_threadsafe(room.set)

    writer = Writer(store, failed)
    big = "x" * 200_000
    await asyncio.wait_for(writer.write(lambda store: store.intend(intent(big))), 5)
    await asyncio.wait_for(room.wait(), 5)
    assert failures
    writer.order(lambda store: store._connection.execute("PRAGMA max_page_count=100000"))
    store._connection.execute("PRAGMA max_page_count=100000")
    await asyncio.wait_for(writer.write(lambda store: store.intend(intent("after"))), 5)
    writer.close(5)
    again = open_store(tmp_path, "y")
    assert {record.token_id for record in again.open_attempts()} == {big, "after"}
    again.close()


async def test_a_broken_change_does_not_end_the_thread(tmp_path: Path) -> None:
    """An error of SQLite in one commit is told; the next commit is tried all the same."""
    failures: list[str] = []
    writer = Writer(open_store(tmp_path, "x"), lambda: failures.append("failed"))
    calls: list[int] = []

    def fail_once(store: Store) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise sqlite3.OperationalError("disk I/O error")
        store.intend(intent("a"))

    await asyncio.wait_for(writer.write(fail_once), 5)
    await asyncio.wait_for(writer.write(lambda store: store.intend(intent("b"))), 5)
    writer.close(5)
    assert failures == ["failed"]
    store = open_store(tmp_path, "y")
    assert {record.token_id for record in store.open_attempts()} == {"a", "b"}
    store.close()


async def test_a_bug_in_one_change_costs_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A change that raises something of ours is dropped and told; what was ordered beside it is on record."""
    failures: list[str] = []
    writer = Writer(open_store(tmp_path, "x"), lambda: failures.append("failed"))
    busy = threading.Event()
    writer.order(lambda _: busy.wait(10) and None)

    def bug(_store: Store) -> None:
        raise KeyError("bug")

    writer.order(lambda store: store.intend(intent("before")))
    writer.order(bug)
    writer.order(lambda store: store.intend(intent("after")))
    busy.set()
    writer.close(5)
    assert failures == ["failed"]
    assert "dropped by our own fault" in caplog.text
    store = open_store(tmp_path, "y")
    assert {record.token_id for record in store.open_attempts()} == {"before", "after"}
    store.close()


async def test_disk_that_hangs_holds_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that never ends is told as a failure, and whoever waited goes on."""
    monkeypatch.setattr("mailsonar.journal.writer.PATIENCE_SECONDS", 0.05)
    failures: list[str] = []
    healed = threading.Event()
    writer = Writer(open_store(tmp_path, "x"), lambda: failures.append("failed"))
    await asyncio.wait_for(writer.write(lambda _: healed.wait(10) and None), 5)
    assert failures == ["failed"]
    healed.set()
    writer.close(5)


async def test_what_nobody_waits_for_shares_a_commit(tmp_path: Path) -> None:
    """A change that nobody waits for goes with the next that somebody does; alone it is durable soon all the same."""
    store, statements = open_store(tmp_path, "x"), []
    store._connection.set_trace_callback(statements.append)
    writer = Writer(store, lambda: None)
    writer.order(lambda store: store.intend(intent("a")))
    await asyncio.wait_for(writer.write(lambda store: store.intend(intent("b"))), 5)
    assert statements.count("COMMIT") == 1
    alone = threading.Event()
    writer.order(lambda store: store.intend(intent("c")))
    store._connection.set_trace_callback(lambda statement: statement == "COMMIT" and alone.set())
    assert await asyncio.to_thread(alone.wait, 5)
    writer.close(5)
