"""Checks signed assertions with nothing but `cryptography` (RFC 7515, 7518, 7519): what signs them has no say here."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding


def verified(
    assertion: str, key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the claims of an assertion.

    Raises:
        InvalidSignature: another key signed it, or something else.
    """
    signed, _, signature = assertion.rpartition(".")
    header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
    raw = _decoded(signature)
    match header["alg"]:
        case "PS256":
            assert isinstance(key, rsa.RSAPublicKey)
            key.verify(raw, signed.encode(), padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size), SHA256())
        case "RS256":
            assert isinstance(key, rsa.RSAPublicKey)
            key.verify(raw, signed.encode(), padding.PKCS1v15(), SHA256())
        case "ES256":
            assert isinstance(key, ec.EllipticCurvePublicKey)
            r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
            key.verify(utils.encode_dss_signature(r, s), signed.encode(), ec.ECDSA(SHA256()))
        case other:
            raise AssertionError(f"an algorithm that nobody expects: {other}")
    return header, claims


def thumbprint(certificate: x509.Certificate) -> str:
    """Return what a header names a certificate by (RFC 7515 section 4.1.8)."""
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
