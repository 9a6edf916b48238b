"""A real Postfix and a real Dovecot whose certificate has expired: named, measured, and told not even a user name."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.agent_process import AgentProcess
from tests.support.command_line import mailsonar
from tests.support.config_text import RouteText, Security, write_config
from tests.support.mailhost import MailHost, probe_users
from tests.support.verdicts import faults_of

ENDED = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
EXPIRY = "mailsonar_server_tls_certificate_expiry_timestamp_seconds"
SECONDS = 20.0


@pytest.fixture(scope="module")
def expired_host() -> Iterator[MailHost]:
    """Serve mail with a certificate that ended three days ago."""
    with tempfile.TemporaryDirectory(prefix="ms-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        with MailHost(folder, probe_users(8), certificate_ends=ENDED) as host:
            yield host


def routes(smtp: Security, pop3: Security) -> list[RouteText]:
    """Return two routes: one whose submission fails, and one that submits without TLS, to reach the maildrop."""
    settings = {"interval": "2s", "deadline": "3s", "give_up": "4s"}
    return [
        RouteText(name="out", sender=0, maildrop=1, smtp_security=smtp, pop3_security=pop3, settings=settings),
        RouteText(name="in", sender=2, maildrop=3, smtp_security="plaintext", pop3_security=pop3, settings=settings),
    ]


def assert_nobody_knows_us(host: MailHost) -> None:
    """Insist on the servers' own word that no account but the one that may talk in plaintext was named to them."""
    logs = host.logs()
    assert "certificate expired" in logs, "the alert that our side sent"
    named = re.findall(r"pop3-login: .*user=<([^>]*)>", logs)
    assert named
    assert set(named) == {""}
    assert host.users[0].address not in logs
    assert set(re.findall(r"sasl_username=(\S+)", logs)) <= {host.users[2].address}


@pytest.mark.parametrize("security", ["starttls", "implicit_tls"])
async def test_the_agent_names_it_and_shows_when_it_ended(
    expired_host: MailHost, security: Security, tmp_path: Path
) -> None:
    """The fault is certificate_expired on both legs, and /metrics has the end of the certificate all the same."""
    config = write_config(expired_host, routes(security, security), tmp_path)
    ports = expired_host.ports
    smtp_port = ports.submission if security == "starttls" else ports.smtps
    pop3_port = ports.pop3 if security == "starttls" else ports.pop3s
    servers: list[dict[str, Any]] = [
        {"server": f"localhost:{smtp_port}", "protocol": "smtp"},
        {"server": f"localhost:{pop3_port}", "protocol": "pop3"},
    ]
    async with AgentProcess(config, tmp_path) as agent:
        scrape = await agent.until(
            lambda scrape: (
                all(scrape.value(EXPIRY, **one, certificate="leaf") is not None for one in servers)
                and len(faults_of(scrape)) == 2
            ),
            SECONDS,
        )
    assert faults_of(scrape) == {
        "out": "submission/tls_handshake/certificate_expired",
        "in": "retrieval/tls_handshake/certificate_expired",
    }
    for one in servers:
        for certificate in ("leaf", "earliest"):
            assert scrape.value(EXPIRY, **one, certificate=certificate) == ENDED.timestamp()
        assert scrape.value("mailsonar_server_tls_verified", **one) == 0
    assert_nobody_knows_us(expired_host)


async def test_check_and_validate_report_it(expired_host: MailHost, tmp_path: Path) -> None:
    """Both commands say why it did not verify and when it ended; `check --output json` has it, too."""
    config = write_config(expired_host, routes("starttls", "implicit_tls")[:1], tmp_path)
    validate, text, as_json = await asyncio.gather(
        mailsonar("validate", "--connect", "--config.file", config),
        mailsonar("check", "--config.file", config),
        mailsonar("check", "--output", "json", "--config.file", config),
    )
    assert (validate.status, text.status, as_json.status) == (1, 2, 2)
    ended = ENDED.isoformat().replace("+00:00", "Z")
    assert validate.stdout.count("NOT verified: certificate has expired") == 2
    assert validate.stdout.count(f"{ended} (expired)") == 2
    assert text.stdout.count(f"{ended} (expired)") == 1
    (result,) = as_json.json
    assert [(facts["verified"], facts["not_after"]) for facts in result["tls"]] == [(False, ended)]
    assert_nobody_knows_us(expired_host)
