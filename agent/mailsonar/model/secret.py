"""A value that must not show. A `Secret` never prints itself: what needs the plain value says `reveal()`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that must not show: named by where it comes from, read anew whenever it is revealed.

    Two secrets are equal when they come from the same place, so that a reload can tell an unchanged account.

    Raises (from `reveal`):
        SecretUnreadable: nothing usable was ever read from the place.
    """

    source: str
    read: Callable[[], str] = field(repr=False, compare=False)

    def reveal(self) -> str:
        """Return the plain value as it is now."""
        return self.read()

    def __str__(self) -> str:
        return "***"


class SecretUnreadable(Exception):
    """The file or variable that should hold a secret gave none; the message names the place, never the value."""
