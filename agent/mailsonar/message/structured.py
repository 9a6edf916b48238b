"""Takes a structured header field apart (RFC 5322 section 3.2): what stands between semicolons, and its comments.

One pass over a field that is bounded already; quoted strings keep their quotes, and what is never closed goes on to the
end of the field. After 64 parts a semicolon is text. All text comes out printable, its white space single blanks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PARTS_LIMIT = 64

_PIECE = re.compile(r"\\.|[\"();]|[^\\\"();]+|\\", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Structured:
    """A field without its comments, cut at its semicolons, and the text of its comments."""

    parts: tuple[str, ...]
    comments: str


def structured(value: bytes) -> Structured:
    """Return a field's value in parts.

    Args:
        value: unfolded, as it was sent.
    """
    parts: list[list[str]] = [[]]
    comments: list[str] = []
    depth, is_quoted = 0, False
    for piece in _PIECE.findall(value.decode("utf-8", "replace")):
        if not is_quoted and piece == "(":
            depth += 1
            (parts[-1] if depth == 1 else comments).append(" ")
        elif depth:
            depth -= piece == ")"
            comments.append(" " if piece == ")" else piece)
        elif piece == ";" and not is_quoted and len(parts) < PARTS_LIMIT:
            parts.append([])
        else:
            is_quoted ^= piece == '"'
            parts[-1].append(piece)
    return Structured(parts=tuple(map(_line, parts)), comments=_line(comments))


def _line(pieces: list[str]) -> str:
    shown = " ".join("".join(pieces).split())
    if not shown.isprintable():
        shown = " ".join("".join(char if char.isprintable() else " " for char in shown).split())
    return shown
