"""What a chain of certificates says (RFC 5280): names, issuer, key and ends, in words fit for people.

The chain may be anybody's: what does not parse is left out, what is said is cut short and made printable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from mailsonar.wire.lines import printable

T = TypeVar("T")
U = TypeVar("U")

NAMES_KEPT = 10
NAME_LIMIT = 100

_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFacts:
    """What is known of a chain; ends in POSIX seconds."""

    not_after_wall: float | None = None
    not_after_earliest_wall: float | None = None
    names: tuple[str, ...] = ()
    issuer: str | None = None
    key: str | None = None


@lru_cache(maxsize=256)  # a server shows the same chain for months, and to read one costs half a TLS handshake
def chain_facts(chain: tuple[bytes, ...]) -> ChainFacts:
    """Return what a chain says.

    Args:
        chain: certificates in DER, the leaf first; it may be empty.
    """
    read = [_tried(x509.load_der_x509_certificate, der) for der in chain]
    if not read or (leaf := read[0]) is None:
        return ChainFacts()
    ends = [_tried(_end, certificate) for certificate in read if certificate]
    return ChainFacts(
        not_after_wall=ends[0],
        not_after_earliest_wall=min((end for end in ends if end is not None), default=None),
        names=_tried(_names, leaf) or (),
        issuer=_tried(_issuer, leaf),
        key=_tried(_key, leaf),
    )


def _tried(read: Callable[[T], U], source: T) -> U | None:
    """Return what is read, None where the certificate makes no sense there."""
    try:
        return read(source)
    except _UNREADABLE:
        return None


def _end(certificate: x509.Certificate) -> float:
    return certificate.not_valid_after_utc.timestamp()


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the DNS names and addresses that the certificate is for (RFC 5280 section 4.2.1.6)."""
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    dns: Iterable[str] = alternatives.get_values_for_type(x509.DNSName)
    addresses = map(str, alternatives.get_values_for_type(x509.IPAddress))
    return tuple(printable(name, NAME_LIMIT) for name in (*dns, *addresses)[:NAMES_KEPT])


def _issuer(certificate: x509.Certificate) -> str:
    return printable(certificate.issuer.rfc4514_string())


def _key(certificate: x509.Certificate) -> str | None:
    key = certificate.public_key()
    match key:
        case rsa.RSAPublicKey():
            return f"RSA {key.key_size}"
        case ec.EllipticCurvePublicKey():
            return f"ECDSA {_CURVES.get(key.curve.name, key.curve.name)}"
        case dsa.DSAPublicKey():
            return f"DSA {key.key_size}"
        case ed25519.Ed25519PublicKey():
            return "Ed25519"
        case ed448.Ed448PublicKey():
            return "Ed448"
    return None
