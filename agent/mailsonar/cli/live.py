"""What `check` shows on standard error while it waits: which stage each route is at, and for how long.

On a terminal the lines are redrawn in place; elsewhere a line is written when a route comes to another stage.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mailsonar.model.route import Route
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.probe.roundtrip import RoundTrip


class Screen(Protocol):
    """Shows where round trips are."""

    def show(self, roundtrip: RoundTrip) -> None:
        """Show one round trip as it is now."""


@contextmanager
def watching(routes: Sequence[Route]) -> Iterator[Screen]:
    """Provide a screen for the routes, and clear it in the end."""
    console = Console(stderr=True)
    if console.is_terminal:
        with Live(console=console, transient=True, auto_refresh=False) as live:
            yield _Redrawn(live, routes)
    else:
        yield _Lines()


class _Redrawn:
    def __init__(self, live: Live, routes: Sequence[Route]) -> None:
        self._live = live
        self._states = {route.name: "waiting for its turn" for route in routes}

    def show(self, roundtrip: RoundTrip) -> None:
        """Redraw the table."""
        stage, seconds = _where(roundtrip)
        self._states[roundtrip.attempt.route.name] = f"{stage}  {seconds:.1f} s"
        table = Table.grid(padding=(0, 2))
        for name, state in self._states.items():
            table.add_row(Text(name, style="bold"), Text(state))
        self._live.update(table, refresh=True)


class _Lines:
    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def show(self, roundtrip: RoundTrip) -> None:
        """Write a line if the route has come to another stage."""
        name = roundtrip.attempt.route.name
        stage, _ = _where(roundtrip)
        if self._last.get(name) != stage:
            self._last[name] = stage
            print(f"{name}: {stage}", file=sys.stderr)  # noqa: T201 - progress is for people


def _where(roundtrip: RoundTrip) -> tuple[str, float]:
    """Return what is going on, and for how many seconds."""
    looking = roundtrip.owner.looking
    if roundtrip.awaited.sought_since is None:
        return _at("submission", roundtrip.submitting)
    if roundtrip.awaited.fate.done():
        return "done", 0.0
    if looking and looking.waiting_seconds > 1:
        return _at("retrieval", looking)
    fault = roundtrip.owner.last_fate.fault
    suffix = f" (last look: {fault})" if fault else ""
    return f"transit/arrival{suffix}", roundtrip.waited_seconds


def _at(leg: str, stopwatch: Stopwatch | None) -> tuple[str, float]:
    if stopwatch is None or stopwatch.stage is None:
        return leg, 0.0
    return f"{leg}/{stopwatch.stage}", stopwatch.waiting_seconds
