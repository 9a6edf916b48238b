"""The results that only the journal has: read when someone asks, in threads, and never for long.

A disk that hangs keeps a few threads and no one else: who asks gets what is in memory, and is told so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from mailsonar.app.past import Moment, last_results, past_of, remembered_of
from mailsonar.clock import Clock
from mailsonar.journal.reader import Inquiry, JournalUnreadable, Reader
from mailsonar.model.result import Result
from mailsonar.model.route import Route
from mailsonar.observe.route_history import Past
from mailsonar.probe.remembered import Remembered
from mailsonar.threads import in_thread

T = TypeVar("T")

MOST_READERS = 2
PATIENCE_SECONDS = 3.0
ROUTES_AT_ONCE = 20

log = logging.getLogger(__name__)


class Archive:
    """Answers from the journal."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self._free = asyncio.Semaphore(MOST_READERS)
        self._is_failing = False

    async def results(self, route: Route) -> Sequence[Result] | None:
        """Return the results of a route that are worth showing, None if the journal cannot tell them now."""
        moment = Moment.of(self._clock)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                found = await self._ask(lambda inquiry: last_results(inquiry, route, moment))
        except (TimeoutError, JournalUnreadable) as error:
            if not self._is_failing:
                why = "it does not answer" if isinstance(error, TimeoutError) else error
                log.warning("pages lack what the journal has, it cannot be read: %s", why)
            self._is_failing = True
            return None
        self._is_failing = False
        return found

    async def remembered(self, routes: Sequence[Route]) -> Mapping[str, Remembered]:
        """Return by maildrop the messages of attempts that ended lately; none where the journal cannot tell."""
        moment = Moment.of(self._clock)
        try:
            return await self._ask(lambda inquiry: remembered_of(inquiry, routes, moment))
        except JournalUnreadable as error:
            log.warning("copies of messages of earlier attempts are not known as such: %s", error)
            return {}

    async def recall(self, routes: Sequence[Route], take_in: Callable[[Mapping[str, Past]], None]) -> None:
        """Let someone take in the past of all routes, a few at a time.

        Args:
            routes: whose past.
            take_in: called in the event loop with the pasts by route.
        """
        moment = Moment.of(self._clock)

        def pasts(some: Sequence[Route], inquiry: Inquiry) -> dict[str, Past]:
            return {route.name: past_of(inquiry, route, moment) for route in some}

        try:
            for first in range(0, len(routes), ROUTES_AT_ONCE):
                take_in(await self._ask(partial(pasts, routes[first : first + ROUTES_AT_ONCE])))
        except JournalUnreadable as error:
            log.warning("the page starts without earlier results: %s", error)

    async def _ask(self, question: Callable[[Inquiry], T]) -> T:
        """Return the answer, from a thread; one that was given up keeps its place until it ends."""

        def answer() -> T:
            with self._reader.inquiry() as inquiry:
                return question(inquiry)

        await self._free.acquire()
        asked = asyncio.ensure_future(in_thread(answer, "journal reader"))
        asked.add_done_callback(self._note_end)
        return await asyncio.shield(asked)

    def _note_end(self, asked: asyncio.Future[T]) -> None:
        self._free.release()
        if not asked.cancelled():
            asked.exception()  # whoever asked may have gone
