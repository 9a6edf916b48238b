"""Figures and times as people read them."""

from __future__ import annotations

from mailsonar.model.fault import Fault
from mailsonar.model.stage import STAGES_OF
from mailsonar.observe.result_json import rfc3339

_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def duration(seconds: float) -> str:
    """Return a duration with three digits, from a minute on in its two largest units."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    return _whole(round(seconds))


def age(seconds: float) -> str:
    """Return how long ago something was; a clock that stepped back makes it now."""
    return "just now" if seconds < 1.0 else f"{_whole(int(seconds))} ago"


def _whole(seconds: int) -> str:
    for unit, name, smaller, smaller_name in _UNITS:
        if seconds >= unit:
            rest = seconds % unit // smaller
            return f"{seconds // unit} {name}" + (f" {rest} {smaller_name}" if rest else "")
    return f"{seconds} s"


def utc(wall: float) -> str:
    """Return a POSIX time as a date and time in UTC, to the second."""
    return rfc3339(wall).replace("T", " ").replace("Z", " UTC")


def fault_words(fault: Fault) -> str:
    """Return reason, stage and leg, the reason first: it is what people look for; a leg of one stage needs no stage."""
    reason = str(fault.reason).replace("_", " ")
    if len(STAGES_OF[fault.leg]) == 1:
        return f"{reason} ({fault.leg})"
    return f"{reason} at {str(fault.stage).replace('_', ' ')} ({fault.leg})"
