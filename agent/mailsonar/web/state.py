"""How a route stands, in one word."""

from __future__ import annotations

from enum import StrEnum

from mailsonar.observe.route_view import RouteView

STALE_INTERVALS = 3


class State(StrEnum):
    """How a route stands; the values are public, and in the order in which they deserve attention."""

    FAILING = "failing"
    STALE = "stale"
    WAITING = "waiting"
    OK = "ok"


def state_of(view: RouteView, now_wall: float) -> State:
    """Return how a route stands.

    A route without a recent attempt is stale, whatever its last verdict was: an old green must not look like a new one.
    """
    if view.latest is not None and not view.latest.success:
        return State.FAILING
    last = view.last_attempt
    if last is not None and now_wall - last.started_wall > STALE_INTERVALS * view.route.interval_seconds:
        return State.STALE
    return State.WAITING if view.latest is None else State.OK
