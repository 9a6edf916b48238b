"""What a page has seen already, so that it is sent the rows that are new and no others.

A row is new when the history changed, and when mere time changed its state: a route goes stale without any event.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from mailsonar.observe.route_view import RouteView
from mailsonar.web.state import state_of

_TEXT = re.compile(r"(\d{1,18})\.(\d{1,18})\.(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The revision of a history that a page shows; `process_wall_ms` tells whose, `wall_ms` since when it does."""

    process_wall_ms: int
    revision: int
    wall_ms: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the cursor that `str` once wrote, None for anything else."""
        match = _TEXT.fullmatch(text)
        if match is None:
            return None
        process, revision, wall = (int(digits) for digits in match.groups())
        return cls(process_wall_ms=process, revision=revision, wall_ms=wall)

    def __str__(self) -> str:
        return f"{self.process_wall_ms}.{self.revision}.{self.wall_ms}"

    def reaches(self, now: Self, configured: int) -> bool:
        """Tell whether changed rows are all that a page lacks: the agent and the list of routes are still the same."""
        return self.process_wall_ms == now.process_wall_ms and configured <= self.revision <= now.revision

    def changed(self, views: Iterable[tuple[int, RouteView]], now: Self) -> list[tuple[int, RouteView]]:
        """Return those of the numbered views whose rows are new since this cursor."""
        then_wall, now_wall = self.wall_ms / 1000, now.wall_ms / 1000
        return [
            (number, view)
            for number, view in views
            if view.changed > self.revision or state_of(view, then_wall) != state_of(view, now_wall)
        ]
