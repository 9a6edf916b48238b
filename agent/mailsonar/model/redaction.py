"""Strikes secrets out of text that a server sent, before any sink sees it.

A server may quote what it was sent: the password itself, or the base64 that carried it, where the password may begin at
any of the three offsets within a group of three bytes. It may do so in another case, or broken over the lines of its
reply. And text that was cut short may end within the quotation.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from string import ascii_uppercase

STRUCK_OUT = "***"
CUT = "…"
_SHORTEST = 4
_LONG = 64
_SHORTEST_BROKEN = 8  # what is shorter may well be made up of two innocent words
# A text is cut at its end: the last few ellipses of a line are ours, and a server's own must not cost us time.
_CUTS = 4
_CUT_LIMIT = 400
_PIECE = re.compile(r"[A-Za-z0-9._~+/=-]{12,}")
_LOWER_ASCII = {ord(char): char.lower() for char in ascii_uppercase}


def strike_out(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every form of the secrets struck out.

    Args:
        text: what is about to be shown; where it was cut short stands an ellipsis.
        secrets: plain values; those under four characters are struck out as whole only.
    """
    return _strike(tuple(secrets)).out_of(text)


@lru_cache(maxsize=256)  # a session has a dozen texts, and an account many sessions
def _strike(secrets: tuple[str, ...]) -> Strike:
    return Strike(secrets)


class Strike:
    """Strikes the same secrets out of one text after the other."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms = {form for secret in secrets for form in _forms(secret)}
        bare_forms = {_bare(form) for form in self._forms if len(form) < _LONG}  # longer ones go piece by piece
        self._bare_forms = {bare for bare in bare_forms if len(bare) >= _SHORTEST_BROKEN}

    def out_of(self, text: str) -> str:
        """Return the text with every form of the secrets struck out."""
        shown, end = "", 0
        for start, stop in sorted((*self._whole(text), *self._broken(text), *self._cut(text))):
            if stop > end:  # what secrets have in common goes with the first of them, the rest with the next
                shown += text[end:start] + STRUCK_OUT if start >= end else ""
                end = stop
        return self._without_pieces(shown + text[end:])

    def _whole(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where the forms stand in the text."""
        for form in self._forms:
            start = text.find(form)
            while start >= 0:
                yield start, start + len(form)
                start = text.find(form, start + 1)

    def _broken(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where forms that are not short stand in any case, with blanks or ends of lines within them."""
        bare = _bare(text)
        found = [form for form in self._bare_forms if form in bare]
        places = [place for place, char in enumerate(text) if not char.isspace()] if found else []
        for form in found:
            start = bare.find(form)
            while start >= 0:
                yield places[start], places[start + len(form) - 1] + 1
                start = bare.find(form, start + 1)

    def _cut(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where a cut has left the beginnings of forms."""
        for line in re.finditer("[^\n]+", text) if CUT in text else ():
            ends = [cut.start() for cut in re.finditer(CUT, line[0])]
            for end in ends[-_CUTS:]:
                lengths = range(min(end, _CUT_LIMIT), 0, -1)
                longest = next((some for some in lengths if line[0][end - some : end] in self._beginnings), 0)
                if longest:
                    yield line.start() + end - longest, line.start() + end

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        return frozenset(form[:length] for form in self._forms for length in range(1, min(len(form), _CUT_LIMIT + 1)))

    def _without_pieces(self, text: str) -> str:
        """Return the text without parts of what is so long that a server may quote it line by line: an access token."""
        long_forms = [form for form in self._forms if len(form) >= _LONG]

        def struck_out(piece: re.Match[str]) -> str:
            return STRUCK_OUT if any(piece[0] in form for form in long_forms) else piece[0]

        return _PIECE.sub(struck_out, text) if long_forms else text


def _bare(text: str) -> str:
    """Return the text without blanks and in one case, each of its other characters in its place."""
    return "".join(text.split()).translate(_LOWER_ASCII)


def _forms(secret: str) -> set[str]:
    raw = secret.encode()
    encoded = [_inner_base64(raw, offset) for offset in range(3)]
    shown = secret if secret.isprintable() else "".join(char if char.isprintable() else " " for char in secret)
    return {secret, shown, *(form for form in encoded if len(form) >= _SHORTEST)} - {""}


def _inner_base64(raw: bytes, offset: int) -> str:
    """Return the base64 characters that depend on the secret alone when `offset` bytes stand before it."""
    encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
    skipped = (0, 2, 3)[offset]
    spare = (offset + len(raw)) % 3
    return encoded[skipped : len(encoded) - 1 if spare else None]
