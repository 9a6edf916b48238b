"""The last verdicts of a route as a few numbers each: what pictures of the past are drawn from."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from mailsonar.model.result import Result

KEPT_VERDICTS = 60
_POINT = struct.Struct("<df")
_FAILURE = -1.0


@dataclass(frozen=True, slots=True)
class Point:
    """One attempt's verdict; `started_wall` in POSIX seconds, the round trip in seconds, None where it has none."""

    started_wall: float
    success: bool
    round_trip_seconds: float | None = None


class Trend:
    """The verdicts of the last attempts, the oldest first; never changes, a further verdict makes another one.

    A verdict takes 12 bytes: thousands of routes keep theirs. A failure's round trip is not kept.
    """

    __slots__ = ("_packed",)

    def __init__(self, packed: bytes = b"") -> None:
        self._packed = packed

    @classmethod
    def of(cls, points: Iterable[Point]) -> Self:
        """Return the trend of the last of these points, in any order; of two with the same start the later one is."""
        latest = {point.started_wall: point for point in points}
        kept = sorted(latest.values(), key=lambda point: point.started_wall)[-KEPT_VERDICTS:]
        return cls(b"".join(_POINT.pack(point.started_wall, _figure(point)) for point in kept))

    def points(self) -> tuple[Point, ...]:
        """Return the verdicts."""
        return tuple(_point(*numbers) for numbers in _POINT.iter_unpack(self._packed))

    def with_result(self, result: Result) -> Trend:
        """Return the trend with a result's verdict; a result without one changes nothing."""
        if result.success is None:
            return self
        point = Point(result.attempt.started_wall, result.success, result.round_trip_seconds)
        if len(self._packed) < _POINT.size or self._newest_wall < point.started_wall:  # nearly always
            packed = self._packed + _POINT.pack(point.started_wall, _figure(point))
            return Trend(packed[-KEPT_VERDICTS * _POINT.size :])
        return self.with_points([point])

    def with_points(self, points: Iterable[Point]) -> Trend:
        """Return the trend with these verdicts, each in place of the one with the same start."""
        return Trend.of([*self.points(), *points])

    @property
    def _newest_wall(self) -> float:
        started_wall: float = _POINT.unpack_from(self._packed, len(self._packed) - _POINT.size)[0]
        return started_wall


def _figure(point: Point) -> float:
    if not point.success:
        return _FAILURE
    return math.nan if point.round_trip_seconds is None else point.round_trip_seconds


def _point(started_wall: float, figure: float) -> Point:
    if figure == _FAILURE:
        return Point(started_wall, success=False)
    return Point(started_wall, success=True, round_trip_seconds=None if math.isnan(figure) else figure)
