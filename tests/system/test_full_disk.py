"""A state directory that cannot be used as it should: a full disk, and what is no journal of this program."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.support.agent_process import AgentProcess
from tests.support.busy_sandbox import BusySandbox, busy_sandbox
from tests.support.command_line import assert_no_bug_shows
from tests.support.scrape import Scrape
from tests.support.tallies import assert_all_accounted_for, assert_nothing_taken_back, tallies

from mailsonar.journal.folder import JOURNAL_FILE

pytestmark = pytest.mark.takes_seconds(35)

ROUTES = {f"route{number}": number for number in range(4)}
DISK_BYTES = 1 << 20
BLOCK = b"\0" * 4096


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with little room."""
    folder = tmp_path / "state"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Take what room there is, and return the file that took it."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(BLOCK)
    assert shutil.disk_usage(folder).free == 0
    return ballast


@asynccontextmanager
async def probing(folder: Path, state: Path) -> AsyncIterator[tuple[AgentProcess, BusySandbox]]:
    """Provide an agent that keeps its state there and has ended attempts on each route."""
    config_file = folder / "mailsonar.yml"
    async with busy_sandbox(len(ROUTES), folder, seed=3) as sandbox:
        config_file.write_text(sandbox.config(ROUTES, interval="1s", deadline="4s", give_up="8s"))
        arguments = ["--storage.path", state, "--web.enable-lifecycle"]
        async with AgentProcess(config_file, folder, arguments) as agent:
            await agent.until(lambda scrape: has_ended(scrape, 1), 20, "attempts to end")
            yield agent, sandbox


def has_ended(scrape: Scrape, times: int) -> bool:
    """Tell whether so many attempts ended on each route."""
    now = tallies(scrape)
    return now.keys() == ROUTES.keys() and all(tally.outcomes.total() >= times for tally in now.values())


def failures(scrape: Scrape) -> float:
    """Return how many writes of the journal failed."""
    return scrape.value("mailsonar_journal_write_failures_total") or 0.0


async def test_full_disk_stops_nothing(tmp_path: Path, disk: Path) -> None:
    """Probing goes on, a metric says what fails, no verdict is lost; with room again all of it is on record."""
    async with probing(tmp_path, disk) as (agent, _):
        ballast = fill(disk)
        full = await agent.until(lambda scrape: failures(scrape) > 0, 20, "a write to fail")
        more = max(tally.outcomes.total() for tally in tallies(full).values()) + 3
        on = await agent.until(lambda scrape: has_ended(scrape, more), 30, "attempts on a full disk to end")
        assert_nothing_taken_back(tallies(full), tallies(on))
        assert_all_accounted_for(tallies(on))
        assert failures(on) > failures(full)
        assert all(on.value("mailsonar_probe_success", route=route) is not None for route in ROUTES)
        assert (await agent.get("/-/ready"))[0] == 200
        assert "the journal cannot be written, probing goes on without it" in agent.stderr
        ballast.unlink()
        healed = await agent.until(lambda _: "the journal can be written again" in agent.stderr, 20, "the disk to heal")
        await agent.kill()
        await agent.start()
        again = tallies(await agent.metrics())
        assert_nothing_taken_back(tallies(healed), again)
        assert_all_accounted_for(again)
        await agent.stop()
        assert_no_bug_shows(agent.stderr)


async def test_start_on_a_full_disk(tmp_path: Path, disk: Path) -> None:
    """An agent that starts while the disk is full goes on where it was, and knows what was on record."""
    async with probing(tmp_path, disk) as (agent, _):
        before = tallies(await agent.metrics())
        await agent.kill()
        fill(disk)
        await agent.start()
        scrape = await agent.until(lambda scrape: failures(scrape) > 0, 20, "a write to fail")
        assert_nothing_taken_back(before, tallies(scrape))
        await agent.stop()
        assert_no_bug_shows(agent.stderr)


def other_version(journal: Path) -> None:
    """Leave a journal as a later MailSonar would."""
    with sqlite3.connect(journal) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()


def foreign(journal: Path) -> None:
    """Leave another program's database."""
    journal.unlink()
    with sqlite3.connect(journal) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()


def garbage(journal: Path) -> None:
    """Leave what is no database at all."""
    journal.write_bytes(b"no database" * 1000)


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (other_version, "it is a journal of version 99, and this program reads version"),
        (foreign, "it is no journal of MailSonar"),
        (garbage, "it is damaged: file is not a database"),
    ],
)
async def test_journal_that_cannot_be_read_is_kept_aside(
    spoil: Callable[[Path], None], finding: str, tmp_path: Path
) -> None:
    """The agent starts and counts anew; the file lies beside the new one as it was, and a line says where and why."""
    journal = tmp_path / "state" / JOURNAL_FILE
    async with probing(tmp_path, tmp_path / "state") as (agent, _):
        await agent.stop()
        spoil(journal)
        left = journal.read_bytes()
        said = len(agent.stderr)
        await agent.start()
        await agent.until(lambda scrape: has_ended(scrape, 1), 20, "attempts to end")
        await agent.stop()
        [aside] = [file for file in journal.parent.glob(f"{JOURNAL_FILE}.*") if file.suffix not in {"-wal", "-shm"}]
        assert aside.read_bytes() == left
        [line] = [line for line in agent.stderr[said:].splitlines() if "set aside" in line]
        assert f"{journal} cannot be used: {finding}" in line
        assert f"it was set aside as {aside.name}" in line
