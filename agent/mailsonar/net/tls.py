"""TLS: contexts from a policy, facts from a handshake (RFC 8446, 6125).

OpenSSL verifies, always; nothing here can switch that off. A context costs 21 ms with the system's CA bundle, so one is
made for each policy and kept.
"""

from __future__ import annotations

import ssl

from cryptography import x509

from mailsonar.model.fault import TlsFailed
from mailsonar.model.result import TlsFacts
from mailsonar.model.server import Server, TlsPolicy
from mailsonar.model.stage import Stage

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class TlsContexts:
    """One client context for each policy, made when first wanted."""

    def __init__(self) -> None:
        self._contexts: dict[TlsPolicy, ssl.SSLContext] = {}

    def of(self, policy: TlsPolicy) -> ssl.SSLContext:
        """Return the context of a policy.

        Raises:
            TlsFailed: a file that the policy names cannot be used.
        """
        if policy not in self._contexts:
            self._contexts[policy] = _context(policy)
        return self._contexts[policy]


def _context(policy: TlsPolicy) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=policy.ca_file)
        if policy.certificate:
            context.load_cert_chain(policy.certificate, policy.key, _no_passphrase)
    except OSError as error:
        raise TlsFailed(f"a file named under `tls` cannot be used: {error}", stage=Stage.TLS_HANDSHAKE) from error
    context.minimum_version = _VERSIONS[policy.min_version]
    context.hostname_checks_common_name = False
    # Python 3.13 changed these defaults; the same certificate must get the same verdict on every version.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _no_passphrase() -> str:
    """Keep OpenSSL from asking on the terminal."""
    raise OSError("the private key is encrypted; the agent has no passphrase for it, so store it decrypted")


def verified_facts(server: Server, session: ssl.SSLSocket) -> TlsFacts:
    """Return what a finished, verified handshake told."""
    cipher = session.cipher()
    certificate = session.getpeercert(binary_form=True)
    return TlsFacts(
        server=server.name,
        protocol=server.protocol,
        version=session.version(),
        cipher=cipher[0] if cipher else None,
        verified=True,
        not_after_wall=_not_after(certificate) if certificate else None,
    )


def unverified_facts(server: Server) -> TlsFacts:
    """Return what is known after verification failed."""
    return TlsFacts(
        server=server.name, protocol=server.protocol, version=None, cipher=None, verified=False, not_after_wall=None
    )


def _not_after(certificate: bytes) -> float | None:
    try:
        return x509.load_der_x509_certificate(certificate).not_valid_after_utc.timestamp()
    except ValueError:
        return None
