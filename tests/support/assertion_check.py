"""Checks signed assertions (RFC 7515, 7519) with another library than the one that signs them."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey


def verified(
    assertion: str, key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the claims of an assertion.

    Raises:
        BadSignatureError: another key signed it, or something else.
    """
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    kind = RSAKey if isinstance(key, rsa.RSAPublicKey) else ECKey
    token = jwt.decode(assertion, kind.import_key(pem), algorithms=["PS256", "RS256", "ES256"])
    return dict(token.header), dict(token.claims)


def thumbprint(certificate: x509.Certificate) -> str:
    """Return what a header names a certificate by (RFC 7515 section 4.1.8)."""
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
