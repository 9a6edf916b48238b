"""How long tests of endurance last: minutes in the suite, and as long as a user would want where a soak is asked for.

A soak is asked for by the environment variable MAILSONAR_SOAK, set to anything but nothing.
"""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

SOAKING = bool(os.environ.get("MAILSONAR_SOAK"))


def scaled(suite: T, soak: T) -> T:
    """Return the first value in the suite, the second in a soak."""
    return soak if SOAKING else suite
