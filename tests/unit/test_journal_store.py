"""The journal's file: what is on record survives, is counted once, and never stops the agent."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.journal import ended_attempts

from mailsonar.journal.folder import JOURNAL_FILE, StateUnusable, lock_folder, open_store
from mailsonar.journal.reader import JournalUnreadable, Reader
from mailsonar.journal.records import BreakerRecord, Count, EndedRecord, OpenRecord
from mailsonar.journal.store import Store


def intent(token: str, route: str = "acme", started: float = 1.0) -> OpenRecord:
    """Return the record of an attempt that starts."""
    return OpenRecord(token_id=token, route=route, purpose="pop3 h:110 u", started_wall=started)


def ending(token: str, outcome: str = "on_time", route: str = "acme") -> EndedRecord:
    """Return the record of an attempt that ended."""
    return EndedRecord(
        token_id=token, route=route, started_wall=1.0, ended_wall=2.0, outcome=outcome, result='{"a": 1}'
    )


def test_what_was_found_survives(tmp_path: Path) -> None:
    """When a message was seen, or why it bounced, is on record with the attempt, and so is where it was to go."""
    store = open_store(tmp_path, "x")
    with store.transaction():
        store.intend(intent("a"))
        store.arrive("a", 5.0, 4.0)
        store.intend(intent("b"))
        store.bounce("b", '{"enhanced": "5.1.1"}')
    store.close()
    again = open_store(tmp_path, "x")
    assert again.open_attempts() == [
        replace(intent("a"), seen_wall=5.0, since_wall=4.0),
        replace(intent("b"), bounce='{"enhanced": "5.1.1"}'),
    ]
    again.close()


def test_breakers_survive(tmp_path: Path) -> None:
    """Which accounts are left alone is on record, each once, until it may be used again."""
    store = open_store(tmp_path, "x")
    one, other = (BreakerRecord(account=name, until_wall=1.0, digest="d", fault="{}") for name in ("one", "other"))
    with store.transaction():
        for record in (one, other, replace(one, until_wall=2.0)):
            store.open_breaker(record)
        store.close_breaker("other")
    store.close()
    again = open_store(tmp_path, "x")
    assert again.breakers() == [replace(one, until_wall=2.0)]
    again.close()


def test_what_was_committed_is_there_after_the_process(tmp_path: Path) -> None:
    """Intent, acceptance, outcome, counts and instance survive."""
    store = open_store(tmp_path, "first")
    with store.transaction():
        store.intend(intent("a"))
        store.intend(intent("b", started=2.0))
        store.accept("b", 3.0)
        store.end(ending("a"))
    store.close()
    again = open_store(tmp_path, "second")
    assert again.instance == "first"
    assert again.open_attempts() == [replace(intent("b", started=2.0), accepted_wall=3.0)]
    assert ended_attempts(again) == [ending("a")]
    assert set(again.counts()) == {
        Count(route="acme", what="started", times=2),
        Count(route="acme", what="on_time", times=1),
    }
    again.close()


def test_the_last_results_are_read_and_failures_before_them(tmp_path: Path) -> None:
    """Of thousands of results only the last few of a route are shown, and the last few failures before those."""
    store = open_store(tmp_path, "x")
    with store.transaction():
        for number in range(8):
            store.intend(intent(f"t{number}", started=float(number)))
            verdict = json.dumps({"success": number % 2 == 0})
            store.end(replace(ending(f"t{number}"), result=verdict))
        store.intend(intent("other", "contoso"))
        store.end(ending("other", route="contoso"))
        store.intend(intent("open", started=9.0))
    with Reader(tmp_path / JOURNAL_FILE).inquiry() as inquiry:
        assert [record.token_id for record in inquiry.last_ended("acme", 3, 2)] == ["t7", "t6", "t5", "t3", "t1"]
        assert [record.token_id for record in inquiry.last_ended("acme", 3, 1)] == ["t7", "t6", "t5", "t3"]
        outlines = [(one.token_id, one.success) for one in inquiry.outlines("acme", 2)]
        assert outlines == [("t7", False), ("t6", True)]
        assert list(inquiry.tokens("acme", 5.5)) == [("t6", 6.0), ("t7", 7.0)]
        assert inquiry.ended("open") is None
    store.prune(ended_before_wall=100.0, keep=3, keep_failures=1)
    kept = [record.token_id for record in ended_attempts(store)]
    assert kept == ["other", "t5", "t6", "t7"]  # one under way is one of the last three
    store.close()


@pytest.mark.parametrize("content", [None, b"", b"no database" * 1000])
def test_a_journal_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    """Whatever became of the file while the agent runs, whoever asks is told so, and nothing is made in its place."""
    file = tmp_path / JOURNAL_FILE
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(JournalUnreadable), Reader(file).inquiry() as inquiry:
        inquiry.last_ended("acme", 50, 20)
    assert (file.read_bytes() if file.exists() else None) == content


def test_what_was_said_is_kept_of_the_last_failures_of_each_route(tmp_path: Path) -> None:
    """A transcript stays with its attempt, as long as it is one of the last few, and goes with it."""
    store = open_store(tmp_path, "x")
    with store.transaction():
        for number, (name, route) in enumerate(zip("abcdef", ["acme"] * 5 + ["contoso"], strict=True)):
            store.intend(intent(name, route, started=float(number)))
            record = replace(ending(name, "lost", route), started_wall=float(number), transcript=f'["{name}"]')
            store.end(record)
            for _ in range(2):
                store.tell(record, keep=2)
    assert {record.token_id: record.transcript for record in ended_attempts(store)} == {
        **dict.fromkeys("abc", ""), "d": '["d"]', "e": '["e"]', "f": '["f"]',
    }  # fmt: skip
    store.prune(ended_before_wall=100.0, keep=1, keep_failures=0)
    assert [record.transcript for record in ended_attempts(store)] == ['["e"]', '["f"]']
    assert store._connection.execute("SELECT count(*) FROM transcripts").fetchone() == (2,)
    store.close()


def test_a_journal_from_before_transcripts_is_read(tmp_path: Path) -> None:
    """An older agent's journal is ours, and from then on holds transcripts, too."""
    store = open_store(tmp_path, "first")
    with store.transaction():
        store.intend(intent("a"))
        store.end(ending("a"))
        store._connection.execute("DROP TABLE transcripts")
    store.close()
    again = open_store(tmp_path, "second")
    assert (again.instance, ended_attempts(again)) == ("first", [ending("a")])
    with again.transaction():
        again.tell(replace(ending("a"), transcript="[]"), keep=1)
    assert ended_attempts(again) == [replace(ending("a"), transcript="[]")]
    again.close()


def test_journal_that_lacks_a_table_is_set_aside(tmp_path: Path) -> None:
    """What another program, or a later version, left out must not end the agent at every start."""
    store = open_store(tmp_path, "x")
    store._connection.execute("DROP TABLE breakers")
    store.close()
    again = open_store(tmp_path, "y")
    assert again.breakers() == []
    assert again.instance == "y"
    assert len(list(tmp_path.glob(f"{JOURNAL_FILE}.*"))) >= 1
    again.close()


def test_a_transaction_that_fails_changes_nothing(tmp_path: Path) -> None:
    """Records and counts change together or not at all."""
    store = open_store(tmp_path, "x")
    with pytest.raises(sqlite3.OperationalError), store.transaction():
        _intend_and_fail(store)
    assert (store.open_attempts(), store.counts()) == ([], [])
    store.close()


def _intend_and_fail(store: Store) -> None:
    store.intend(intent("a"))
    raise sqlite3.OperationalError


@given(st.lists(st.tuples(st.sampled_from(["intend", "accept", "end"]), st.sampled_from("abc")), max_size=40))
def test_changes_made_twice_count_once(changes: list[tuple[str, str]]) -> None:
    """Whatever is repeated, in whatever order: started = ended + open."""
    store = Store(Path(":memory:"), "x")
    for what, token in changes:
        if what == "intend":
            store.intend(intent(token))
        elif what == "accept":
            store.accept(token, 2.0)
        else:
            store.end(ending(token))
    counts = {count.what: count.times for count in store.counts()}
    assert counts.get("started", 0) == counts.get("on_time", 0) + len(store.open_attempts())
    assert len(ended_attempts(store)) == counts.get("on_time", 0)
    store.close()


def test_pruning_keeps_the_open_the_young_and_the_last_few(tmp_path: Path) -> None:
    """The journal does not grow for ever, and forgets nothing that is still needed."""
    store = open_store(tmp_path, "x")
    with store.transaction():
        for number in range(10):
            store.intend(intent(f"t{number}", started=float(number)))
            if number:
                store.end(ending(f"t{number}"))
    store.prune(ended_before_wall=100.0, keep=3, keep_failures=0)
    assert [record.token_id for record in ended_attempts(store)] == ["t7", "t8", "t9"]
    assert [record.token_id for record in store.open_attempts()] == ["t0"]
    store.prune(ended_before_wall=1.0, keep=0, keep_failures=0)
    assert len(ended_attempts(store)) == 3
    store.close()


def _other_version(file: Path) -> None:
    Store(file, "x").close()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()


def _foreign(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()


def _nameless(file: Path) -> None:
    Store(file, "x").close()
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM identity")
    connection.close()


def _without_a_table(file: Path) -> None:
    Store(file, "x").close()
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TABLE identity")
    connection.close()


def _torn(file: Path) -> None:
    store = Store(file, "x")
    with store.transaction():
        for number in range(2000):
            store.intend(intent(f"token-{number}"))
    store.close()
    content = bytearray(file.read_bytes())
    content[4096:12288] = os.urandom(8192)
    file.write_bytes(content)


def _garbage(file: Path) -> None:
    file.write_bytes(b"no database" * 1000)


def _link(file: Path) -> None:
    elsewhere = file.with_name("elsewhere")
    elsewhere.write_bytes(b"precious")
    file.symlink_to(elsewhere)


@pytest.mark.parametrize("spoil", [_other_version, _foreign, _nameless, _without_a_table, _torn, _garbage, _link])
def test_a_file_that_is_no_journal_is_set_aside_and_named(
    spoil, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The agent starts, what was there is kept, and the log says where."""
    spoil(tmp_path / JOURNAL_FILE)
    store = open_store(tmp_path, "fresh")
    assert store.instance == "fresh"
    store.close()
    aside = [file for file in tmp_path.iterdir() if file.name.startswith(f"{JOURNAL_FILE}.")]
    assert aside
    assert any(file.name in caplog.text for file in aside)
    if spoil is _link:
        assert (tmp_path / "elsewhere").read_bytes() == b"precious"


def test_the_journal_is_for_its_owner_only(tmp_path: Path) -> None:
    """Nobody else on the machine reads who mails whom."""
    open_store(tmp_path, "x").close()
    assert (tmp_path / JOURNAL_FILE).stat().st_mode & 0o777 == 0o600


def test_a_second_agent_does_not_get_the_folder(tmp_path: Path) -> None:
    """Two agents on one journal would undo each other's records."""
    lock = lock_folder(tmp_path / "state")
    with pytest.raises(StateUnusable, match="another agent uses this state directory"):
        lock_folder(tmp_path / "state")
    os.close(lock)
    os.close(lock_folder(tmp_path / "state"))


def test_a_folder_that_is_a_file_is_a_clear_line(tmp_path: Path) -> None:
    """A mistake in --storage.path is told in one line."""
    (tmp_path / "state").write_text("")
    with pytest.raises(StateUnusable, match="the state directory cannot be used"):
        lock_folder(tmp_path / "state")


def test_a_journal_that_another_program_holds_is_a_clear_line(tmp_path: Path) -> None:
    """Not even then is there a traceback."""
    open_store(tmp_path, "x").close()
    holder = sqlite3.connect(tmp_path / JOURNAL_FILE, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StateUnusable, match="the journal cannot be opened"):
        open_store(tmp_path, "x")
    holder.close()
