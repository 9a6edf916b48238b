"""How often a route is probed and how long its probes are waited for: its own keys, the defaults, and ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

from mailsonar.config.durations import format_duration, parse_duration
from mailsonar.config.problem import Place, Report
from mailsonar.config.schema import TimingPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What holds for a route; durations in seconds."""

    interval: float = 300.0
    deadline: float = 120.0
    give_up: float = 3600.0
    size: int = 0

    def with_keys(self, part: TimingPart) -> Timing:
        """Return this timing with what the keys say otherwise."""
        return Timing(
            interval=self.interval if part.interval is None else part.interval,
            deadline=self.deadline if part.deadline is None else part.deadline,
            give_up=self.give_up if part.give_up is None else part.give_up,
            size=self.size if part.size is None else part.size,
        )


def check_timing(keys: Mapping[str, object], fallback: Timing, place: Place, report: Report) -> None:
    """Report a deadline above give_up, at the key that says so.

    It looks at the keys as they were written, so that its complaint comes together with those of the types.
    """
    given = [key for key in ("deadline", "give_up") if keys.get(key) is not None]
    try:
        deadline = parse_duration(keys["deadline"]) if "deadline" in given else fallback.deadline
        give_up = parse_duration(keys["give_up"]) if "give_up" in given else fallback.give_up
    except PydanticCustomError:
        return  # reported with the types
    if given and deadline > give_up:
        report.wrong(
            place / given[0],
            f"deadline {format_duration(deadline)} is above give_up {format_duration(give_up)}: "
            "it must be at most as long",
        )
