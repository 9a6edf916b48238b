"""The clocks of the agent: passed to whoever needs the time, never imported by what decides."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits."""

    def monotonic(self) -> float:
        """Return seconds of a clock that never steps, for durations and deadlines."""

    def wall(self) -> float:
        """Return POSIX seconds, for dates that people and servers read."""

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds; at once if there is nothing left to wait for."""


class SystemClock:
    """The machine's own clocks; `monotonic` is the event loop's, so that timers and stamps agree."""

    def monotonic(self) -> float:
        """Return CLOCK_MONOTONIC in seconds."""
        return time.monotonic()

    def wall(self) -> float:
        """Return the POSIX time in seconds."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait in the event loop."""
        await asyncio.sleep(max(0.0, seconds))
