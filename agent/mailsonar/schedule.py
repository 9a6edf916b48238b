"""Fixed-rate starts with a hashed phase: no drift, no herd, and no burst after a pause."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Awaitable, Callable

from mailsonar.clock import Clock


def phase(name: str, interval_seconds: float) -> float:
    """Return where in its interval a route starts, in seconds: spread evenly over names, the same in every run."""
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    return share * interval_seconds


def next_start(now: float, interval_seconds: float, first: float) -> float:
    """Return the next instant of the grid first, first + interval, ... that is not before now.

    Args:
        now: a monotonic instant in seconds; what was missed before it is not made up for.
        interval_seconds: the distance of two starts.
        first: the first start, in the same clock.
    """
    if now <= first:
        return first
    return first + math.ceil((now - first) / interval_seconds) * interval_seconds


class Schedule:
    """When the attempts of one route start."""

    def __init__(self, name: str, interval_seconds: float, clock: Clock) -> None:
        self._interval = interval_seconds
        self._clock = clock
        self._first = clock.monotonic() + phase(name, interval_seconds)
        self._due = self._first
        self._is_beginning = False

    @property
    def overdue_seconds(self) -> float:
        """Return for how long an attempt has been due that nothing sets off; one that waits for its turn is set off."""
        return 0.0 if self._is_beginning else max(0.0, self._clock.monotonic() - self._due)

    async def run(self, begin: Callable[[], Awaitable[object]], lagged: Callable[[float], None]) -> None:
        """Begin an attempt whenever one is due, for ever.

        Args:
            begin: returns once the attempt has started.
            lagged: told by how many seconds each start came too late.
        """
        while True:
            await self._clock.sleep(self._due - self._clock.monotonic())
            self._is_beginning = True
            try:
                await begin()
            finally:
                self._is_beginning = False
            now = self._clock.monotonic()
            lagged(max(0.0, now - self._due))
            self._due = max(next_start(now, self._interval, self._first), self._due + self._interval)
