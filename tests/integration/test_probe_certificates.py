"""Certificates, good and bad, on each way to TLS: right reason, expiry exported all the same, no credentials sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.hostile import Row, Side
from tests.support.hostile_world import Hostile, hostile
from tests.support.probing import at, impatient
from tests.support.scraped import sample_value

from mailsonar.clock import SystemClock
from mailsonar.model.fault import Reason
from mailsonar.model.result import Outcome, TlsFacts
from mailsonar.model.server import Protocol, Security
from mailsonar.model.stage import Leg, Stage
from mailsonar.observe.history import History
from mailsonar.observe.metrics import Metrics
from mailsonar.probe import glimpses, retreat
from mailsonar.sandbox import faults
from mailsonar.sandbox.listener import Listener
from mailsonar.sandbox.wardrobe import Certificate, TlsStyle

DAY_SECONDS = 86400.0
A_MINUTE = 60.0
EXPIRY = "mailsonar_server_tls_certificate_expiry_timestamp_seconds"
DOORS = [(protocol, security) for protocol in Protocol for security in (Security.STARTTLS, Security.IMPLICIT_TLS)]
VERSIONS = {TlsStyle.TLS_1_2: "TLSv1.2", TlsStyle.TLS_1_3: "TLSv1.3"}


@dataclass(frozen=True, slots=True)
class Bad:
    """A bad certificate: its reason, and when it and the first of what is presented end, in days from now."""

    kind: Certificate
    reason: Reason
    leaf_days: float = 90
    earliest_days: float = 90
    key: str = "ECDSA P-256"


BAD = [
    Bad(Certificate.EXPIRED, Reason.CERTIFICATE_EXPIRED, -1, -1),
    Bad(Certificate.EXPIRED_INTERMEDIATE, Reason.CERTIFICATE_EXPIRED, 90, -1),
    Bad(Certificate.NOT_YET_VALID, Reason.CERTIFICATE_NOT_YET_VALID, 30, 30),
    Bad(Certificate.WRONG_NAME, Reason.CERTIFICATE_NAME_MISMATCH),
    Bad(Certificate.COMMON_NAME_ONLY, Reason.CERTIFICATE_NAME_MISMATCH),
    Bad(Certificate.SELF_SIGNED, Reason.CERTIFICATE_UNTRUSTED),
    Bad(Certificate.UNTRUSTED, Reason.CERTIFICATE_UNTRUSTED),
    Bad(Certificate.WEAK, Reason.CERTIFICATE_WEAK, key="RSA 1024"),
]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds, and no pause hide a look."""
    impatient(monkeypatch)
    monkeypatch.setattr(retreat, "FIRST_PAUSE_SECONDS", 0.001)


def row(protocol: Protocol, security: Security, *wrong: faults.ServerFault, seconds: float = 0.3) -> Row:
    """Return the world in which one server's TLS is like this, the other's is none; messages have so many seconds."""
    side = Side(faults=wrong, security=security)
    brief = {"deadline_seconds": seconds, "give_up_seconds": seconds}
    return Row(name="r", outcome=Outcome.FAILED, route=brief, **{str(protocol): side})


class Watched:
    """A hostile world, with metrics and a history that watch it."""

    def __init__(self, scene: Hostile, protocol: Protocol) -> None:
        self.scene = scene
        self.server: Listener = scene.smtp if protocol is Protocol.SMTP else scene.pop3
        self.protocol = protocol
        self.history, self.metrics = History(), Metrics(SystemClock())
        self.metrics.set_routes([scene.route], ())
        self.history.set_routes([scene.route])
        scene.healthy.with_observers(self.metrics, self.history)

    def value(self, name: str, **labels: str) -> float | None:
        """Return a sample of the server."""
        return sample_value(
            self.metrics, name, {"server": f"127.0.0.1:{self.server.port}", "protocol": str(self.protocol), **labels}
        )

    @property
    def facts(self) -> list[TlsFacts]:
        """Return all that was told of the server's TLS so far."""
        told = (login.tls for login in self.scene.healthy.seen.logins)
        return [tls for tls in told if tls and tls.protocol == self.protocol]

    async def until_glimpsed(self) -> TlsFacts:
        """Wait until a glimpse has told its facts."""
        await self.scene.healthy.seen.until(lambda: any(facts.version for facts in self.facts))
        return next(facts for facts in self.facts if facts.version)


def cases() -> Iterator[Any]:
    """Yield each bad certificate at each door, over both versions of TLS in turn."""
    for number, (bad, (protocol, security)) in enumerate((bad, door) for bad in BAD for door in DOORS):
        style = (TlsStyle.TLS_1_2, TlsStyle.TLS_1_3)[(number + number // 4) % 2]
        yield pytest.param(bad, protocol, security, style, id=f"{protocol}-{security}-{bad.kind}-{style}")


@pytest.mark.parametrize(("bad", "protocol", "security", "style"), list(cases()))
async def test_a_bad_certificate(
    bad: Bad, protocol: Protocol, security: Security, style: TlsStyle, tmp_path: Path
) -> None:
    """It has its reason, its facts survive, and the server hears neither a user name nor a password."""
    wrong = (faults.presents(bad.kind), faults.speaks_tls(style))
    now = SystemClock().wall()
    async with hostile(row(protocol, security, *wrong), tmp_path) as scene:
        watched = Watched(scene, protocol)
        result = await scene.attempt()
        facts = await watched.until_glimpsed()
        heard = list(watched.server.commands)
        view = watched.history.route("r")
    leg = Leg.SUBMISSION if protocol is Protocol.SMTP else Leg.RETRIEVAL
    assert at(result.fault) == (leg, Stage.TLS_HANDSHAKE, bad.reason)
    assert {command.partition(" ")[0] for command in heard} <= {"EHLO", "STARTTLS", "CAPA", "STLS"}
    assert watched.server.logins == 0
    assert watched.value(EXPIRY, certificate="leaf") == pytest.approx(now + bad.leaf_days * DAY_SECONDS, abs=A_MINUTE)
    assert watched.value(EXPIRY, certificate="earliest") == pytest.approx(
        now + bad.earliest_days * DAY_SECONDS, abs=A_MINUTE
    )
    assert watched.value("mailsonar_server_tls_verified") == 0
    assert (facts.verified, facts.version, facts.key) == (False, VERSIONS[style], bad.key)
    assert facts.problem
    assert result.fault
    assert facts.problem in result.fault.detail
    assert view
    assert facts in [login.tls for login in view.logins]


@pytest.mark.parametrize("style", VERSIONS)
@pytest.mark.parametrize(
    ("kind", "key"), [(Certificate.GOOD, "ECDSA P-256"), (Certificate.RSA, "RSA 2048")], ids=["ECDSA", "RSA"]
)
@pytest.mark.parametrize(("protocol", "security"), DOORS)
async def test_a_good_certificate(
    protocol: Protocol, security: Security, kind: Certificate, key: str, style: TlsStyle, tmp_path: Path
) -> None:
    """It is verified, its facts are known at once, and nobody looks twice."""
    wrong = (faults.presents(kind), faults.speaks_tls(style))
    async with hostile(row(protocol, security, *wrong, seconds=10.0), tmp_path) as scene:
        watched = Watched(scene, protocol)
        result = await scene.attempt()
        sessions = sum(login.account.server.protocol is protocol for login in scene.healthy.seen.logins)
        assert watched.server.connections == sessions
    assert result.outcome is Outcome.ON_TIME
    (facts,) = result.tls
    assert (facts.verified, facts.problem, facts.version, facts.key) == (True, None, VERSIONS[style], key)
    assert (facts.names, facts.issuer) == (("localhost", "127.0.0.1", "::1"), "CN=Sandbox Root")
    assert watched.value("mailsonar_server_tls_verified") == 1
    assert watched.value("mailsonar_server_tls_info", version=VERSIONS[style], cipher=facts.cipher or "") == 1
    assert watched.value(EXPIRY, certificate="leaf") == facts.not_after_wall
    assert watched.value(EXPIRY, certificate="earliest") == facts.not_after_earliest_wall


async def test_one_glimpse_in_ten_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Further failures find the facts at hand, without a further connection, until the gap is over."""
    async with hostile(row(Protocol.SMTP, Security.STARTTLS, faults.CERTIFICATE_EXPIRED), tmp_path) as scene:
        watched = Watched(scene, Protocol.SMTP)
        await scene.attempt()
        glimpsed = await watched.until_glimpsed()
        results = [await scene.attempt() for _ in range(3)]
        assert [result.tls for result in results] == [(glimpsed,)] * 3
        assert watched.server.connections == 1 + 1 + 3
        monkeypatch.setattr(glimpses, "GLIMPSE_GAP_SECONDS", 0.0)
        told = len(watched.facts)
        await scene.attempt()
        await scene.healthy.seen.until(lambda: len(watched.facts) == told + 2)
        assert watched.server.connections == 5 + 2


async def test_another_problem_is_another_certificate(tmp_path: Path) -> None:
    """What a glimpse showed is not told of a certificate that fails for another reason."""
    async with hostile(row(Protocol.SMTP, Security.STARTTLS, faults.CERTIFICATE_EXPIRED), tmp_path) as scene:
        watched = Watched(scene, Protocol.SMTP)
        await scene.attempt()
        await watched.until_glimpsed()
        watched.server.faults.off(faults.CERTIFICATE_EXPIRED)
        watched.server.faults.on(faults.CERTIFICATE_UNTRUSTED)
        result = await scene.attempt()
        assert at(result.fault) == (Leg.SUBMISSION, Stage.TLS_HANDSHAKE, Reason.CERTIFICATE_UNTRUSTED)
        (facts,) = result.tls
        assert facts.problem != "certificate has expired"
        assert (facts.not_after_wall, facts.names) == (None, ())


class Gate:
    """Holds up the second handshake with a server, which is the glimpse's, until it is opened."""

    def __init__(self) -> None:
        self.handshakes = 0
        self.reached = asyncio.Event()
        self._opened = asyncio.Event()
        self.fault = faults.ServerFault(name="gate", moments=frozenset({faults.HANDSHAKE}), act=self._act)

    async def _act(self, _: asyncio.Transport) -> None:
        self.handshakes += 1
        if self.handshakes == 2:
            self.reached.set()
            await self._opened.wait()

    def open(self) -> None:
        """Let the glimpse come to its end."""
        self._opened.set()


async def test_the_verdict_does_not_wait_for_a_glimpse(tmp_path: Path) -> None:
    """A server that hangs at the second handshake holds up its glimpse, and nothing else."""
    gate = Gate()
    wrong = (faults.CERTIFICATE_EXPIRED, gate.fault)
    async with hostile(row(Protocol.SMTP, Security.IMPLICIT_TLS, *wrong), tmp_path) as scene:
        watched = Watched(scene, Protocol.SMTP)
        result = await scene.attempt()
        assert at(result.fault) == (Leg.SUBMISSION, Stage.TLS_HANDSHAKE, Reason.CERTIFICATE_EXPIRED)
        assert [facts.version for facts in watched.facts] == [None]
        gate.open()
        await watched.until_glimpsed()
        assert gate.handshakes == 2


async def test_a_repaired_server_is_verified_whatever_a_glimpse_shows(tmp_path: Path) -> None:
    """A glimpse that ends after a good handshake is old news, and not told."""
    gate = Gate()
    wrong = (faults.CERTIFICATE_EXPIRED, gate.fault)
    async with hostile(row(Protocol.SMTP, Security.IMPLICIT_TLS, *wrong), tmp_path) as scene:
        watched = Watched(scene, Protocol.SMTP)
        await scene.attempt()
        await asyncio.wait_for(gate.reached.wait(), 2.0)
        watched.server.faults.off(faults.CERTIFICATE_EXPIRED)
        result = await scene.attempt()
        gate.open()
        await scene.healthy.workshop.glimpses.settled(2.0)
        assert result.outcome is Outcome.ON_TIME
        assert watched.value("mailsonar_server_tls_verified") == 1
        assert [facts.verified for facts in watched.facts] == [False, True]
