"""How places, names and foreign text are put into messages: short, on one line, and never a secret."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

Loc = tuple[str | int, ...]
"""The keys and list indexes that lead to a place in a config file."""

WHOLE_FILE = "(file)"
EMPTY = '""'
_SHOWN_CHARACTERS = 80
_SHOWN_NAMES = 8


def within_secret(loc: Loc) -> bool:
    """Tell whether a place is, or lies inside, the value of a secret."""
    return loc[:1] == ("signing_key",) or "password" in loc[3:]


def path_text(loc: Loc) -> str:
    """Return a place as people write it; what stands inside a secret is not named, for it may be the secret."""
    if within_secret(loc):
        loc = loc[: loc.index("password", 3) + 1] if "password" in loc[3:] else loc[:1]
    text = ""
    for key in loc:
        text += f"[{key}]" if isinstance(key, int) else f".{printable(key) or EMPTY}"
    return text.removeprefix(".") or WHOLE_FILE


def printable(text: str) -> str:
    """Return text on one line, short, without anything that a terminal would obey."""
    shown = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in shown)


def listing(names: Collection[str]) -> str:
    """Return names for a message, "none" where there are none; many are cut short."""
    shown = ", ".join(map(printable, islice(names, _SHOWN_NAMES))) or "none"
    left = len(names) - _SHOWN_NAMES
    return f"{shown} and {left} more" if left > 0 else shown
