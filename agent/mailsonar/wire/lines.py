"""Lines as SMTP and POP3 send them: the reader that all others are made of, and text made fit for people.

A reader is called with the receive buffer, eats from its front only what it used, and returns its value, or None while
it needs more. It may remember what it ate, so that a long answer is read in linear time and bounded memory.
A bare LF is tolerated as the end of a line (RFC 5321 section 2.3.8 forbids it, servers send it).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from mailsonar.model.fault import LimitExceeded

T = TypeVar("T")
Reader = Callable[[bytearray], T | None]

LINE_LIMIT = 8 * 1024
TEXT_LIMIT = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def take_line(buffer: bytearray, limit: int = LINE_LIMIT) -> bytes | None:
    """Take one line off the front of the buffer.

    Args:
        buffer: what was received.
        limit: the most bytes that a line may have, its end included.

    Returns:
        The line without its end, or None while it is incomplete.

    Raises:
        LimitExceeded: no end of line within the limit.
    """
    end = buffer.find(b"\n", 0, limit)
    if end < 0:
        if len(buffer) >= limit:
            raise LimitExceeded(f"a line longer than {limit} bytes")
        return None
    line = bytes(buffer[:end])
    del buffer[: end + 1]
    return line.removesuffix(b"\r")


def printable(raw: bytes | str, limit: int = TEXT_LIMIT) -> str:
    """Return text of the peer as one printable line of at most `limit` characters."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    shown = text[: limit + 1]
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else " " for char in shown)
    shown = shown.strip()
    return shown if len(text) <= limit else shown[: limit - 1] + "…"


def has_control(value: str) -> bool:
    """Tell whether a protocol argument carries a control character, which could start a command of its own."""
    return _CONTROL.search(value) is not None


def command(*words: str) -> bytes:
    """Return a command line with its CRLF.

    Raises:
        ValueError: a word carries a control character; the config refuses those, so this is our own bug.
    """
    line = " ".join(words)
    if has_control(line):
        raise ValueError("a command may not carry a control character")
    return line.encode() + b"\r\n"
