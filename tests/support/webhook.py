"""A receiver of Alertmanager's notifications: an HTTP server in the test's own loop that remembers all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One alert in one notification; `receiver` is that of the Alertmanager's config."""

    receiver: str
    is_firing: bool
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def name(self) -> str:
        """Return which alert it is."""
        return self.labels["alertname"]

    @property
    def identity(self) -> tuple[str, frozenset[tuple[str, str]]]:
        """Return what stays the same from an alert's firing to its end."""
        return self.receiver, frozenset(self.labels.items())


class Webhook:
    """Listens at `url` as long as its `async with` block lasts; `notices` holds all that arrived, oldest first."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self._arrived = asyncio.Condition()
        app = web.Application()
        app.router.add_post("/", self._take)
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        _, port = self._runner.addresses[0][:2]
        self.url = f"http://127.0.0.1:{port}/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def firing(self) -> list[Notice]:
        """Return the alerts whose latest notice says that they fire."""
        latest = {notice.identity: notice for notice in self.notices}
        return [notice for notice in latest.values() if notice.is_firing]

    async def until(self, predicate: Callable[[], bool], timeout_seconds: float, what: str) -> None:
        """Wait for notices until the predicate holds.

        Raises:
            AssertionError: it did not in time; the message tells what fires.
        """
        try:
            async with asyncio.timeout(timeout_seconds), self._arrived:
                await self._arrived.wait_for(predicate)
        except TimeoutError:
            told = "\n".join(f"  {notice.receiver}: {notice.labels}" for notice in self.firing())
            raise AssertionError(f"waited {timeout_seconds} s for {what}; these fire:\n{told}") from None

    async def _take(self, request: web.Request) -> web.Response:
        """Remember a notification (Alertmanager's webhook format, version 4)."""
        notification: dict[str, Any] = await request.json()
        async with self._arrived:
            self.notices += [
                Notice(
                    receiver=notification["receiver"],
                    is_firing=alert["status"] == "firing",
                    labels=alert["labels"],
                    annotations=alert["annotations"],
                )
                for alert in notification["alerts"]
            ]
            self._arrived.notify_all()
        return web.Response()
