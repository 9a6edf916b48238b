"""Access tokens in place of passwords, with real Postfix and Dovecot, and a token endpoint that both sides ask."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.agent_process import AgentProcess
from tests.support.command_line import mailsonar
from tests.support.mailhost import MailHost, probe_users
from tests.support.ports import PortReservation
from tests.support.token_endpoint import TokenEndpoint, refusal, token_endpoint

pytestmark = pytest.mark.takes_seconds(45)

MECHANISMS = ("XOAUTH2", "OAUTHBEARER")
CANARY = "c4nary-cl1ent-s3cret"
SHORT = {"interval": "1s", "deadline": "10s", "give_up": "20s"}


@dataclass(frozen=True, slots=True)
class OAuthHost:
    """A mail host, and the port on which it asks about tokens."""

    host: MailHost
    port: int


@pytest.fixture(scope="module")
def oauth_host() -> Iterator[OAuthHost]:
    """Serve mail to those who show a token that the endpoint calls good."""
    with tempfile.TemporaryDirectory(prefix="ms-") as name, PortReservation() as reservation:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        port = reservation.reserve()
        url = f"http://127.0.0.1:{port}/introspect?token="
        with MailHost(folder, probe_users(4), introspection_url=url) as host:
            yield OAuthHost(host, port)


def config_file(oauth: OAuthHost, endpoint: TokenEndpoint, folder: Path, **changes: Any) -> Path:
    """Write a config whose one route has access tokens on both legs; each account is a client of its own."""
    sender, maildrop = (user.address for user in oauth.host.users[:2])
    (folder / "client-secret").write_text(CANARY)
    (folder / "client-secret").chmod(0o600)

    def server(address: str, port: int, security: str) -> dict[str, Any]:
        oauth2 = {
            "token_endpoint": endpoint.token_url,
            "client_id": address,
            "client_secret": {"file": str(folder / "client-secret")},
        }
        tls = {"ca_file": str(oauth.host.ca_file)}
        keys = {"host": "localhost", "port": port, "security": security, "username": address, "tls": tls}
        return {**keys, "oauth2": oauth2, **changes.get("server", {})}

    ports = oauth.host.ports
    config = {
        "senders": {"out": {"address": sender, "smtp": server(sender, ports.submission, "starttls")}},
        "maildrops": {"in": {"address": maildrop, "pop3": server(maildrop, ports.pop3s, "implicit_tls")}},
        "routes": {"acme": {"from": "out", "to": "in", **SHORT, **changes.get("route", {})}},
    }
    written = folder / "mailsonar.yml"
    written.write_text(yaml.safe_dump(config))
    return written


@pytest.mark.parametrize("filler", ["", "x" * 3000], ids=["short", "long"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_a_round_trip_with_tokens_on_both_legs(
    oauth_host: OAuthHost, mechanism: str, filler: str, tmp_path: Path
) -> None:
    """Postfix and Dovecot take a token by either mechanism, with the command or, where it is long, after it."""
    async with token_endpoint(oauth_host.port) as endpoint:
        endpoint.filler = filler
        config = config_file(oauth_host, endpoint, tmp_path, server={"mechanism": mechanism})
        checked = await mailsonar("check", "--output", "json", "--config.file", config)
        visited = await mailsonar("validate", "--connect", "--config.file", config)
    (result,) = checked.json
    assert (checked.status, result["outcome"]) == (0, "on_time"), checked
    assert visited.status == 0, visited
    assert {form["client_secret"] for form in endpoint.asked} == {CANARY}
    assert {one.subject for one in endpoint.issued.values()} == {user.address for user in oauth_host.host.users[:2]}
    shown = f"{checked}{visited}"
    assert CANARY not in shown
    assert not [token for token in endpoint.ever if token in shown]


async def test_nobody_notices_that_tokens_end(oauth_host: OAuthHost, tmp_path: Path) -> None:
    """Tokens that live for three seconds are renewed ahead: in a run of many lives no log-in is refused."""
    async with token_endpoint(oauth_host.port) as endpoint:
        endpoint.lifetime_seconds = 3.0
        config = config_file(oauth_host, endpoint, tmp_path)
        async with AgentProcess(config, tmp_path) as agent:
            scrape = await agent.until(
                lambda one: one.total("mailsonar_probes_total", outcome="on_time") >= 8, 30, "eight round trips"
            )
            await agent.stop()
    assert scrape.total("mailsonar_probes_total") == scrape.total("mailsonar_probes_total", outcome="on_time")
    assert scrape.total("mailsonar_account_authentication_failures_total") == 0
    for user in oauth_host.host.users[:2]:
        assert scrape.value("mailsonar_oauth_refreshes_total", account=user.address, result="ok") >= 3
        assert scrape.value("mailsonar_oauth_refreshes_total", account=user.address, result="refused") == 0
        assert scrape.value("mailsonar_oauth_token_expiry_timestamp_seconds", account=user.address) > 1e9


async def test_a_token_that_is_revoked_in_mid_flight(oauth_host: OAuthHost, tmp_path: Path) -> None:
    """A server that takes the token for expired gets another one at once; the attempt succeeds, no breaker opens."""
    async with token_endpoint(oauth_host.port) as endpoint:
        config = config_file(oauth_host, endpoint, tmp_path)
        async with AgentProcess(config, tmp_path) as agent:
            await agent.until(lambda one: one.total("mailsonar_probes_total", outcome="on_time") >= 2, 20)
            before = len(endpoint.asked)
            endpoint.revoke_all()
            so_far = (await agent.metrics()).total("mailsonar_probes_total", outcome="on_time")
            scrape = await agent.until(
                lambda one: one.total("mailsonar_probes_total", outcome="on_time") >= so_far + 3, 20
            )
            await agent.stop()
    assert (before, len(endpoint.asked)) == (2, 4)
    assert scrape.total("mailsonar_probes_total") == scrape.total("mailsonar_probes_total", outcome="on_time")
    assert scrape.total("mailsonar_account_held_back") == 0
    assert not [token for token in endpoint.ever if token in agent.stderr]


async def test_a_secret_that_is_wrong_and_replaced(oauth_host: OAuthHost, tmp_path: Path) -> None:
    """No token is a fault of its own that opens no breaker; the new secret is tried as soon as it is there."""
    fault = {"leg": "submission", "stage": "authenticate", "reason": "token_unavailable"}
    async with token_endpoint(oauth_host.port) as endpoint:
        endpoint.instead = refusal("invalid_client", f"AADSTS7000215: the secret {CANARY} is wrong", 401)
        config = config_file(oauth_host, endpoint, tmp_path)
        async with AgentProcess(config, tmp_path) as agent:
            scrape = await agent.until(lambda one: one.total("mailsonar_probe_fault", **fault) == 1, 20, "the fault")
            _, results = await agent.get("/api/v1/routes/acme/results")
            assert scrape.total("mailsonar_account_held_back") == 0
            assert "invalid_client: AADSTS7000215" in results
            asked = len(endpoint.asked)
            endpoint.instead = None
            (tmp_path / "client-secret").write_text("another-secret")
            await agent.until(lambda one: one.total("mailsonar_probes_total", outcome="on_time") >= 1, 20)
            page = "".join([(await agent.get(path))[1] for path in ("/config", "/metrics", "/routes/acme")])
            await agent.stop()
    assert asked < 4
    assert endpoint.asked[-1]["client_secret"] == "another-secret"
    for secret in (CANARY, "another-secret", *endpoint.ever):
        assert secret not in results + page + agent.stderr + agent.stdout


async def test_an_endpoint_that_hangs_disturbs_no_other_account(oauth_host: OAuthHost, tmp_path: Path) -> None:
    """While one client's tokens do not come, routes of accounts with passwords stay in time."""
    async with token_endpoint(oauth_host.port) as endpoint:
        config = config_file(oauth_host, endpoint, tmp_path)
        document = yaml.safe_load(config.read_text())
        ports, users = oauth_host.host.ports, oauth_host.host.users
        for name, section, key, port, user in (
            ("plain-out", "senders", "smtp", ports.submission, users[2]),
            ("plain-in", "maildrops", "pop3", ports.pop3, users[3]),
        ):
            (tmp_path / name).write_text(user.password)
            keys = {"host": "localhost", "port": port, "security": "starttls", "username": user.address}
            tls = {"ca_file": str(oauth_host.host.ca_file)}
            server = {**keys, "password": {"file": str(tmp_path / name)}, "tls": tls}
            document[section][name] = {"address": user.address, key: server}
        document["routes"]["plain"] = {"from": "plain-out", "to": "plain-in", **SHORT}
        config.write_text(yaml.safe_dump(document))
        endpoint.gate.clear()
        async with AgentProcess(config, tmp_path) as agent:
            scrape = await agent.until(
                lambda one: one.total("mailsonar_probes_total", route="plain", outcome="on_time") >= 6, 30
            )
            endpoint.gate.set()
            await agent.until(lambda one: one.total("mailsonar_probes_total", route="acme") >= 1, 20)
            await agent.stop()
    assert scrape.total("mailsonar_probes_total", route="plain") == scrape.total(
        "mailsonar_probes_total", route="plain", outcome="on_time"
    )
    assert len(endpoint.asked) <= 3
