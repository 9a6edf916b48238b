"""Figures and times as people read them."""

from __future__ import annotations

from dataclasses import dataclass

from mailsonar.model.fault import Fault
from mailsonar.model.stage import STAGES_OF
from mailsonar.observe.result_json import rfc3339

_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When something was: for programs, as a date, and as an age, which the page's script keeps current."""

    iso: str
    utc: str
    age: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultWords:
    """A fault as people read it, and with the names that metrics use."""

    words: str
    names: str
    detail: str


def duration(seconds: float) -> str:
    """Return a duration with three digits, two below a millisecond, from a minute on in its two largest units."""
    if seconds < 0.001:
        return f"{seconds * 1000:.2g} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    return _whole(round(seconds))


def figure(seconds: float | None) -> str:
    """Return a duration, "" where there is no figure: that is never 0."""
    return "" if seconds is None else duration(seconds)


def age(seconds: float) -> str:
    """Return how long ago something was, below an hour in one unit; a clock that stepped back makes it now."""
    if seconds < 1.0:
        return "just now"
    return f"{_whole(int(seconds if seconds < 60 or seconds >= 3600 else seconds // 60 * 60))} ago"


def _whole(seconds: int) -> str:
    for unit, name, smaller, smaller_name in _UNITS:
        if seconds >= unit:
            rest = seconds % unit // smaller
            return f"{seconds // unit} {name}" + (f" {rest} {smaller_name}" if rest else "")
    return f"{seconds} s"


def utc(wall: float) -> str:
    """Return a POSIX time as a date and time in UTC, to the second."""
    return rfc3339(wall).replace("T", " ").replace("Z", " UTC")


def moment(wall: float, now_wall: float) -> Moment:
    """Return a POSIX time with its age."""
    return Moment(iso=rfc3339(wall, timespec="milliseconds"), utc=utc(wall), age=age(now_wall - wall))


def fault_words(fault: Fault) -> FaultWords:
    """Return reason, stage and leg, the reason first: it is what people look for; a leg of one stage needs no stage."""
    words = str(fault.reason).replace("_", " ")
    if len(STAGES_OF[fault.leg]) > 1:
        words += f" at {str(fault.stage).replace('_', ' ')}"
    return FaultWords(words=f"{words} ({fault.leg})", names=str(fault), detail=fault.detail)
