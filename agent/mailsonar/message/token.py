"""The signed identity of an attempt: what makes a message ours.

A token is text that survives gateways: lower-case letters, digits and hyphens, safe in a header field and in the left
side of a Message-ID. Its HMAC covers the random id, the route, the start time and the instance that sent it; the id
alone is public, the HMAC never shows.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from mailsonar.model.server import Secret

ID_BYTES = 12
INSTANCE_BYTES = 5
_MAC_BYTES = 16
# A server may fold what it quotes: blanks may stand anywhere.
_MAC = re.compile(
    r"(m\s*s\s*1\s*-\s*(?:[a-z2-7]\s*){20}-\s*(?:[a-z2-7]\s*){8}-\s*(?:[a-z2-7]\s*){8}-\s*(?:[0-9a-f]\s*){11,12}-)"
    r"(?:\s*[a-z2-7]){1,26}",
    re.IGNORECASE,
)
_TEXT = re.compile(r"ms1-([a-z2-7]{20})-([a-z2-7]{8})-([a-z2-7]{8})-([0-9a-f]{11,12})-([a-z2-7]{26})")


def base32(raw: bytes) -> str:
    """Return lower-case base32 without padding."""
    return base64.b32encode(raw).decode().rstrip("=").lower()


def route_digest(route_name: str) -> str:
    """Return eight characters that stand for a route, whatever its name is made of."""
    return base32(hashlib.sha256(route_name.encode()).digest()[:5])


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Who sent a message, for which route and when; `started_ms` in POSIX milliseconds."""

    id: str
    route: str
    instance: str
    started_ms: int

    def signed(self, key: Secret) -> str:
        """Return the token's text with its HMAC."""
        claim = f"ms1-{self.id}-{self.route}-{self.instance}-{self.started_ms:011x}"
        return f"{claim}-{_mac(claim, key)}"


def _mac(claim: str, key: Secret) -> str:
    return base32(hmac.new(key.reveal().encode(), claim.encode(), "sha256").digest()[:_MAC_BYTES])


def hide_macs(text: str) -> str:
    """Return text of a server, which may quote our Message-ID, with the HMACs of tokens struck out."""
    return _MAC.sub(r"\1***", text)


def verify(text: str, key: Secret) -> Token | None:
    """Return the token that a text carries, None unless its HMAC verifies.

    Args:
        text: exactly a token's text, as a header field or Message-ID gave it.
        key: the signing key of the fleet.
    """
    found = _TEXT.fullmatch(text)
    if not found:
        return None
    claim, _, mac = text.rpartition("-")
    if not hmac.compare_digest(_mac(claim, key), mac):
        return None
    token_id, route, instance, started, _ = found.groups()
    return Token(id=token_id, route=route, instance=instance, started_ms=int(started, 16))
