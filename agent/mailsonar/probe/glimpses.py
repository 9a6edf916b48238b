"""Glimpses of servers whose certificates do not verify: when one is taken, and what is known from the last.

They are taken in the background of the session that failed, so that no verdict waits for one, and not more often than
every ten minutes a server. What they show is told only while verification still fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from mailsonar.model.result import TlsFacts
from mailsonar.model.server import Account
from mailsonar.net.converse import Network
from mailsonar.net.glimpse import glimpse

GLIMPSE_GAP_SECONDS = 600.0

log = logging.getLogger(__name__)

_Server = tuple[str, str]


def is_due(taken: float | None, now: float) -> bool:
    """Tell whether a glimpse may be taken, given the monotonic instant of the last one of the same server."""
    return taken is None or now - taken >= GLIMPSE_GAP_SECONDS


class Glimpses:
    """Takes glimpses, and remembers them; it outlives configs."""

    def __init__(self) -> None:
        self._taken: dict[_Server, float] = {}
        self._failing: dict[_Server, TlsFacts] = {}
        self._shown: dict[_Server, TlsFacts] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def after(
        self, account: Account, told: TlsFacts | None, network: Network, news: Callable[[TlsFacts], None]
    ) -> TlsFacts | None:
        """Return what a session's handshake told; where it failed, with what the last glimpse showed.

        Args:
            account: whose session.
            told: None where no handshake got as far as certificates.
            network: what a glimpse works with.
            news: called with what a glimpse showed, if one is due, once it has been taken.
        """
        if told is None:
            return None
        server = (told.protocol, told.server)
        if told.verified:
            self._failing.pop(server, None)
            return told
        self._failing[server] = told
        now = network.clock.monotonic()
        if is_due(self._taken.get(server), now):
            self._taken[server] = now
            task = asyncio.get_running_loop().create_task(self._take(account, told.problem or "", network, news))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        shown = self._shown.get(server)
        return shown if shown and shown.problem == told.problem else told

    async def settled(self, seconds: float) -> None:
        """Wait until no glimpse is under way, but no longer than that."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    def cancel(self) -> None:
        """Take those that are under way no further."""
        for task in self._tasks:
            task.cancel()

    async def _take(self, account: Account, problem: str, network: Network, news: Callable[[TlsFacts], None]) -> None:
        server = (str(account.server.protocol), account.server.name)
        try:
            facts = await glimpse(network, account, problem)
        except Exception:
            log.exception("a glimpse of %s failed by our own fault", account.server.name)
            return
        if facts is None:
            return
        self._shown[server] = facts
        failing = self._failing.get(server)
        if failing and failing.problem == problem:
            news(facts)
