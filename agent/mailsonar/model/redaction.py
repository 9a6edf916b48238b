"""Strikes secrets out of text that a server sent, before any sink sees it.

A server may quote what it was sent: the password itself, or the base64 that carried it, where the password may begin at
any of the three offsets within a group of three bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

STRUCK_OUT = "***"
_SHORTEST = 4


def strike_out(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every form of the secrets struck out.

    Args:
        text: what is about to be shown.
        secrets: plain values; those under four characters are struck out as whole only.
    """
    for secret in secrets:
        for form in _forms(secret):
            text = text.replace(form, STRUCK_OUT)
    return text


def _forms(secret: str) -> list[str]:
    raw = secret.encode()
    encoded = [_inner_base64(raw, offset) for offset in range(3)]
    return sorted({secret, *(form for form in encoded if len(form) >= _SHORTEST)} - {""}, key=len, reverse=True)


def _inner_base64(raw: bytes, offset: int) -> str:
    """Return the base64 characters that depend on the secret alone when `offset` bytes stand before it."""
    encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
    skipped = (0, 2, 3)[offset]
    spare = (offset + len(raw)) % 3
    return encoded[skipped : len(encoded) - 1 if spare else None]
