"""The state directory while the agent runs: the lock, the journal and what an earlier process left in it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mailsonar.app.breakers import KeptBreakers
from mailsonar.app.ledger import JournalLedger
from mailsonar.clock import Clock
from mailsonar.journal.folder import lock_folder, open_store
from mailsonar.journal.records import EndedRecord, OpenRecord
from mailsonar.journal.writer import Writer
from mailsonar.observe.history import KEPT_RESULTS
from mailsonar.probe.prober import new_instance
from mailsonar.threads import in_thread

CLOSE_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What an earlier process left, and where this one keeps its record.

    `ledger` and `breakers` are None without a state directory.
    """

    instance: str
    ledger: JournalLedger | None = None
    breakers: KeptBreakers | None = None
    open_attempts: tuple[OpenRecord, ...] = ()
    ended_attempts: tuple[EndedRecord, ...] = ()


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
        left = tuple(store.open_attempts()), tuple(store.ended_attempts(KEPT_RESULTS)), store.breakers()
        loop = asyncio.get_running_loop()

        def note_failure() -> None:
            loop.call_soon_threadsafe(failed)

        writer = Writer(store, note_failure)
        try:
            yield State(
                instance=store.instance,
                ledger=JournalLedger(writer, counts, clock),
                breakers=KeptBreakers(writer, left[2], clock),
                open_attempts=left[0],
                ended_attempts=left[1],
            )
        finally:
            await in_thread(partial(writer.close, CLOSE_SECONDS), "journal end")
    finally:
        os.close(lock)
