"""Looks for pieces of secrets in what is shown, plain, in base64 and escaped."""

from __future__ import annotations

import base64
import html
import re
import urllib.parse
from collections.abc import Iterable

PIECE = 8  # so many characters of a secret in a row are a leak


def base64_forms(secret: str) -> list[str]:
    """Return the base64 of a secret wherever it may begin in a longer text, without what its neighbours change."""
    forms = []
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret.encode() + b"\0" * 3).decode()
        forms.append(encoded[-(-offset * 8 // 6) : (offset + len(secret.encode())) * 8 // 6])
    return forms


def leaks(text: str, secrets: Iterable[str]) -> set[str]:
    """Return the pieces of a secret that a text shows, plain or in base64, however the text is escaped."""
    forms = [form for secret in secrets for form in (secret, *base64_forms(secret))]
    pieces = {form[at : at + PIECE] for form in forms for at in range(len(form) - PIECE + 1)}
    readings = (text, html.unescape(text), urllib.parse.unquote(text), text.replace('\\"', '"').replace("\\\\", "\\"))
    return {piece for piece in pieces if any(piece in reading for reading in readings)}


def macs(text: str) -> list[str]:
    """Return the signed tokens that a text shows: their random id may show, their HMAC may not."""
    return re.findall(r"ms1-[a-z2-7]{20}-[a-z2-7]{8}-[a-z2-7]{8}-[0-9a-f]{11,12}-[a-z2-7]+", text)
