"""A certificate authority that lives as long as the sandbox, and the certificates that it signs, good and bad.

The root's key stays in memory; a leaf's key touches the disk only while OpenSSL loads it. Certificates follow RFC 5280
closely enough for verifiers that insist on it (key identifiers, key usage).
"""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK_NAMES = ("127.0.0.1", "::1", "localhost")
LeafKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What is special about a server certificate; without more it is good from yesterday on, for 90 days.

    `bits` asks for an RSA key of that length instead of an elliptic curve; `is_self_signed` leaves the root out.
    """

    not_before: datetime | None = None
    not_after: datetime | None = None
    bits: int | None = None
    has_alternative_names: bool = True
    is_self_signed: bool = False


USUAL = Leaf()


class Authority:
    """A root (ECDSA P-256) that issues server certificates, or an intermediate authority below one.

    Args:
        name: the common name.
        superior: who signs an intermediate authority, which servers then present behind their own certificate.
        not_after: when it ends; by default in ten years.
    """

    def __init__(
        self, name: str = "Sandbox Root", superior: Authority | None = None, not_after: datetime | None = None
    ) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._is_root = superior is None
        self.public_key = self._key.public_key()
        above, (since, until) = superior or self, _years_around_now(10)
        self._certificate = above.sign(
            _builder(self.name, above.name, self.public_key, since, not_after or until)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above.public_key), critical=False)
        )

    def sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """Return a certificate, signed."""
        return builder.sign(self._key, hashes.SHA256())

    def root_pem(self) -> bytes:
        """Return the root certificate."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def write_root(self, path: Path) -> None:
        """Write the root certificate to a file, for a client's `ca_file`."""
        path.write_bytes(self.root_pem())

    def client_context(self) -> ssl.SSLContext:
        """Return a context that trusts this root and nothing else."""
        return ssl.create_default_context(cadata=self.root_pem().decode())

    def server_context(self, *names: str, leaf: Leaf = USUAL) -> ssl.SSLContext:
        """Return a context that presents a fresh certificate; the arguments are those of `server_pem`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # or OpenSSL refuses to load what is weak
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:  # mode 0600, gone at the end of this block
            file.write(self.server_pem(*names, leaf=leaf))
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def server_pem(self, *names: str, leaf: Leaf = USUAL) -> bytes:
        """Return a fresh key, its certificate, and what servers present behind that, as one PEM file has them.

        Args:
            names: DNS names and IP literals that the certificate carries.
            leaf: what is special about it.
        """
        key: LeafKey = ec.generate_private_key(ec.SECP256R1())
        if leaf.bits:
            key = rsa.generate_private_key(65537, leaf.bits)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain = [self._issue(names, key, leaf), *([] if self._is_root else [self._certificate])]
        return private + b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)

    def _issue(self, names: tuple[str, ...], key: LeafKey, leaf: Leaf) -> x509.Certificate:
        now = datetime.now(UTC)
        since, until = leaf.not_before or now - timedelta(days=1), leaf.not_after or now + timedelta(days=90)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        issuer, signer = (subject, key) if leaf.is_self_signed else (self.name, self._key)
        builder = (
            _builder(subject, issuer, key.public_key(), since, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if leaf.has_alternative_names:
            alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(signer, hashes.SHA256())


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    """Begin a certificate."""
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )


def _years_around_now(years: int) -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return now - timedelta(days=365 * years), now + timedelta(days=365 * years)


def _general_name(name: str) -> x509.GeneralName:
    """Tell an IP literal from a DNS name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Return what a root's key, or else a server's key, may do (RFC 5280 section 4.2.1.3)."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
