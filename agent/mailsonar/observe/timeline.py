"""The stages of a result on one time axis, for the page and the command line.

Only durations are known, so the legs are laid out by what they mean: the submission begins at 0, the transit at the end
of its `data`, and the retrieval so that its `list` ends when the message was seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mailsonar.model.result import Result
from mailsonar.model.stage import Leg, Stage, StageTiming


@dataclass(frozen=True, slots=True)
class Placed:
    """A stage and the seconds after the attempt's start at which it began."""

    start_seconds: float
    timing: StageTiming

    @property
    def end_seconds(self) -> float:
        """Return the seconds after the attempt's start at which it ended."""
        return self.start_seconds + self.timing.seconds


def timeline(result: Result) -> tuple[Placed, ...]:
    """Return all stages that ran, in order, each where it belongs."""
    legs = {leg: [timing for timing in result.stages if timing.leg is leg] for leg in Leg}
    starts = dict.fromkeys(Leg, 0.0)
    starts[Leg.TRANSIT] = _end_of(legs[Leg.SUBMISSION], Stage.DATA)
    starts[Leg.RETRIEVAL] = starts[Leg.TRANSIT] + _end_of(legs[Leg.TRANSIT], Stage.ARRIVAL)
    if result.round_trip_seconds is not None:
        starts[Leg.RETRIEVAL] = max(0.0, result.round_trip_seconds - _end_of(legs[Leg.RETRIEVAL], Stage.LIST))
    return tuple(placed for leg in Leg for placed in _one_after_another(legs[leg], starts[leg]))


def _end_of(timings: Iterable[StageTiming], last: Stage) -> float:
    """Return the seconds from the first stage to the end of `last`, or of all if that did not run."""
    total = 0.0
    for timing in timings:
        total += timing.seconds
        if timing.stage is last:
            break
    return total


def _one_after_another(timings: Iterable[StageTiming], start: float) -> Iterable[Placed]:
    for timing in timings:
        yield Placed(start, timing)
        start += timing.seconds
