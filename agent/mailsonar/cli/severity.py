"""From results to exit codes: 0 on time, 1 late or slow, 2 a server's fault, 3 ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailsonar.model.fault import Reason
from mailsonar.model.result import Outcome, Result

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3

_OUR_OWN = frozenset({Reason.INTERNAL, Reason.HELD_BACK})


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Round trips in seconds beyond which a result is a warning, or critical; None for no threshold."""

    warning_seconds: float | None
    critical_seconds: float | None


def severity(result: Result, thresholds: Thresholds) -> int:
    """Return the exit code that one result asks for."""
    if result.fault and result.fault.reason in _OUR_OWN:
        return UNKNOWN
    if result.success and result.round_trip_seconds is None:  # what was to be blocked did not come
        return OK
    is_unwanted = result.fault is not None and result.fault.reason is Reason.NOT_BLOCKED
    if result.outcome not in (Outcome.ON_TIME, Outcome.LATE) or result.round_trip_seconds is None or is_unwanted:
        return CRITICAL
    if thresholds.critical_seconds is not None and result.round_trip_seconds > thresholds.critical_seconds:
        return CRITICAL
    slow = thresholds.warning_seconds is not None and result.round_trip_seconds > thresholds.warning_seconds
    return WARNING if slow or result.outcome is Outcome.LATE else OK


def worst(results: Sequence[Result], thresholds: Thresholds) -> int:
    """Return the exit code of all results together."""
    return max((severity(result, thresholds) for result in results), default=UNKNOWN)
