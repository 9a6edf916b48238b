"""The stages of a result on one time axis.

Only durations are known, so the legs are laid out by what they mean: the submission begins at 0, the transit at the end
of its `data`, and the retrieval so that its `list` ends when the message was seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mailsonar.model.result import Result
from mailsonar.model.stage import Leg, Stage, StageTiming
from mailsonar.web.wording import duration

WIDTH = 1000.0
_THINNEST = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A stage in the picture; `x` and `width` on an axis of 0 to `WIDTH`."""

    leg: str
    stage: str
    took: str
    failed: bool
    x: float
    width: float


def waterfall(result: Result) -> tuple[Bar, ...]:
    """Return the bars of all stages that ran, in order."""
    legs = {leg: [timing for timing in result.stages if timing.leg is leg] for leg in Leg}
    starts = dict.fromkeys(Leg, 0.0)
    starts[Leg.TRANSIT] = _end_of(legs[Leg.SUBMISSION], Stage.DATA)
    seen = result.round_trip_seconds
    if seen is None:
        seen = starts[Leg.TRANSIT] + _end_of(legs[Leg.TRANSIT], Stage.ARRIVAL)
        starts[Leg.RETRIEVAL] = seen
    else:
        starts[Leg.RETRIEVAL] = max(0.0, seen - _end_of(legs[Leg.RETRIEVAL], Stage.LIST))
    placed = [pair for leg in Leg for pair in _one_after_another(legs[leg], starts[leg])]
    end = max((start + timing.seconds for start, timing in placed), default=0.0)
    return tuple(_bar(start, timing, WIDTH / end if end > 0 else 0.0) for start, timing in placed)


def _end_of(timings: Iterable[StageTiming], last: Stage) -> float:
    """Return the seconds from the first stage to the end of `last`, or of all if that did not run."""
    total = 0.0
    for timing in timings:
        total += timing.seconds
        if timing.stage is last:
            break
    return total


def _one_after_another(timings: Iterable[StageTiming], start: float) -> Iterable[tuple[float, StageTiming]]:
    for timing in timings:
        yield start, timing
        start += timing.seconds


def _bar(start: float, timing: StageTiming, scale: float) -> Bar:
    width = max(timing.seconds * scale, _THINNEST)
    return Bar(
        leg=timing.leg,
        stage=str(timing.stage).replace("_", " "),
        took=duration(timing.seconds),
        failed=timing.failed,
        x=round(min(start * scale, WIDTH - width), 1),
        width=round(width, 1),
    )
