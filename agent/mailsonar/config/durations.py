"""Durations as operators write them, and as we write them back: an integer and its unit."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

DURATION = "must be a duration such as 500ms, 30s, 5m or 1h"
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_HOURS = 720
_WRITTEN = re.compile(r"([0-9]{1,12})(ms|s|m|h)", re.ASCII)
_JSON_SCHEMA = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$", "examples": ["500ms", "30s", "5m", "1h"]}


def parse_duration(value: object) -> float:
    """Return the seconds of a written duration.

    Raises:
        PydanticCustomError: it is no duration, nothing at all, or longer than 30 days.
    """
    if _bare_number(value):
        raise PydanticCustomError("duration", f"{DURATION}; a bare number has no unit: write {value}s")
    written = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        raise PydanticCustomError("duration", DURATION)
    seconds = int(written[1]) * _SECONDS[written[2]]
    if not 0 < seconds <= _LONGEST_HOURS * 3600:
        raise PydanticCustomError("duration", f"must be longer than 0s and at most {_LONGEST_HOURS}h")
    return seconds


def format_duration(seconds: float) -> str:
    """Return seconds as an operator would write them, in the largest unit that leaves no rest."""
    milliseconds = round(seconds * 1000)
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def _bare_number(value: object) -> bool:
    """Tell whether only the unit is missing."""
    if isinstance(value, str):
        return re.fullmatch(r"[0-9]{1,12}", value, re.ASCII) is not None
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12


def _at_least_a_second(seconds: float) -> float:
    """Refuse what would hammer a server."""
    if seconds < 1:
        raise PydanticCustomError("duration", "must be at least 1s")
    return seconds


def _parse_poll(value: object) -> float | None:
    """Return the seconds of a fixed gap between two looks, None for `adaptive`."""
    if value == "adaptive":
        return None
    try:
        return _at_least_a_second(parse_duration(value))
    except PydanticCustomError as error:
        raise PydanticCustomError("duration", f"{error.message()}; or adaptive") from None


def _parse_interval(value: object) -> float:
    """Return the seconds between two attempts."""
    return _at_least_a_second(parse_duration(value))


Duration = Annotated[float, BeforeValidator(parse_duration), WithJsonSchema(_JSON_SCHEMA)]
Interval = Annotated[float, BeforeValidator(_parse_interval), WithJsonSchema(_JSON_SCHEMA)]
Poll = Annotated[
    float | None,
    BeforeValidator(_parse_poll),
    WithJsonSchema({"anyOf": [{"const": "adaptive"}, _JSON_SCHEMA]}),
]
