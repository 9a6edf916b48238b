"""The thread that writes the journal: changes are committed in groups, off the event loop.

A full disk stops nothing: changes wait in memory, bounded, and are tried again; each failure is told.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from mailsonar.journal.store import Store

GROUP_LIMIT = 1_000
BACKLOG_LIMIT = 50_000
RETRY_SECONDS = 5.0
GATHER_SECONDS = 0.1
PATIENCE_SECONDS = 5.0

Change = Callable[[Store], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Order:
    """A change; `done` is called once it is durable, or cannot be made so now, None where nobody waits for that."""

    change: Change
    done: Callable[[], None] | None


class Writer:
    """Writes to a store until closed; `failed` is called, on any thread, for each commit that failed or hangs."""

    def __init__(self, store: Store, failed: Callable[[], None]) -> None:
        self._store = store
        self._failed = failed
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._backlog: list[_Order] = []
        self._is_failing = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    async def write(self, change: Change) -> None:
        """Order a change, and wait until it is durable, or until it is known that it cannot be made so now."""
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()

        def done() -> None:
            with suppress(RuntimeError):  # the loop may have ended in the meantime
                loop.call_soon_threadsafe(_finish, waiting)

        self._orders.put(_Order(change, done))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await waiting
        except TimeoutError:  # the disk hangs: what is ordered stays ordered, and probing goes on
            self._failed()

    def order(self, change: Change) -> None:
        """Order a change that nobody waits for: it shares the next commit, since each waits for the disk."""
        self._orders.put(_Order(change, None))

    def close(self, timeout_seconds: float) -> None:
        """Write what is ordered, and end."""
        self._orders.put(None)
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        is_open = True
        while is_open:
            group, is_open = self._next_group()
            if group or self._backlog:
                self._commit(group)
        self._store.close()

    def _next_group(self) -> tuple[list[_Order], bool]:
        """Return what is ordered by now, waiting for the first order; and whether more may follow."""
        group: list[_Order] = []
        is_urgent = False
        try:
            order = self._orders.get(timeout=RETRY_SECONDS if self._backlog else None)
            while order is not None:
                group.append(order)
                if len(group) >= GROUP_LIMIT:
                    return group, True
                is_urgent = is_urgent or order.done is not None
                order = self._orders.get(timeout=0 if is_urgent else GATHER_SECONDS)
        except queue.Empty:
            return group, True
        return group, False

    def _commit(self, group: list[_Order]) -> None:
        wanted = self._backlog + group
        try:
            self._make(wanted)
        except sqlite3.Error as error:
            self._backlog = wanted[-BACKLOG_LIMIT:]
            self._failed()
            if not self._is_failing:
                log.error("the journal cannot be written, probing goes on without it: %s", error)  # noqa: TRY400
            self._is_failing = True
        else:
            self._backlog = []
            if self._is_failing:
                log.info("the journal can be written again")
            self._is_failing = False
        for order in group:
            if order.done:
                order.done()

    def _make(self, orders: list[_Order]) -> None:
        """Make all changes in one transaction; a change that is a bug of ours is dropped, and no other with it."""
        try:
            with self._store.transaction():
                for order in orders:
                    order.change(self._store)
        except sqlite3.Error:
            raise
        except Exception:
            if len(orders) > 1:
                for order in orders:
                    self._make([order])
                return
            log.exception("a change of the journal was dropped by our own fault")
            self._failed()


def _finish(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
