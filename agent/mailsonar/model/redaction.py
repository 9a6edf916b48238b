"""Strikes secrets out of text that a server sent, before any sink sees it.

A server may quote what it was sent: the password itself, or the base64 that carried it, where the password may begin at
any of the three offsets within a group of three bytes. And text that was cut short may end within the quotation.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

STRUCK_OUT = "***"
CUT = "…"
_SHORTEST = 4
_LONG = 64
_PIECE = re.compile(r"[A-Za-z0-9._~+/=-]{12,}")


def strike_out(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every form of the secrets struck out.

    Args:
        text: what is about to be shown; where it was cut short stands an ellipsis.
        secrets: plain values; those under four characters are struck out as whole only.
    """
    for secret in secrets:
        forms = _forms(secret)
        for form in forms:
            text = text.replace(form, STRUCK_OUT)
        if CUT in text:
            text = _strike_out_cut(text, forms)
        text = _strike_out_pieces(text, forms)
    return text


def _strike_out_pieces(text: str, forms: Iterable[str]) -> str:
    """Return the text without parts of what is so long that a server may quote it line by line: an access token."""
    long_forms = [form for form in forms if len(form) >= _LONG]

    def struck_out(piece: re.Match[str]) -> str:
        return STRUCK_OUT if any(piece[0] in form for form in long_forms) else piece[0]

    return _PIECE.sub(struck_out, text) if long_forms else text


def _strike_out_cut(text: str, forms: Iterable[str]) -> str:
    """Return the text without what a cut has left of the forms."""
    beginnings = {form[:length] for form in forms for length in range(1, min(len(form), len(text) + 1))}
    for beginning in sorted(beginnings, key=len, reverse=True):
        text = text.replace(beginning + CUT, STRUCK_OUT + CUT)
    return text


def _forms(secret: str) -> list[str]:
    raw = secret.encode()
    encoded = [_inner_base64(raw, offset) for offset in range(3)]
    shown = "".join(char if char.isprintable() else " " for char in secret)
    forms = {secret, shown, *(form for form in encoded if len(form) >= _SHORTEST)}
    return sorted(forms - {""}, key=len, reverse=True)


def _inner_base64(raw: bytes, offset: int) -> str:
    """Return the base64 characters that depend on the secret alone when `offset` bytes stand before it."""
    encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
    skipped = (0, 2, 3)[offset]
    spare = (offset + len(raw)) % 3
    return encoded[skipped : len(encoded) - 1 if spare else None]
