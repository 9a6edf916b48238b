"""The picture of a route's recent attempts: a bar for each, an interval wide, the last attempt at the right.

A success is as high as its round trip and never reaches the top; a failure always does, so that shape tells them apart.
An interval without a verdict is a dot: no data is neither a success nor a failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from mailsonar.observe.route_view import RouteView
from mailsonar.observe.trend import Point
from mailsonar.web.wording import duration

STEP = 4
HEIGHT = 24
_LOWEST, _HIGHEST = 3, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """SVG paths of the successes, the failures and the dots on a canvas of `width` by `HEIGHT`, and the same in words.

    `longest` is the longest round trip in it, `spans` the time from its left to its right.
    """

    successes: str
    failures: str
    dots: str
    width: int
    words: str
    longest: str
    spans: str


def sparkline(view: RouteView, slots: int) -> Sparkline:
    """Return the picture of the last `slots` intervals up to the last attempt."""
    shown = _by_slot(view, slots)
    figures = [one.round_trip_seconds for one in shown.values() if one.success and one.round_trip_seconds is not None]
    scale = max(2 * median(figures), *figures) if figures else 0.0
    successes = {slot: one for slot, one in shown.items() if one.success}
    failures = shown.keys() - successes
    empty = slots - len(shown)
    return Sparkline(
        successes="".join(f"M{_x(slot)} {HEIGHT}v-{_height(one, scale)}" for slot, one in successes.items()),
        failures="".join(f"M{_x(slot)} {HEIGHT}V0" for slot in sorted(failures)),
        dots="".join(f"M{_x(slot)} {HEIGHT}v-1" for slot in range(slots) if slot not in shown),
        width=STEP * slots,
        words=f"{len(successes)} ok, {len(failures)} failed" + (f", {empty} without data" if empty else ""),
        longest=duration(max(figures)) if figures else "",
        spans=duration(slots * view.route.interval_seconds),
    )


def _by_slot(view: RouteView, slots: int) -> dict[int, Point]:
    """Return the verdicts by the interval that they fall into; a failure wins over a success, else the newest."""
    shown: dict[int, Point] = {}
    last = view.last_attempt
    for point in reversed(view.trend.points() if last else ()):
        before = last.started_wall - point.started_wall if last else 0.0
        slot = slots - 1 - round(before / view.route.interval_seconds)
        if 0 <= slot < slots and (slot not in shown or not point.success):
            shown[slot] = point
    return shown


def _x(slot: int) -> int:
    return STEP * slot + STEP // 2


def _height(point: Point, scale: float) -> int:
    """Return a bar's height; the least one where a success has no round trip, as on a route that shall block."""
    if point.round_trip_seconds is None or scale <= 0:
        return _LOWEST
    return _LOWEST + round((_HIGHEST - _LOWEST) * point.round_trip_seconds / scale)
