"""Tasks that must not die: one that fails is logged, counted and started again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from mailsonar.clock import Clock

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0

log = logging.getLogger(__name__)


class Supervisor:
    """Keeps named tasks going within a task group; `restarted` is told the kind of each that had to start again."""

    def __init__(self, group: asyncio.TaskGroup, clock: Clock, restarted: Callable[[str], None]) -> None:
        self._group = group
        self._clock = clock
        self._restarted = restarted

    def keep(self, kind: str, name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Run work until it returns or is cancelled, whatever it raises in between.

        Args:
            kind: what sort of task it is, for the metric.
            name: which one, for the log.
            work: started anew after a failure, with growing pauses.
        """
        return self._group.create_task(self._keep(kind, name, work), name=f"{kind} {name}")

    async def _keep(self, kind: str, name: str, work: Callable[[], Awaitable[None]]) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            started = self._clock.monotonic()
            try:
                await work()
            except Exception:
                log.exception("the %s %s failed by our own fault and starts again in %.0f s", kind, name, pause)
            else:
                return
            self._restarted(kind)
            await self._clock.sleep(pause)
            lasted = self._clock.monotonic() - started > 2 * LONGEST_PAUSE_SECONDS
            pause = FIRST_PAUSE_SECONDS if lasted else min(2 * pause, LONGEST_PAUSE_SECONDS)
