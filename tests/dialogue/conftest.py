"""What the dialogues' tests share: a certificate authority made once."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import pytest
import trustme

from mailsonar.model.server import TlsPolicy


@dataclass(frozen=True, slots=True)
class Tls:
    """A server's context, and the policy by which a client trusts it."""

    context: ssl.SSLContext
    policy: TlsPolicy


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Return TLS for 127.0.0.1."""
    authority = trustme.CA()
    ca_file = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return Tls(context, TlsPolicy(ca_file=str(ca_file)))
