"""Whose message is it: other agents', forged and replayed tokens in a maildrop that is probed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from tests.support.agent_process import AgentProcess
from tests.support.command_line import mailsonar
from tests.support.config_text import RouteText, write_config
from tests.support.mailhost import MailHost

from mailsonar.message.token import Token
from mailsonar.model.server import Secret

pytestmark = pytest.mark.takes_seconds(20)

SETTINGS = {"interval": "1s", "deadline": "20s", "give_up": "40s"}
ON_REQUEST = {"interval": "24h", "deadline": "20s", "give_up": "40s"}
FAR_FUTURE_MS = 4_000_000_000_000  # so that no agent takes it for a leftover of long ago


def signed_by_another_agent(secrets: Path) -> str:
    """Return a token that an agent with the same signing key might have made."""
    key = (secrets / "signing-key").read_text().strip()
    token = Token(id="a" * 20, route="b" * 8, instance="c" * 8, started_ms=FAR_FUTURE_MS)
    return token.signed(Secret("test", lambda: key))


def forged(token_text: str) -> str:
    """Return the token with another HMAC."""
    claim, _, mac = token_text.rpartition("-")
    return f"{claim}-{'b' if mac[0] == 'a' else 'a'}{mac[1:]}"


def files_of(host: MailHost, position: int) -> dict[str, Path]:
    """Return the mail in a user's maildrop, by file name without flags."""
    maildir = host.maildir(host.users[position].address)
    return {file.name.partition(":")[0]: file for part in ("new", "cur") for file in (maildir / part).iterdir()}


async def test_two_agents_share_a_maildrop(mail_host: MailHost, positions: Iterator[int], tmp_path: Path) -> None:
    """Two agents with one key lose nothing to each other, and neither takes a forged or unknown token for an arrival.

    What carries such a token stays where it is: a valid one may be awaited elsewhere, a forged one is foreign mail.
    """
    maildrop, *senders = islice(positions, 3)
    address = mail_host.users[maildrop].address
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    agents = []
    for number, sender in enumerate(senders):
        folder = tmp_path / f"agent-{number}"
        folder.mkdir()
        (folder / "secrets").symlink_to(secrets)
        route = RouteText(name=f"shared-{number}", sender=sender, maildrop=maildrop, settings=SETTINGS)
        agents.append((write_config(mail_host, [route], folder), folder))
    token = signed_by_another_agent(secrets)
    strangers = {
        mail_host.deliver_raw(address, f"X-MailSonar-Token: {text}\r\nSubject: Mail flow check\r\n\r\n".encode()).name
        for text in (token, forged(token))
    }
    async with AgentProcess(*agents[0]) as first, AgentProcess(*agents[1]) as second:
        for agent in (first, second):
            scrape = await agent.until(lambda one: one.total("mailsonar_probes_total", outcome="on_time") >= 5, 30)
            assert scrape.total("mailsonar_probes_total") == scrape.total("mailsonar_probes_total", outcome="on_time")
            assert scrape.total("mailsonar_probe_duplicates_total") == 0
            assert scrape.total("mailsonar_maildrop_cleanup_failures_total") == 0
        await first.stop()
        await second.stop()
    assert strangers <= files_of(mail_host, maildrop).keys()


async def test_a_replayed_message_is_no_arrival(mail_host: MailHost, positions: Iterator[int], tmp_path: Path) -> None:
    """A copy of a probe is a duplicate where that was awaited, and left alone elsewhere; a forged one is nothing."""
    sender, kept, other = islice(positions, 3)
    routes = [
        RouteText(name="kept", sender=sender, maildrop=kept, settings=ON_REQUEST, maildrop_keys={"cleanup": "keep"}),
        RouteText(name="other", sender=sender, maildrop=other, settings=ON_REQUEST),
    ]
    config = write_config(mail_host, routes, tmp_path)

    async def probe(agent: AgentProcess, route: str, so_far: int) -> None:
        assert (await agent.post(f"/api/v1/routes/{route}/probe"))[0] == 202
        await agent.until(
            lambda scrape: scrape.value("mailsonar_probes_total", route=route, outcome="on_time") == so_far + 1, 10
        )

    async with AgentProcess(config, tmp_path, ["--web.enable-lifecycle"]) as agent:
        await probe(agent, "kept", 0)
        ((name, probed),) = files_of(mail_host, kept).items()
        content = probed.read_bytes()
        replays = [mail_host.deliver_raw(mail_host.users[position].address, content) for position in (kept, other)]
        token = (
            next(line for line in content.splitlines() if line.startswith(b"X-MailSonar-Token: ")).split()[1].decode()
        )
        lookalike = content.replace(token.encode(), forged(token).encode())
        mail_host.deliver_raw(mail_host.users[kept].address, lookalike)
        await probe(agent, "kept", 1)
        await probe(agent, "other", 0)
        scrape = await agent.until(
            lambda scrape: scrape.value("mailsonar_probe_duplicates_total", route="kept") == 1, 5, "the duplicate"
        )
        await agent.stop()
    assert scrape.value("mailsonar_probe_duplicates_total", route="other") == 0
    assert scrape.total("mailsonar_probes_started_total") == scrape.total("mailsonar_probes_total") == 3
    assert scrape.value("mailsonar_probe_round_trip_seconds_count", route="kept") == 2
    assert {name, replays[0].name} < files_of(mail_host, kept).keys()
    assert files_of(mail_host, other).keys() == {replays[1].name}
    assert files_of(mail_host, other)[replays[1].name].read_bytes() == content


async def test_a_check_beside_a_running_agent(mail_host: MailHost, positions: Iterator[int], tmp_path: Path) -> None:
    """`check` on the maildrop of a running agent succeeds, and neither takes or removes what the other awaits."""
    sender, maildrop = islice(positions, 2)
    config = write_config(
        mail_host, [RouteText(name="both", sender=sender, maildrop=maildrop, settings=SETTINGS)], tmp_path
    )
    async with AgentProcess(config, tmp_path) as agent:
        await agent.until(lambda one: one.total("mailsonar_probes_total", outcome="on_time") >= 1, 10)
        checked = await mailsonar("check", "--output", "json", "--config.file", config)
        scrape = await agent.metrics()
        await agent.stop()
    (result,) = checked.json
    assert (checked.status, result["outcome"], result["duplicates"]) == (0, "on_time", 0)
    assert scrape.total("mailsonar_probes_total") == scrape.total("mailsonar_probes_total", outcome="on_time")
    assert scrape.total("mailsonar_probe_duplicates_total") == 0
    assert scrape.total("mailsonar_maildrop_cleanup_failures_total") == 0
