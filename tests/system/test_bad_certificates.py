"""A real Postfix and a real Dovecot with bad certificates: named, measured, and told not even a user name."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.agent_process import AgentProcess
from tests.support.command_line import mailsonar
from tests.support.config_text import RouteText, Security, write_config
from tests.support.mailhost import MailHost, probe_users
from tests.support.relay import relay
from tests.support.scrape import Scrape
from tests.support.verdicts import faults_of, successes_of

from mailsonar.clock import SystemClock
from mailsonar.sandbox.authority import Authority
from mailsonar.sandbox.wardrobe import Certificate, Wardrobe

pytestmark = pytest.mark.takes_seconds(35)

EXPIRY = "mailsonar_server_tls_certificate_expiry_timestamp_seconds"
DAY_SECONDS = 86400.0
MINUTES = 300.0
SECONDS = 40.0
SUBMITTER = 0  # submits without TLS on the routes whose retrieval is to fail


@dataclass(frozen=True, slots=True)
class Case:
    """A certificate: the reason that is given, and when it and the first of its chain end, in days from now."""

    kind: Certificate
    reason: str | None
    leaf_days: float = 90
    earliest_days: float = 90


CASES = [
    Case(Certificate.GOOD, None),
    Case(Certificate.RSA, None),
    Case(Certificate.EXPIRED, "certificate_expired", -1, -1),
    Case(Certificate.EXPIRED_INTERMEDIATE, "certificate_expired", 90, -1),
    Case(Certificate.NOT_YET_VALID, "certificate_not_yet_valid", 30, 30),
    Case(Certificate.WRONG_NAME, "certificate_name_mismatch"),
    Case(Certificate.COMMON_NAME_ONLY, "certificate_name_mismatch"),
    Case(Certificate.SELF_SIGNED, "certificate_untrusted"),
    Case(Certificate.UNTRUSTED, "certificate_untrusted"),
    Case(Certificate.WEAK, "certificate_weak"),
]
BAD = [case for case in CASES if case.reason]


@dataclass(frozen=True, slots=True)
class World:
    """A mail host that has all these certificates, each for a name of its own, and the file of who signs them."""

    host: MailHost
    ca_file: Path

    async def doors(self, stack: AsyncExitStack, case: Case, security: Security) -> Doors:
        """Return the ways to a certificate, by ports of its own: so its series are told apart from the others'."""
        ports = self.host.ports
        targets = (ports.submission, ports.pop3) if security == "starttls" else (ports.smtps, ports.pop3s)
        smtp, pop3 = [(await stack.enter_async_context(relay(target))).port for target in targets]
        tls = {"ca_file": str(self.ca_file), "server_name": name_of(case)}
        return Doors(case, {"host": "127.0.0.1", "tls": tls}, smtp, pop3)


@dataclass(frozen=True, slots=True)
class Doors:
    """The ways to a certificate: what their servers' keys have in common, and their ports."""

    case: Case
    keys: dict[str, object]
    smtp: int
    pop3: int

    @property
    def servers(self) -> list[dict[str, str]]:
        """Return the labels of both servers."""
        return [
            {"server": f"127.0.0.1:{self.smtp}", "protocol": "smtp"},
            {"server": f"127.0.0.1:{self.pop3}", "protocol": "pop3"},
        ]


def name_of(case: Case) -> str:
    """Return the server name that a certificate is for."""
    return f"{case.kind}.mail.example".replace("_", "-")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Serve mail with a certificate of each kind."""
    authority = Authority()
    disguises = {name_of(case): Wardrobe(authority, (name_of(case),)).pem(case.kind) for case in CASES}
    with tempfile.TemporaryDirectory(prefix="ms-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        authority.write_root(folder / "signer.pem")
        with MailHost(folder, probe_users(1 + 3 * len(CASES)), disguises=disguises) as host:
            yield World(host, folder / "signer.pem")


def routes(doors: list[Doors], security: Security) -> list[RouteText]:
    """Return two routes a certificate: one that submits to it, and one that submits without TLS and reads there."""
    settings = {"interval": "4s", "deadline": "6s", "give_up": "7s"}
    made = []
    for to in doors:
        number = CASES.index(to.case)
        sender, maildrop, read = range(1 + 3 * number, 4 + 3 * number)
        smtp_keys, pop3_keys = {**to.keys, "port": to.smtp}, {**to.keys, "port": to.pop3}
        out = RouteText(
            name=f"out-{to.case.kind}",
            sender=sender,
            maildrop=maildrop,
            smtp_security=security,
            smtp_keys=smtp_keys,
            pop3_security="plaintext",
            settings=settings,
        )
        reader = RouteText(
            name=f"in-{to.case.kind}",
            sender=SUBMITTER,
            maildrop=read,
            smtp_security="plaintext",
            pop3_security=security,
            pop3_keys=pop3_keys,
            settings=settings,
        )
        made += [out, reader]
    return made


def assert_nobody_knows_us(host: MailHost, watched: list[RouteText]) -> None:
    """Insist on the servers' own word that no account behind a bad certificate was named to them."""
    logs = host.logs()
    assert "alert certificate expired" in logs, "the alert that our side sent"
    for route in watched:
        is_out = route.name.startswith("out-")
        user = host.users[route.sender if is_out else route.maildrop].address
        told = (f"sasl_username={user}" if is_out else f"user=<{user}>") in logs
        assert told is route.name.endswith(("-good", "-rsa")), route.name


@pytest.mark.parametrize("security", ["starttls", "implicit_tls"])
async def test_every_certificate_at_every_door(world: World, security: Security, tmp_path: Path) -> None:
    """Each fault has its reason, each end is exported, the good ones are on time, and no bad one hears of us."""
    now = SystemClock().wall()

    def is_complete(scrape: Scrape) -> bool:
        known = [scrape.value(EXPIRY, **one, certificate="leaf") for to in doors for one in to.servers]
        return (
            None not in known and len(faults_of(scrape)) == 2 * len(BAD) and len(successes_of(scrape)) == 2 * len(CASES)
        )

    async with AsyncExitStack() as stack:
        doors = [await world.doors(stack, case, security) for case in CASES]
        watched = routes(doors, security)
        config = write_config(world.host, watched, tmp_path)
        agent = await stack.enter_async_context(AgentProcess(config, tmp_path))
        scrape = await agent.until(is_complete, SECONDS)
    assert faults_of(scrape) == {
        f"{end}-{case.kind}": f"{leg}/tls_handshake/{case.reason}"
        for case in BAD
        for end, leg in (("out", "submission"), ("in", "retrieval"))
    }
    for to in doors:
        for one in to.servers:
            for certificate, days in (("leaf", to.case.leaf_days), ("earliest", to.case.earliest_days)):
                end = scrape.value(EXPIRY, **one, certificate=certificate)
                assert end == pytest.approx(now + days * DAY_SECONDS, abs=MINUTES), (to.case.kind, one, certificate)
            assert scrape.value("mailsonar_server_tls_verified", **one) == float(to.case.reason is None)
    assert_nobody_knows_us(world.host, watched)


async def test_check_and_validate_report_it(world: World, tmp_path: Path) -> None:
    """Both commands say why it did not verify and when it ended; `check --output json` has it, too."""
    expired = next(case for case in CASES if case.kind is Certificate.EXPIRED)
    async with AsyncExitStack() as stack:
        doors = [await world.doors(stack, expired, "implicit_tls")]
        watched = routes(doors, "implicit_tls")[:1]
        config = write_config(world.host, watched, tmp_path)
        validate, text, as_json = await asyncio.gather(
            mailsonar("validate", "--connect", "--config.file", config),
            mailsonar("check", "--config.file", config),
            mailsonar("check", "--output", "json", "--config.file", config),
        )
    assert (validate.status, text.status, as_json.status) == (1, 2, 2)
    assert validate.stdout.count("NOT verified: certificate has expired") == 1
    assert len(re.findall(r"Z \(expired\)", validate.stdout)) == 1
    assert len(re.findall(r"Z \(expired\)", text.stdout)) == 1
    (result,) = as_json.json
    assert [facts["verified"] for facts in result["tls"]] == [False]
    assert f"{result['tls'][0]['not_after']} (expired)" in text.stdout
    assert_nobody_knows_us(world.host, watched)
