"""What is said to a token endpoint, as the fields of a form (RFC 6749, 7521, 7523); keys sign here, and go nowhere.

A signed assertion lives for minutes only, and starts a minute ago: a clock that is a little ahead does no harm.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from mailsonar.model.oauth2 import (
    ClientCertificate,
    ClientProof,
    ClientSecret,
    FederatedToken,
    OAuth2,
    RefreshToken,
    ServiceAccount,
)

ASSERTION_SECONDS = 600
BACKDATED_SECONDS = 60
CONFIDENTIAL = ("client_secret", "client_assertion", "assertion", "refresh_token")

_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class KeyUnusable(Exception):
    """A key cannot sign; the message says why, and shows nothing of it."""


def form_of(oauth2: OAuth2, now_wall: float, refresh_token: str | None = None) -> dict[str, str]:
    """Return the fields that ask for a token.

    Args:
        oauth2: where and on which grounds.
        now_wall: the POSIX time, for assertions.
        refresh_token: one that the endpoint gave in place of the configured one.

    Raises:
        SecretUnreadable: a secret could never be read.
        KeyUnusable: a key cannot sign.
    """
    grant = oauth2.grant
    fields = {"scope": oauth2.scope} if oauth2.scope else {}
    if isinstance(grant, ServiceAccount):
        return {"grant_type": _JWT_GRANT, "assertion": _delegation(oauth2, grant, now_wall)}
    fields |= {"client_id": grant.client_id} | _proof(grant.proof, grant.client_id, oauth2.token_endpoint, now_wall)
    if isinstance(grant, RefreshToken):
        chosen = refresh_token or grant.refresh_token.reveal()
        return {"grant_type": "refresh_token", "refresh_token": chosen, **fields}
    return {"grant_type": "client_credentials", **fields}


def _proof(proof: ClientProof | None, client_id: str, endpoint: str, now_wall: float) -> dict[str, str]:
    match proof:
        case ClientSecret():
            return {"client_secret": proof.secret.reveal()}
        case ClientCertificate():
            claims = {"iss": client_id, "sub": client_id, "aud": endpoint, "jti": secrets.token_hex(16)}
            key, header = signing_key(proof.key.reveal()), {"x5t#S256": _thumbprint(proof.certificate.reveal())}
            assertion = _signed(claims, key, now_wall, header=header, for_rsa="PS256")
            return {"client_assertion_type": _JWT_BEARER, "client_assertion": assertion}
        case FederatedToken():
            return {"client_assertion_type": _JWT_BEARER, "client_assertion": proof.token.reveal()}
        case None:
            return {}


def _delegation(oauth2: OAuth2, grant: ServiceAccount, now_wall: float) -> str:
    account = service_account(grant.key_file.reveal())
    claims = {"iss": account["client_email"], "sub": grant.subject, "aud": oauth2.token_endpoint}
    claims |= {"scope": oauth2.scope} if oauth2.scope else {}
    header = {"kid": account["private_key_id"]} if account.get("private_key_id") else {}
    return _signed(claims, signing_key(account["private_key"]), now_wall, header=header, for_rsa="RS256")


def _signed(claims: dict[str, str], key: SigningKey, now_wall: float, *, header: dict[str, str], for_rsa: str) -> str:
    issued = int(now_wall) - BACKDATED_SECONDS
    times = {"iat": issued, "nbf": issued, "exp": issued + ASSERTION_SECONDS}
    algorithm = for_rsa if isinstance(key, rsa.RSAPrivateKey) else _CURVES[key.curve.name]
    return jwt.encode({**claims, **times}, key, algorithm=algorithm, headers=header)


def signing_key(pem: str) -> SigningKey:
    """Return a private key.

    Raises:
        KeyUnusable: it is none, is encrypted, or of a kind that signs no assertions.
    """
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise KeyUnusable("is encrypted: store it decrypted") from None
    except ValueError:
        raise KeyUnusable("holds no private key in PEM") from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return key
    raise KeyUnusable("must be an RSA key of at least 2048 bits, or one on the curve P-256, P-384 or P-521")


def certificate_of(pem: str) -> x509.Certificate:
    """Return a certificate.

    Raises:
        KeyUnusable: it is none.
    """
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise KeyUnusable("holds no certificate in PEM") from None


def service_account(text: str) -> dict[str, str]:
    """Return the fields of Google's key file for a service account.

    Raises:
        KeyUnusable: it is no such file.
    """
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(
        isinstance(found.get(key), str) for key in ("client_email", "private_key")
    ):
        raise KeyUnusable("is no key file of a service account: JSON with client_email and private_key")
    signing_key(found["private_key"])
    return {key: value for key, value in found.items() if isinstance(value, str)}


def _thumbprint(pem: str) -> str:
    """Return what names a certificate in a header (RFC 7515 section 4.1.8)."""
    digest = hashlib.sha256(certificate_of(pem).public_bytes(Encoding.DER)).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
