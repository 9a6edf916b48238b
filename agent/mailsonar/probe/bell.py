"""What wakes the one task that waits for it: thousands have one each, and an `asyncio.Event` is ten times as large."""

from __future__ import annotations

import asyncio


class Bell:
    """Rings until hushed; one task at a time may wait for that."""

    __slots__ = ("_rings", "_waiter")

    def __init__(self) -> None:
        self._rings = False
        self._waiter: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wake who waits, or whoever waits next."""
        self._rings = True
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def hush(self) -> None:
        """Ring no longer."""
        self._rings = False

    async def heard(self) -> None:
        """Wait until it rings."""
        if self._rings:
            return
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
