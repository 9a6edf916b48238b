"""Bad certificates: each is refused before anything is said, and OpenSSL's own number tells which fault it is."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from tests.support.scripted_peer import Peer, scripted_peer, server_at

from mailsonar.clock import SystemClock
from mailsonar.dialogue.steps import Dialogue, hear, upgrade
from mailsonar.model.fault import TlsFailed
from mailsonar.model.server import Security, TlsPolicy
from mailsonar.model.stage import Leg, Stage
from mailsonar.net.converse import Network, Session
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.wire.smtp import ReplyReader

DAY = dt.timedelta(days=1)
NOW = dt.datetime.now(dt.UTC)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
AlternativeName = x509.DNSName | x509.IPAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a certificate says, and who signs it; by default nothing is wrong with it."""

    subject: str = "mx.acme.example"
    names: tuple[AlternativeName, ...] = (
        x509.DNSName("mx.acme.example"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    )
    since: dt.datetime = NOW - DAY
    until: dt.datetime = NOW + 90 * DAY
    bits: int | None = None
    is_authority: bool = False


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    def pem(self) -> bytes:
        """Return the certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        """Return the key alone."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def issue(plan: Plan, issuer: Issued | None = None) -> Issued:
    """Sign a certificate; without an issuer it signs itself."""
    key: Key = rsa.generate_private_key(65537, plan.bits) if plan.bits else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, plan.subject)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(plan.since)
        .not_valid_after(plan.until)
        .add_extension(x509.BasicConstraints(ca=plan.is_authority, path_length=None), critical=True)
    )
    if plan.names and not plan.is_authority:
        builder = builder.add_extension(x509.SubjectAlternativeName(plan.names), critical=False)
    return Issued(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


ROOT = issue(Plan(subject="Root", is_authority=True))
OTHER_ROOT = issue(Plan(subject="Other root", is_authority=True))
INTERMEDIATE = issue(Plan(subject="Intermediate", is_authority=True), ROOT)
OLD_INTERMEDIATE = issue(Plan(subject="Old", is_authority=True, until=NOW - DAY / 2), ROOT)
WEAK_AUTHORITY = issue(Plan(subject="Weak", is_authority=True, bits=1024), ROOT)


def chains() -> Iterator[tuple[str, list[Issued], int]]:
    """Yield what servers show, from the leaf upwards, and the number that OpenSSL has for it."""
    yield "expired", [issue(Plan(until=NOW - DAY / 2), ROOT)], 10
    yield "not yet valid", [issue(Plan(since=NOW + DAY), ROOT)], 9
    yield "other name", [issue(Plan(names=(x509.DNSName("other.example"),)), ROOT)], 62
    yield "wildcard of another level", [issue(Plan(names=(x509.DNSName("*.mx.acme.example"),)), ROOT)], 62
    yield "name in the common name only", [issue(Plan(names=()), ROOT)], 62
    yield "self-signed", [issue(Plan())], 18
    yield "unknown root, shown", [issue(Plan(), OTHER_ROOT), OTHER_ROOT], 19
    yield "unknown root, not shown", [issue(Plan(), OTHER_ROOT)], 20
    yield "intermediate missing", [issue(Plan(), INTERMEDIATE)], 20
    yield "key of 1024 bits", [issue(Plan(bits=1024), ROOT)], 66
    yield "intermediate expired", [issue(Plan(), OLD_INTERMEDIATE), OLD_INTERMEDIATE], 10
    yield "authority's key of 1024 bits", [issue(Plan(), WEAK_AUTHORITY), WEAK_AUTHORITY], 67


CHAINS = {name: (chain, code) for name, chain, code in chains()}


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a file with the root that we trust."""
    path = tmp_path_factory.mktemp("trust") / "ca.pem"
    path.write_bytes(ROOT.pem())
    return str(path)


def context_with(chain: list[Issued], folder: Path) -> ssl.SSLContext:
    """Return the context of a server that shows a chain, and does not mind that it is weak."""
    path = folder / "server.pem"
    path.write_bytes(chain[0].key_pem() + b"".join(issued.pem() for issued in chain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(path)
    return context


def greeting(_: str) -> Dialogue[str]:
    """Start TLS at once and return the greeting."""
    yield from upgrade(implicit=True)
    return str((yield from hear(Stage.GREETING, ReplyReader())))


async def play_bad(peer: Peer, context: ssl.SSLContext) -> None:
    """Do a handshake that the client breaks off with an alert."""
    await peer.refuse_tls(context)
    assert await peer.hear_out() == b""


async def failed(net: Network, context: ssl.SSLContext, policy: TlsPolicy) -> tuple[TlsFailed, Session]:
    """Return how a session with such a server fails."""
    async with scripted_peer(lambda peer: play_bad(peer, context)) as port:
        server = server_at(port, security=Security.IMPLICIT_TLS, tls=policy)
        session = Session(net, server, Stopwatch(Leg.SUBMISSION, SystemClock()))
        with pytest.raises(TlsFailed) as caught:
            await session.hold(greeting)
    return caught.value, session


@pytest.mark.parametrize(("chain", "code"), CHAINS.values(), ids=CHAINS)
async def test_a_bad_certificate_is_refused_by_its_number(
    net: Network, ca_file: str, tmp_path: Path, chain: list[Issued], code: int
) -> None:
    """Nothing is said after a certificate that does not verify, and what is wrong with it is told by number."""
    context = context_with(chain, tmp_path)
    error, session = await failed(net, context, TlsPolicy(ca_file=ca_file, server_name="mx.acme.example"))
    assert (error.verify_code, error.stage) == (code, Stage.TLS_HANDSHAKE), error.detail
    assert error.detail
    assert session.tls is not None
    assert (session.tls.verified, session.tls.problem) == (False, error.detail)


async def test_an_address_must_be_in_the_certificate_too(net: Network, ca_file: str, tmp_path: Path) -> None:
    """Where the host is an address, a certificate for names alone is a mismatch."""
    context = context_with([issue(Plan(names=(x509.DNSName("127.0.0.1"),)), ROOT)], tmp_path)
    error, _ = await failed(net, context, TlsPolicy(ca_file=ca_file))
    assert error.verify_code == 64


async def test_our_root_is_not_the_systems(net: Network, tmp_path: Path) -> None:
    """Without `ca_file` the system's authorities decide, and a private root is none of them."""
    error, _ = await failed(net, context_with([issue(Plan(), ROOT), ROOT], tmp_path), TlsPolicy())
    assert error.verify_code in (19, 20)


GOOD = {
    "leaf": ([issue(Plan(), ROOT)], ROOT),
    "chain": ([issue(Plan(), INTERMEDIATE), INTERMEDIATE], ROOT),
    "chain with root": ([issue(Plan(), INTERMEDIATE), INTERMEDIATE, ROOT], ROOT),
    "wildcard": ([issue(Plan(names=(x509.DNSName("*.acme.example"),)), ROOT)], ROOT),
    "trusted intermediate": ([issue(Plan(), INTERMEDIATE)], INTERMEDIATE),
    "trusted leaf": ([leaf := issue(Plan())], leaf),
    "key of 2048 bits": ([issue(Plan(bits=2048), ROOT)], ROOT),
}


@pytest.mark.parametrize(("chain", "trusted"), GOOD.values(), ids=GOOD)
async def test_a_good_certificate_verifies(net: Network, tmp_path: Path, chain: list[Issued], trusted: Issued) -> None:
    """A chain to what `ca_file` holds, be it root, intermediate or the leaf itself, is good; its end is known."""
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(trusted.pem())

    async def play(peer: Peer) -> None:
        peer.say(b"220 welcome\r\n")

    async with scripted_peer(play, context_with(chain, tmp_path)) as port:
        policy = TlsPolicy(ca_file=str(ca_file), server_name="mx.acme.example")
        session = Session(net, server_at(port, tls=policy), Stopwatch(Leg.SUBMISSION, SystemClock()))
        assert await session.hold(greeting) == "220 welcome"
    assert session.tls is not None
    assert session.tls.verified
    assert session.tls.not_after_wall == chain[0].certificate.not_valid_after_utc.timestamp()
    assert session.tls.problem is None


async def test_the_first_end_is_that_of_the_chain_that_was_verified(net: Network, tmp_path: Path) -> None:
    """Our own anchor counts, since OpenSSL refuses it once it has expired; what a server shows besides does not."""
    root = issue(Plan(subject="Short-lived root", is_authority=True, until=NOW + 5 * DAY))
    unrelated = issue(Plan(subject="Unrelated", is_authority=True, until=NOW + DAY), OTHER_ROOT)
    chain = [issue(Plan(until=NOW + 30 * DAY), root), unrelated]
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(root.pem())

    async def play(peer: Peer) -> None:
        peer.say(b"220 welcome\r\n")

    async with scripted_peer(play, context_with(chain, tmp_path)) as port:
        policy = TlsPolicy(ca_file=str(ca_file), server_name="mx.acme.example")
        session = Session(net, server_at(port, tls=policy), Stopwatch(Leg.SUBMISSION, SystemClock()))
        await session.hold(greeting)
    assert session.tls is not None
    assert session.tls.not_after_earliest_wall == root.certificate.not_valid_after_utc.timestamp()
    assert (session.tls.names, session.tls.issuer, session.tls.key) == (
        ("mx.acme.example", "127.0.0.1"),
        "CN=Short-lived root",
        "ECDSA P-256",
    )


async def test_an_expired_anchor_is_refused(net: Network, tmp_path: Path) -> None:
    """A root that has expired in our own `ca_file` verifies nothing."""
    root = issue(Plan(subject="Old root", is_authority=True, since=NOW - 9 * DAY, until=NOW - DAY))
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(root.pem())
    policy = TlsPolicy(ca_file=str(ca_file), server_name="mx.acme.example")
    error, _ = await failed(net, context_with([issue(Plan(), root)], tmp_path), policy)
    assert error.verify_code == 10
