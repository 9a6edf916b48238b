"""A deadline that moves on with each exchange of a session, at the cost of one timer for all of them.

The timer is left as it is where it would ring too early, and set anew once it does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

from mailsonar.clock import Clock


class Alarm:
    """Calls `rings` at an instant that may be moved; `is_over` tells that it has come.

    Args:
        clock: whose time the instants are in.
        rings: called in the event loop.
    """

    __slots__ = ("_clock", "_ends", "_loop", "_rings", "_timer", "is_over")

    def __init__(self, clock: Clock, rings: Callable[[], None]) -> None:
        self.is_over = False
        self._clock = clock
        self._rings = rings
        self._loop = asyncio.get_running_loop()
        self._ends = inf
        self._timer: asyncio.TimerHandle | None = None

    def set(self, ends: float) -> None:
        """Ring at this instant, in monotonic seconds, and not at the one before."""
        is_too_late = self._timer is None or ends < self._ends
        self.is_over, self._ends = False, ends
        if is_too_late:
            self._start_timer()

    def stop(self) -> None:
        """Ring no more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _start_timer(self) -> None:
        self.stop()
        self._timer = self._loop.call_later(self._ends - self._clock.monotonic(), self._look)

    def _look(self) -> None:
        if self._clock.monotonic() < self._ends:
            self._start_timer()
            return
        self._timer = None
        self.is_over = True
        self._rings()
