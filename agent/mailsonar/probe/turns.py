"""Who may talk when: submissions of one route never overlap, and an account has only so many sessions at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mailsonar.model.route import Route
from mailsonar.model.server import Account, Protocol


class Turns:
    """Sessions side by side, account by account; accounts are told apart by server and user name."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[str, str, str], asyncio.Semaphore] = {}
        self._submissions: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def submission(self, route: Route) -> AsyncIterator[None]:
        """Wait until neither the route nor its sender's account is busy, and hold both."""
        async with self._submissions.setdefault(route.name, asyncio.Lock()), self.session(route.sender.account):
            yield

    @asynccontextmanager
    async def session(self, account: Account) -> AsyncIterator[None]:
        """Wait until the account has a session to spare, and hold it; a maildrop has one only (RFC 1939 section 4)."""
        key = (account.server.protocol, account.server.name, account.name)
        places = account.limits.sessions if account.server.protocol is Protocol.SMTP else 1
        sessions = self._sessions.setdefault(key, asyncio.Semaphore(places))
        async with sessions:
            yield
