"""View models of the overview: a row for each route, grouped by state, those first that need attention."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mailsonar.observe.route_view import RouteView
from mailsonar.web.sieve import Sieve
from mailsonar.web.sparkline import Sparkline, sparkline
from mailsonar.web.state import State, state_of
from mailsonar.web.wording import FaultWords, Moment, fault_words, figure, moment

_SLOTS = 30
_SEARCHED_DETAIL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRow:
    """A line of the overview; `order` is the route's place in the config.

    `fault` is the last one, which no longer stands unless the route is failing. `text` is what a search looks through,
    `labels_json` what the page's script filters by.
    """

    name: str
    href: str
    order: int
    state: State
    labels: tuple[tuple[str, str], ...]
    labels_json: str
    path: tuple[str, str]
    round_trip: str
    error: str
    trend: Sparkline
    fault: FaultWords | None
    fault_at: Moment | None
    last_attempt: Moment | None
    pending: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A declared label, and its values with the number of failing routes of each."""

    label: str
    values: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """All routes at a glance: how many are in each state, and what can be filtered by."""

    size: int
    counts: tuple[tuple[State, int], ...]
    headline: str
    choices: tuple[Choice, ...]


def fleet(views: Sequence[RouteView], now_wall: float) -> Fleet:
    """Return how all routes stand together."""
    states = [state_of(view, now_wall) for view in views]
    counts = Counter(states)
    return Fleet(
        size=len(views),
        counts=tuple((state, counts[state]) for state in State),
        headline=_headline(counts, len(views)),
        choices=tuple(_choices(views, states)),
    )


def groups(rows: Iterable[RouteRow], sieve: Sieve) -> tuple[tuple[State, list[tuple[RouteRow, bool]]], ...]:
    """Return the rows of each state, and for each whether the sieve lets it through."""
    found: dict[State, list[tuple[RouteRow, bool]]] = {state: [] for state in State}
    for row in rows:
        found[row.state].append((row, sieve.admits(row.state, row.labels, row.text)))
    return tuple(found.items())


def route_row(view: RouteView, order: int, now_wall: float) -> RouteRow:
    """Return the line of a route."""
    route, last, failure = view.route, view.last_attempt, view.failure
    labels = tuple((name, value) for name, value in route.labels if value)
    fault = fault_words(failure.fault) if failure and failure.fault else None
    return RouteRow(
        name=route.name,
        href=f"/routes/{quote(route.name, safe='')}",
        order=order,
        state=state_of(view, now_wall),
        labels=labels,
        labels_json=json.dumps(dict(labels), ensure_ascii=False),
        path=(route.sender.name, route.maildrop.name),
        round_trip=figure(view.seen.round_trip_seconds if view.seen else None),
        error=figure(view.seen.error_seconds if view.seen else None),
        trend=sparkline(view, _SLOTS),
        fault=fault,
        fault_at=moment(failure.attempt.started_wall, now_wall) if failure else None,
        last_attempt=moment(last.started_wall, now_wall) if last else None,
        pending=len(view.pending),
        text=_text(view, fault),
    )


def _text(view: RouteView, fault: FaultWords | None) -> str:
    route = view.route
    words = [route.name, route.sender.name, route.maildrop.name, *(f"{name}={value}" for name, value in route.labels)]
    if fault:
        words += [fault.words, fault.names, fault.detail[:_SEARCHED_DETAIL]]
    return " ".join(words).lower()


def _headline(counts: Counter[State], size: int) -> str:
    """Return the fleet in one sentence: green is said of all or of none."""
    bad = [f"{counts[state]} {state}" for state in (State.FAILING, State.STALE) if counts[state]]
    if bad:
        return f"{' and '.join(bad)} of {_routes(size)}"
    if counts[State.WAITING]:
        return f"{counts[State.WAITING]} of {_routes(size)} waiting for a first verdict"
    return f"All {_routes(size)} ok" if size > 1 else f"{_routes(size)}, ok"


def _routes(size: int) -> str:
    return "1 route" if size == 1 else f"{size:,} routes"


def _choices(views: Sequence[RouteView], states: Sequence[State]) -> Iterable[Choice]:
    """Yield the declared labels that some route sets, and the values of each in alphabetical order."""
    failing: dict[str, Counter[str]] = {}
    for view, state in zip(views, states, strict=True):
        for name, value in view.route.labels:
            failing.setdefault(name, Counter())[value] += state is State.FAILING
    for name, values in failing.items():
        if found := tuple((value, values[value]) for value in sorted(values) if value):
            yield Choice(label=name, values=found)
