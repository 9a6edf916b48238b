"""Counts of values by size, and for each size the last attempt that had it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Exemplar:
    """The token of an attempt, its value in seconds, and when that was known, as a POSIX time."""

    token_id: str
    value: float
    wall: float


class Histogram:
    """Counts values into buckets; each bucket keeps the last exemplar that fell into it.

    Args:
        bounds: the upper bounds in ascending order, the infinite one last.
    """

    __slots__ = ("_bounds", "_counts", "_exemplars", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * len(bounds)
        self._exemplars: list[Exemplar | None] = [None] * len(bounds)
        self.sum = 0.0

    def observe(self, value: float, exemplar: Exemplar | None = None) -> None:
        """Count a value; a value on a bound falls below it."""
        index = bisect_left(self._bounds, value)
        self._counts[index] += 1
        self.sum += value
        if exemplar is not None:
            self._exemplars[index] = exemplar

    def buckets(self) -> Iterator[tuple[str, int, Exemplar | None]]:
        """Yield bound, cumulative count and exemplar of each bucket."""
        total = 0
        for bound, count, exemplar in zip(self._bounds, self._counts, self._exemplars, strict=True):
            total += count
            yield "+Inf" if bound == inf else str(bound), total, exemplar
