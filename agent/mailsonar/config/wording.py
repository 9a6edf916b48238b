"""How places, names and foreign text are put into messages: short, on one line, and never a secret."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

Loc = tuple[str | int, ...]
"""The keys and list indexes that lead to a place in a config file."""

WHOLE_FILE = "(file)"
EMPTY = '""'
_SECRETS = frozenset({"password", "client_secret", "refresh_token"})
_SHOWN_CHARACTERS = 80
_SHOWN_NAMES = 8


def within_secret(loc: Loc) -> bool:
    """Tell whether a place is, or lies inside, the value of a secret."""
    return _secret_ends(loc) is not None


def _secret_ends(loc: Loc) -> int | None:
    """Return how many keys lead to the secret that a place is, or lies inside; None where it does not."""
    if loc[:1] == ("signing_key",):
        return 1
    if loc[:1] == ("basic_auth_users",) and len(loc) > 1:
        return 2
    return next((index + 1 for index, key in enumerate(loc) if index >= 3 and key in _SECRETS), None)


def path_text(loc: Loc) -> str:
    """Return a place as people write it; what stands inside a secret is not named, for it may be the secret."""
    text = ""
    for key in loc[: _secret_ends(loc)]:
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
