"""A stand-in for the agent behind the site, and the site on a real socket."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from prometheus_client import CollectorRegistry
from tests.support.observed import HandClock

from mailsonar.observe.history import History
from mailsonar.observe.metrics import Metrics
from mailsonar.web.listen import serve
from mailsonar.web.server import build_app
from mailsonar.web.site import Site


@dataclass
class Agent:
    """Stands for the agent behind the site: what it is asked for, and what it answers."""

    clock: HandClock = field(default_factory=HandClock)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    history: History = field(default_factory=History)
    ready: bool = True
    healthy: bool = True
    reloads: int = 0
    reload_error: str | None = None
    probed: list[str] = field(default_factory=list)
    can_probe: bool = True
    on_probe: Callable[[], None] = lambda: None

    def __post_init__(self):
        self.metrics = Metrics(self.clock)

    def configure(self, *routes, labels=()):
        self.metrics.set_routes(routes, labels)
        self.history.set_routes(routes)

    def tell(self, event, value):
        for observer in (self.metrics, self.history):
            getattr(observer, event)(value)

    def run(self, result):
        self.tell("attempt_started", result.attempt)
        self.tell("attempt_ended", result)

    def close(self):
        """Have nothing to close."""

    def enter(self, result):
        """Tell the history alone."""
        self.history.attempt_started(result.attempt)
        self.history.attempt_ended(result)

    async def reload(self):
        self.reloads += 1
        return self.reload_error

    def probe_now(self, name):
        self.probed.append(name)
        self.on_probe()
        return self.can_probe

    def site(self, *, lifecycle, **changes):
        return Site(
            registry=self.registry,
            history=self.history,
            metrics=self.metrics,
            clock=self.clock,
            ready=lambda: self.ready,
            healthy=lambda: self.healthy,
            reload=self.reload,
            probe_now=self.probe_now,
            config_text=lambda: "routes: {}\n",
            lifecycle=lifecycle,
            **changes,
        )


@asynccontextmanager
async def serving(site):
    """Serve a site on a free port, and give its origin."""
    listener = await serve(build_app(site), "127.0.0.1:0")
    host, port = listener.addresses[0]
    try:
        yield f"http://{host}:{port}"
    finally:
        await listener.close()


@asynccontextmanager
async def browsing(site):
    """Serve a site on a free port, and give a client of it."""
    async with serving(site) as origin, aiohttp.ClientSession(origin) as session:
        yield session


async def text_of(client, path, **options):
    """Return the text of a page that must be there."""
    async with client.get(path, **options) as answer:
        assert answer.status == 200
        return await answer.text()
