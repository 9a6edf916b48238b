"""What the web room is given; it owns none of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry

from mailsonar.clock import Clock
from mailsonar.model.result import Result
from mailsonar.model.route import Route
from mailsonar.observe.history import History
from mailsonar.observe.metrics import Metrics
from mailsonar.web.entrance import Entrance


async def nothing_past(_: Route) -> Sequence[Result] | None:
    """Return no results: whoever has no journal has them all in memory."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What endpoints show and what they may set off.

    `metrics` are ours, `registry` has those of the process and the interpreter.
    `reload` returns None when the config was accepted, else what is wrong with it. `probe_now` tells whether an attempt
    of the named route was scheduled. `lifecycle` allows both. `entrance` is the one in force. `part` returns which part
    of the config's routes runs here, "" where that is all of them. `past` returns what a journal has of a route's
    results, None if it cannot be read just now.
    """

    registry: CollectorRegistry
    history: History
    metrics: Metrics
    clock: Clock
    ready: Callable[[], bool]
    healthy: Callable[[], bool]
    reload: Callable[[], Awaitable[str | None]]
    probe_now: Callable[[str], bool]
    config_text: Callable[[], str]
    lifecycle: bool = False
    entrance: Callable[[], Entrance] = Entrance
    part: Callable[[], str] = lambda: ""
    past: Callable[[Route], Awaitable[Sequence[Result] | None]] = nothing_past


SITE = web.AppKey("site", Site)
