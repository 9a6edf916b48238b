"""Who may talk when: submissions of one route never overlap, and an account has only so many sessions at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from mailsonar.model.fault import HeldBack
from mailsonar.model.route import Route
from mailsonar.model.server import Account, Protocol
from mailsonar.model.stage import Stage


class Turns:
    """Sessions side by side, account by account; a limit that a new config changes holds for the sessions after it."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[str, int], asyncio.Semaphore] = {}
        self._submissions: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def submission(self, route: Route) -> AsyncIterator[None]:
        """Wait until neither the route nor its sender's account is busy, and hold both.

        Raises:
            HeldBack: the account had no session to spare for as long as the route's deadline: others' sessions hang.
        """
        async with self._submissions.setdefault(route.name, asyncio.Lock()), AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(route.deadline_seconds):
                    await stack.enter_async_context(self.session(route.sender.account))
            except TimeoutError:
                detail = f"all {route.sender.account.limits.sessions} sessions that the account may have were busy"
                raise HeldBack(detail, stage=Stage.CONNECT) from None
            yield

    @asynccontextmanager
    async def session(self, account: Account) -> AsyncIterator[None]:
        """Wait until the account has a session to spare, and hold it; a maildrop has one only (RFC 1939 section 4)."""
        places = account.limits.sessions if account.server.protocol is Protocol.SMTP else 1
        sessions = self._sessions.setdefault((account.key, places), asyncio.Semaphore(places))
        async with sessions:
            yield
