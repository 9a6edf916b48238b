"""The state directory while the agent runs: the lock, the journal and what an earlier process left in it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mailsonar.app.archive import Archive
from mailsonar.app.breakers import KeptBreakers
from mailsonar.app.ledger import JournalLedger
from mailsonar.clock import Clock
from mailsonar.journal.folder import JOURNAL_FILE, lock_folder, open_store
from mailsonar.journal.reader import Reader
from mailsonar.journal.records import OpenRecord
from mailsonar.journal.writer import Writer
from mailsonar.model.route import Route
from mailsonar.probe.prober import new_instance
from mailsonar.probe.remembered import Remembered
from mailsonar.threads import in_thread

CLOSE_SECONDS = 3.0

Memory = Mapping[str, Remembered]  # by maildrop


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What an earlier process left, and where this one keeps its record.

    `ledger`, `breakers` and `archive` are None without a state directory.
    """

    instance: str
    ledger: JournalLedger | None = None
    breakers: KeptBreakers | None = None
    open_attempts: tuple[OpenRecord, ...] = ()
    archive: Archive | None = None

    async def remembered(self, routes: Sequence[Route]) -> Memory:
        """Return what is remembered of messages of attempts that an earlier process ended."""
        return await self.archive.remembered(routes) if self.archive else {}


@asynccontextmanager
async def opened_state(folder: Path | None, clock: Clock, failed: Callable[[], None]) -> AsyncIterator[State]:
    """Provide the state, and close it in the end.

    Args:
        folder: the state directory; None for a state that ends with the process.
        clock: whose time goes on record.
        failed: called in the event loop for each write that failed.

    Raises:
        StateUnusable: the directory cannot be used, or another agent uses it.
    """
    instance = new_instance()
    if folder is None:
        yield State(instance=instance)
        return
    lock = lock_folder(folder)
    try:
        store = await in_thread(partial(open_store, folder, instance), "journal start")
        counts = store.counts()
        open_attempts, breakers = tuple(store.open_attempts()), store.breakers()
        loop = asyncio.get_running_loop()

        def note_failure() -> None:
            loop.call_soon_threadsafe(failed)

        writer = Writer(store, note_failure)
        try:
            yield State(
                instance=store.instance,
                ledger=JournalLedger(writer, counts, clock),
                breakers=KeptBreakers(writer, breakers, clock),
                open_attempts=open_attempts,
                archive=Archive(Reader(folder / JOURNAL_FILE), clock),
            )
        finally:
            await in_thread(partial(writer.close, CLOSE_SECONDS), "journal end")
    finally:
        os.close(lock)
