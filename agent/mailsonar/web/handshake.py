"""TLS on our own port: the context that a web config asks for (RFC 8446), and whose client certificates will do."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable, Mapping
from typing import Any

from mailsonar.config.web import ServerTls
from mailsonar.model.fault import TlsFailed

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}

_OPENSSL_NAMES = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}  # those of TLS 1.3 are always on


def server_context(tls: ServerTls) -> ssl.SSLContext:
    """Return the context of a server.

    Raises:
        TlsFailed: a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = _VERSIONS[tls.min_version], _VERSIONS[tls.max_version]
    context.options |= ssl.OP_NO_RENEGOTIATION
    if not tls.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if chosen := [_OPENSSL_NAMES[suite] for suite in tls.cipher_suites if suite in _OPENSSL_NAMES]:
        context.set_ciphers(":".join(chosen))
    try:
        context.load_cert_chain(tls.cert_file, tls.key_file, password="")
        if tls.client_ca_file:
            context.load_verify_locations(tls.client_ca_file)
    except OSError as error:  # the files were good a moment ago
        raise TlsFailed(f"a file named under `tls_server_config` cannot be used: {error}") from error
    context.verify_mode = _CLIENTS[tls.client_auth_type]
    return context


def is_allowed(certificate: Mapping[str, Any] | None, allowed: Iterable[str]) -> bool:
    """Tell whether a client certificate carries one of the names, addresses or URIs that are allowed.

    Args:
        certificate: as `SSLObject.getpeercert` tells it; None where the client showed none.
        allowed: as the config writes them.
    """
    carried = {_plain(name) for _, name in (certificate or {}).get("subjectAltName", ())}
    return any(_plain(name) in carried for name in allowed)


def _plain(name: str) -> str:
    """Return a name as it is, an address in its one short form."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
