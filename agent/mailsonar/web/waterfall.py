"""The picture of a result's stages: a bar for each, scaled to the width of the page."""

from __future__ import annotations

from dataclasses import dataclass

from mailsonar.model.result import Result
from mailsonar.observe.timeline import Placed, timeline
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
    placed = timeline(result)
    end = max((one.end_seconds for one in placed), default=0.0)
    return tuple(_bar(one, WIDTH / end if end > 0 else 0.0) for one in placed)


def _bar(placed: Placed, scale: float) -> Bar:
    timing = placed.timing
    width = max(timing.seconds * scale, _THINNEST)
    return Bar(
        leg=timing.leg,
        stage=str(timing.stage).replace("_", " "),
        took=duration(timing.seconds),
        failed=timing.failed,
        x=round(min(placed.start_seconds * scale, WIDTH - width), 1),
        width=round(width, 1),
    )
