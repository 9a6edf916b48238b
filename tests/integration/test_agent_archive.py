"""What only the journal has: it is known to the next process, and no trouble with it is a trouble of the pages."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.journal import JournalAgent
from tests.support.observed import HandClock, all_stages, failed, make_attempt, make_route, on_time, told, transcript
from tests.support.site import browsing, text_of

from mailsonar.app import archive as archives
from mailsonar.app.archive import Archive
from mailsonar.app.state import opened_state
from mailsonar.journal import reader as readers
from mailsonar.journal.folder import JOURNAL_FILE
from mailsonar.journal.reader import Inquiry, Reader
from mailsonar.model.result import Outcome, Result
from mailsonar.observe.history import History
from mailsonar.observe.route_history import KEPT_TRANSCRIPTS
from mailsonar.observe.route_view import KEPT_FAILURES, KEPT_RESULTS
from mailsonar.probe.known import Known, Sighting
from mailsonar.probe.ledger import Intent
from mailsonar.probe.pending import PendingTable, Recognition

ROUTE = make_route()
RESULTS = "/api/v1/routes/acme-internal/results"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[JournalAgent]:
    """Give an agent with one route and a journal."""
    agent = JournalAgent.on(tmp_path)
    agent.configure(ROUTE)
    yield agent
    agent.close()


def run_many(agent: JournalAgent, count: int) -> list[Result]:
    """Let attempts run, one a minute, every third a failure."""
    results = []
    for number in range(count):
        agent.clock.now = 60.0 * number
        attempt, said = make_attempt(ROUTE, agent.clock.now), (transcript(f"220 <{number}>"),)
        good, bad = on_time(attempt, stages=all_stages()), failed(attempt, Outcome.LOST, transcripts=said)
        results.append(good if number % 3 else bad)
        agent.run(results[-1])
    return results


async def test_a_later_process_tells_what_was_said(tmp_path: Path) -> None:
    """The last failures of a route keep their transcripts across a restart; a success never had one."""
    clock = HandClock()
    results = [
        failed(make_attempt(ROUTE, float(number)), Outcome.LOST, transcripts=(transcript(f"220 <{number}>"),))
        for number in range(KEPT_TRANSCRIPTS + 3)
    ]
    results.append(on_time(make_attempt(ROUTE, 100.0)))
    async with opened_state(tmp_path, clock, lambda: None) as state:
        assert state.ledger
        for result in results:
            attempt = result.attempt
            await state.ledger.intend(
                Intent(token_id=attempt.token_id, route=ROUTE.name, purpose="", started_wall=attempt.started_wall)
            )
            await state.ledger.end(result)
    async with opened_state(tmp_path, clock, lambda: None) as state:
        assert state.archive
        found = await state.archive.results(ROUTE)
    assert found is not None
    expected = [(), (), ()] + [one.transcripts for one in results[3:]]
    assert [one.transcripts for one in found] == expected[::-1]


async def test_the_journal_serves_what_memory_would(agent: JournalAgent) -> None:
    """Where only the newest result is in memory, page and API tell as much as if all were, in the same order."""
    whole, kept = History(), agent.history
    whole.set_routes([ROUTE])
    for result in run_many(agent, 100):
        whole.attempt_started(result.attempt)
        whole.attempt_ended(result)
    waiting = make_attempt(ROUTE, 6000.0)
    for history in (whole, kept):
        history.attempt_started(waiting)
    assert len(kept.routes()[0].results) == 2
    answers = []
    for history in (whole, kept):
        agent.history = history
        async with browsing(agent.site(lifecycle=False)) as client:
            assert (await client.get(RESULTS)).headers["MailSonar-Complete"] == "true"
            answers.append(
                (
                    await (await client.get(RESULTS)).json(),
                    await text_of(client, "/routes/acme-internal"),
                    await text_of(client, "/routes/acme-internal?attempt=token-3420"),
                    await text_of(client, "/"),
                )
            )
    in_memory, in_journal = answers
    assert in_journal == in_memory
    assert KEPT_RESULTS < len(in_memory[0]) <= KEPT_RESULTS + KEPT_FAILURES


async def test_a_restart_recalls_the_past(agent: JournalAgent, tmp_path: Path) -> None:
    """A later process shows at once how each route stood, and draws its past; what has come since then stays."""
    run_many(agent, 70)
    agent.clock.now = 4200.0
    agent.run(on_time(make_attempt(ROUTE, 4200.0), 3.0, provenance=told()))
    before = agent.history.routes()[0]
    later = History(in_journal=True)
    later.set_routes([ROUTE])
    waiting = make_attempt(ROUTE, 4260.0)
    later.attempt_started(waiting)
    archive = Archive(Reader(tmp_path / JOURNAL_FILE), agent.clock)
    await archive.recall([ROUTE], later.recall)
    view = later.routes()[0]
    assert [one.attempt.token_id for one in view.results] == [waiting.token_id, "token-4200"]
    assert view.latest
    assert view.latest.provenance == told()
    for kind in ("latest", "seen", "failure", "last_success"):
        now, then = getattr(view, kind), getattr(before, kind)
        assert (now.attempt.token_id, now.fault, now.round_trip_seconds) == (
            then.attempt.token_id, then.fault, then.round_trip_seconds,
        )  # fmt: skip
    assert [(one.started_wall, one.success) for one in view.trend.points()] == [
        (one.started_wall, one.success) for one in before.trend.points()
    ]


async def test_messages_of_the_past_are_known(agent: JournalAgent, tmp_path: Path) -> None:
    """A message of an attempt that an earlier process ended is ours, and no arrival; one from long ago is nobody's."""
    run_many(agent, 200)
    found = await Archive(Reader(tmp_path / JOURNAL_FILE), agent.clock).remembered([ROUTE])
    table, known = PendingTable(), Known()
    table.remember(found["acme-in"])
    last, first = make_attempt(ROUTE, 60.0 * 199), make_attempt(ROUTE, 0.0)
    known.take_in([7, 8], seen=1.0, asked=1.0)
    recognition, attempt = table.recognise(last.token_id, Sighting(7, 1.0, None), known)
    assert (recognition, attempt) == (Recognition.SEEN_BEFORE, last)
    assert table.recognise(last.token_id, Sighting(8, 1.0, None), known)[0] is Recognition.DUPLICATE
    assert table.recognise(first.token_id, Sighting(8, 1.0, None), known)[0] is Recognition.NOT_OURS


@contextmanager
def gone(file: Path) -> Iterator[None]:
    """Let the file be gone."""
    file.rename(file.with_suffix(".away"))
    yield
    file.with_suffix(".away").rename(file)


@contextmanager
def broken(file: Path) -> Iterator[None]:
    """Let the file hold something else."""
    content = file.read_bytes()
    file.write_bytes(b"no database" * 1000)
    yield
    file.write_bytes(content)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Let someone hold the file so that nobody can read it."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("BEGIN EXCLUSIVE")
    yield
    connection.close()


@pytest.mark.parametrize("trouble", [gone, broken, locked])
async def test_a_journal_in_trouble(
    agent: JournalAgent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, trouble
) -> None:
    """Pages show what is in memory and say what is missing, and the log tells why, once; then all is there again."""
    monkeypatch.setattr(readers, "PATIENCE_SECONDS", 0.05)
    run_many(agent, 10)
    agent.store.close()
    sqlite3.connect(agent.file).execute("PRAGMA journal_mode=DELETE").connection.close()
    async with browsing(agent.site(lifecycle=False)) as client:
        with trouble(agent.file):
            for _ in range(2):
                answer = await client.get(RESULTS)
                assert (answer.status, answer.headers["MailSonar-Complete"]) == (200, "false")
                assert [one["token"] for one in await answer.json()] == ["token-540"]
                assert "The journal cannot be read just now" in await text_of(client, "/routes/acme-internal")
        assert [record.message.partition(",")[0] for record in caplog.records if "journal" in record.message] == [
            "pages lack what the journal has"
        ]
        assert len(await (await client.get(RESULTS)).json()) == 10
        assert "cannot be read" not in await text_of(client, "/routes/acme-internal")


async def test_a_disk_that_hangs(agent: JournalAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask, few threads wait for the disk, everyone gets an answer, and nothing is read on the loop."""
    monkeypatch.setattr(archives, "PATIENCE_SECONDS", 0.1)
    run_many(agent, 3)
    hangs, asked, ask = threading.Event(), [], Inquiry.last_ended

    def hang(inquiry: Inquiry, *question: object) -> object:
        asked.append(threading.current_thread())
        hangs.wait()
        return ask(inquiry, *question)

    monkeypatch.setattr(Inquiry, "last_ended", hang)
    async with browsing(agent.site(lifecycle=False)) as client:
        answers = await asyncio.gather(*(client.get(RESULTS) for _ in range(10)))
        assert {answer.headers["MailSonar-Complete"] for answer in answers} == {"false"}
        assert len(asked) == archives.MOST_READERS
        assert threading.main_thread() not in asked
        hangs.set()
        monkeypatch.setattr(archives, "PATIENCE_SECONDS", 3.0)
        assert (await client.get(RESULTS)).headers["MailSonar-Complete"] == "true"
