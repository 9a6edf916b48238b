"""The picture of a result's stages: a bar for each, on a time axis of 0 to 100 %, as a browser's network tab has it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from mailsonar.model.result import Result
from mailsonar.observe.timeline import Placed, timeline
from mailsonar.web.wording import duration

WIDTH = 100.0
_THINNEST = 0.4
_MOST_TICKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A stage in the picture; `x` and `width` in percent."""

    leg: str
    stage: str
    took: str
    failed: bool
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on the time axis; `x` in percent."""

    x: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """The bars of each leg that ran, with the time that it took, and the axis."""

    legs: tuple[tuple[str, str, tuple[Bar, ...]], ...]
    ticks: tuple[Tick, ...]


def waterfall(result: Result) -> Waterfall:
    """Return the bars of all stages that ran, in order."""
    placed = timeline(result)
    end = max((one.end_seconds for one in placed), default=0.0)
    scale = WIDTH / end if end > 0 else 0.0
    return Waterfall(
        legs=tuple(_leg(leg, list(stages), scale) for leg, stages in groupby(placed, key=lambda one: one.timing.leg)),
        ticks=tuple(_ticks(end)),
    )


def _leg(leg: str, stages: list[Placed], scale: float) -> tuple[str, str, tuple[Bar, ...]]:
    took = duration(stages[-1].end_seconds - stages[0].start_seconds)
    return leg, took, tuple(_bar(one, scale) for one in stages)


def _bar(placed: Placed, scale: float) -> Bar:
    timing = placed.timing
    width = max(timing.seconds * scale, _THINNEST)
    return Bar(
        leg=timing.leg,
        stage=str(timing.stage).replace("_", " "),
        took=duration(timing.seconds),
        failed=timing.failed,
        x=round(min(placed.start_seconds * scale, WIDTH - width), 2),
        width=round(width, 2),
    )


def _ticks(end: float) -> Iterator[Tick]:
    """Yield marks at round times: the smallest of 1, 2 or 5 times a power of ten that gives no more than a few."""
    if end <= 0:
        return
    power = 10 ** math.floor(math.log10(end / _MOST_TICKS))
    step = next(power * factor for factor in (1, 2, 5, 10) if end / (power * factor) <= _MOST_TICKS)
    for number in range(math.floor(end / step) + 1):
        yield Tick(x=round(number * step / end * WIDTH, 2), label=duration(number * step) if number else "0")
