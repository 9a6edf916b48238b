"""TLS: contexts from a policy, facts from a handshake (RFC 8446, 6125).

OpenSSL verifies, always, and no config can switch that off; only a glimpse, on which nothing is sent, goes without. A
context costs 21 ms with the system's CA bundle, so one is made for each policy and kept.
"""

from __future__ import annotations

import _ssl
import ssl
from functools import lru_cache

from mailsonar.model.fault import TlsFailed
from mailsonar.model.result import TlsFacts
from mailsonar.model.server import Server, TlsPolicy
from mailsonar.model.stage import Stage
from mailsonar.net.certificates import chain_facts
from mailsonar.wire.lines import printable

SHARED_FACTS = 16_384
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


def blind_context(policy: TlsPolicy) -> ssl.SSLContext:
    """Return a context that verifies nothing and shows no client certificate, for handshakes on which nothing is sent.

    It costs less than a millisecond, since it reads no authorities, and is too rare to be kept.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = _VERSIONS[policy.min_version]
    return context


def verified_facts(server: Server, session: ssl.SSLSocket) -> TlsFacts:
    """Return what a finished, verified handshake told.

    The whole chain that was verified counts, its anchor in our trust store, too: OpenSSL refuses an expired one.
    """
    return _facts(server, session, _chain(session, "get_verified_chain"), problem=None)


def glimpsed_facts(server: Server, session: ssl.SSLSocket, problem: str) -> TlsFacts:
    """Return what a handshake told in which nothing was verified.

    Args:
        server: whose handshake.
        session: over it, nothing may be sent.
        problem: why verification had failed before.
    """
    return _facts(server, session, _chain(session, "get_unverified_chain"), problem=problem)


def unverified_facts(server: Server, problem: str) -> TlsFacts:
    """Return what is known after verification failed."""
    return TlsFacts(
        server=server.name,
        protocol=server.protocol,
        version=None,
        cipher=None,
        verified=False,
        not_after_wall=None,
        problem=printable(problem),
    )


def _facts(server: Server, session: ssl.SSLSocket, chain: tuple[bytes, ...], problem: str | None) -> TlsFacts:
    cipher, certificates = session.cipher(), chain_facts(chain)
    facts = TlsFacts(
        server=server.name,
        protocol=server.protocol,
        version=session.version(),
        cipher=cipher[0] if cipher else None,
        verified=problem is None,
        not_after_wall=certificates.not_after_wall,
        not_after_earliest_wall=certificates.not_after_earliest_wall,
        problem=problem,
        names=certificates.names,
        issuer=certificates.issuer,
        key=certificates.key,
    )
    return shared(facts)


@lru_cache(maxsize=SHARED_FACTS)
def shared(facts: TlsFacts) -> TlsFacts:
    """Return the same object for the same facts: a server's are kept by whoever shows them, and seldom change."""
    return facts


def _chain(session: ssl.SSLSocket, getter: str) -> tuple[bytes, ...]:
    """Return a chain in DER, the leaf first; the leaf alone where Python tells no more.

    The getters are public from Python 3.13 on; before that, the object within has them, and returns other values.
    """
    if hasattr(session, getter):
        return tuple(getattr(session, getter)())
    within = getattr(getattr(session, "_sslobj", None), getter, None)
    if within is not None:
        return tuple(certificate.public_bytes(_ssl.ENCODING_DER) for certificate in within() or ())
    leaf = session.getpeercert(binary_form=True)
    return (leaf,) if leaf else ()
