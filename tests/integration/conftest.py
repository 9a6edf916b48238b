"""What these tests share: the agent's side of the network, TLS for servers on loopback, and a world of mail."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator

import pytest
import trustme
from tests.support.probing import Probing, probing
from tests.support.scripted_peer import network

from mailsonar.model.server import TlsPolicy
from mailsonar.net.converse import Network


@pytest.fixture
async def mail() -> AsyncIterator[Probing]:
    """A world of mail, and probes in it."""
    async with probing() as made:
        yield made


@pytest.fixture
def net() -> Iterator[Network]:
    """Return what sessions share."""
    with network() as shared:
        yield shared


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Return who signs the certificates."""
    return trustme.CA()


@pytest.fixture(scope="session")
def policy(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> TlsPolicy:
    """Return the trust in that authority."""
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return TlsPolicy(ca_file=str(path))


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    """Return a server's context for 127.0.0.1."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    return made
