"""What a chain of certificates says: right where it makes sense, nothing where it does not, never an exception."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from mailsonar.net.certificates import NAME_LIMIT, NAMES_KEPT, ChainFacts, chain_facts

SINCE = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
UNTIL = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
SIGNER = ec.generate_private_key(ec.SECP256R1())
HOSTILE = "Evil\x1b[31m\nCA\u202e" + "x" * 40


def made(names: tuple[str, ...] = ("mx.acme.example",), until: dt.datetime = UNTIL, key: object = SIGNER) -> bytes:
    """Return a certificate in DER."""
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOSTILE)])
    builder = x509.CertificateBuilder(issuer, issuer, key.public_key(), 1, SINCE, until).add_extension(  # type: ignore[attr-defined]
        x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
    )
    return builder.sign(SIGNER, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


LEAF = made()
KEYS: dict[str, Callable[[], object]] = {
    "RSA 2048": lambda: rsa.generate_private_key(65537, 2048),
    "ECDSA P-256": lambda: SIGNER,
    "ECDSA P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ECDSA secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "DSA 2048": lambda: dsa.generate_private_key(2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "Ed448": ed448.Ed448PrivateKey.generate,
}


@pytest.mark.parametrize("words", KEYS)
def test_a_key_is_named_by_kind_and_size(words: str) -> None:
    """An engineer reads the key's kind and strength as OpenSSL would call them."""
    assert chain_facts((made(key=KEYS[words]()),)).key == words


def test_the_leaf_speaks_and_the_first_end_counts() -> None:
    """Names, issuer and key are the leaf's; the earliest end is that of any certificate of the chain."""
    facts = chain_facts((LEAF, made(until=UNTIL - dt.timedelta(days=90)), made(("other.example",))))
    assert facts.names == ("mx.acme.example",)
    assert (facts.not_after_wall, facts.not_after_earliest_wall) == (
        UNTIL.timestamp(),
        (UNTIL - dt.timedelta(days=90)).timestamp(),
    )


def test_what_is_said_is_bounded_and_printable() -> None:
    """A server can neither write escapes to a terminal nor fill a page by its certificate."""
    facts = chain_facts((made(tuple(f"{'a' * 60}.{'b' * 60}.n{number}.example" for number in range(100))),))
    assert len(facts.names) == NAMES_KEPT
    assert facts.issuer
    for text in (*facts.names, facts.issuer):
        assert text.isprintable()
        assert len(text) <= 2 * NAME_LIMIT


@pytest.mark.parametrize("chain", [(), (b"",), (b"garbage", LEAF), (LEAF[:100],)])
def test_no_leaf_says_nothing(chain: tuple[bytes, ...]) -> None:
    """Without a leaf that parses, nothing is known: facts of another certificate would be taken for it."""
    assert chain_facts(chain) == ChainFacts()


def test_a_broken_issuer_certificate_hides_no_leaf() -> None:
    """What follows the leaf may be anything."""
    assert chain_facts((LEAF, b"garbage")) == chain_facts((LEAF,))


@given(place=st.integers(0, len(LEAF) - 1), octet=st.integers(0, 255))
def test_a_certificate_with_any_byte_changed_raises_nothing(place: int, octet: int) -> None:
    """Whatever a server presents, reading it never fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        facts = chain_facts((LEAF[:place] + bytes([octet]) + LEAF[place + 1 :],))
    assert all(name.isprintable() for name in facts.names)
