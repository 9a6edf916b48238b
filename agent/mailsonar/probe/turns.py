"""Who may talk when: submissions of one route never overlap, and an account has only so many sessions.

So many at a time, and so many in a time, as its provider's limits are.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from mailsonar.clock import Clock
from mailsonar.model.fault import HeldBack
from mailsonar.model.limits import Counted
from mailsonar.model.route import Route
from mailsonar.model.server import Account, Protocol
from mailsonar.model.stage import Stage
from mailsonar.probe.budget import Budgets


class Turns:
    """Sessions side by side, account by account; a limit that a new config changes holds for the sessions after it."""

    def __init__(self, clock: Clock) -> None:
        self.budgets = Budgets()
        self._clock = clock
        self._sessions: dict[tuple[str, int], asyncio.Semaphore] = {}
        self._submissions: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def submission(self, route: Route, latest: float | None = None) -> AsyncIterator[None]:
        """Wait until neither the route nor its sender's account is busy, hold both, and count the session.

        Args:
            route: on which route.
            latest: the monotonic instant after which it would be too late; None for the route's deadline, reckoned from
                when the route is free.

        Raises:
            HeldBack: the account had no session to spare until then: others' sessions hang, or its provider's limits
                leave no room.
        """
        async with self._submissions.setdefault(route.name, asyncio.Lock()), AsyncExitStack() as stack:
            if latest is None:
                latest = self._clock.monotonic() + route.deadline_seconds
            try:
                async with asyncio.timeout(latest - self._clock.monotonic()):
                    await stack.enter_async_context(self.session(route.sender.account))
            except TimeoutError:
                detail = f"all {route.sender.account.limits.sessions} sessions that the account may have were busy"
                raise HeldBack(detail, stage=Stage.CONNECT) from None
            await self._within_budget(route, latest)
            yield

    async def _within_budget(self, route: Route, latest: float) -> None:
        """Wait until the sender's budget has room for a submission on the route, and count it."""
        account, uses = route.sender.account, _uses(route)
        while (free_at := self.budgets.free_at(account, uses, self._clock.monotonic())) > self._clock.monotonic():
            if free_at > latest:
                minutes = math.ceil((free_at - self._clock.monotonic()) / 60)
                detail = f"the account's limits leave no room for another submission in the next {minutes} min"
                raise HeldBack(detail, stage=Stage.CONNECT)
            await self._clock.sleep(free_at - self._clock.monotonic())
        self.budgets.spend(account, uses, self._clock.monotonic())

    @asynccontextmanager
    async def session(self, account: Account) -> AsyncIterator[None]:
        """Wait until the account has a session to spare, and hold it; a maildrop has one only (RFC 1939 section 4)."""
        places = account.limits.sessions if account.server.protocol is Protocol.SMTP else 1
        sessions = self._sessions.setdefault((account.key, places), asyncio.Semaphore(places))
        async with sessions:
            yield


def _uses(route: Route) -> set[Counted]:
    """Return what a submission on a route is counted as."""
    uses = {Counted.SUBMISSION}
    if route.sender.account.credentials:
        uses.add(Counted.LOGIN)
    if route.leaves_the_organisation:
        uses.add(Counted.EXTERNAL_SUBMISSION)
    return uses
