"""An agent that is killed again and again loses no attempt, submits nothing twice, and leaves nothing behind."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest
from tests.support.agent_process import AgentProcess

from mailsonar.model.server import Security
from mailsonar.sandbox import delivery
from mailsonar.sandbox.mailbox import Mailbox
from mailsonar.sandbox.world import Sandbox

ROUTES = 20
KILLS = 20
FOREIGN = b"From: friend@acme.example\r\nSubject: Mail flow check\r\n\r\nhello\r\n"
OUTCOMES = ("on_time", "late", "lost", "unobserved", "bounced", "refused", "deferred", "failed", "blocked")


class Post:
    """Sees each message on its way, and lets it arrive later by a time of its own."""

    def __init__(self, moments: random.Random) -> None:
        self.submitted: Counter[bytes] = Counter()
        self._late = delivery.random_delay(0.0, 0.8, moments)

    def __call__(self, parcel: delivery.Parcel) -> list[delivery.Parcel]:
        """Count the token that a message carries."""
        found = re.search(rb"^X-MailSonar-Token: (\S+)", parcel.content, re.MULTILINE)
        if found:
            self.submitted[found[1]] += 1
        return self._late(parcel)


def config(world_ports: tuple[int, int], interval: str) -> str:
    """Return the config of an agent whose routes start so often."""
    smtp, pop3 = world_ports
    lines = [
        "signing_key: {file: key}",
        f"defaults: {{interval: {interval}, deadline: 3s, give_up: 6s}}",
        "senders:",
        *(f"  out{n}: {{address: {user(n)}, smtp: {server(smtp, 'starttls', n)}}}" for n in range(ROUTES)),
        "maildrops:",
        *(f"  in{n}: {{address: {user(n)}, pop3: {server(pop3, 'implicit_tls', n)}}}" for n in range(ROUTES)),
        "routes:",
        *(f"  route{n}: {{from: out{n}, to: in{n}}}" for n in range(ROUTES)),
    ]
    return "\n".join(lines)


def user(number: int) -> str:
    """Return the address, and user name, of a mailbox."""
    return f"probe{number}@acme.example"


def server(port: int, security: str, number: int) -> str:
    """Return a server's keys in YAML's flow style."""
    return (
        f"{{host: 127.0.0.1, port: {port}, security: {security}, username: {user(number)}, "
        "password: {file: password}, tls: {ca_file: ca.pem}}"
    )


async def _settle(agent: AgentProcess, mailboxes: list[Mailbox]) -> None:
    """Make one more attempt on each route, and wait for the end of all that were under way."""
    for number in range(ROUTES):
        status, _ = await agent.post(f"/api/v1/routes/route{number}/probe")
        assert status < 300
    await agent.until(lambda scrape: scrape.total("mailsonar_probes_pending") == 0, 30, "all attempts to end")
    assert [len(mailbox.messages) for mailbox in mailboxes] == [1] * ROUTES, "foreign mail alone may be left"


async def test_kill_at_random_moments(tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    """After 20 kills: started = sum of outcomes + pending on every route, no token twice, no message of ours left."""
    moments = random.Random(20261123)  # noqa: S311 - moments to kill at need no secrecy
    post = Post(moments)
    async with Sandbox() as world:
        world.authority.write_root(tmp_path / "ca.pem")
        (tmp_path / "password").write_text("secret-of-the-kill-test")
        (tmp_path / "key").write_text("k" * 40)
        mailboxes = [world.mailbox(user(number), "secret-of-the-kill-test") for number in range(ROUTES)]
        for mailbox in mailboxes:
            mailbox.deliver(FOREIGN)
            mailbox.faults.on(post)
        ports = ((await world.smtp(Security.STARTTLS)).port, (await world.pop3(Security.IMPLICIT_TLS)).port)
        config_file = tmp_path / "mailsonar.yml"
        config_file.write_text(config(ports, "1s"))
        arguments = ["--storage.path", tmp_path / "state", "--web.enable-lifecycle"]
        async with AgentProcess(config_file, tmp_path, arguments) as agent:
            for _ in range(KILLS):
                wanted = sum(post.submitted.values()) + moments.randrange(1, 2 * ROUTES)
                await agent.until(lambda _, wanted=wanted: sum(post.submitted.values()) >= wanted, 20, "more mail")
                await agent.kill()
                await agent.start()
            config_file.write_text(config(ports, "1h"))
            assert (await agent.post("/-/reload"))[0] == 200
            await _settle(agent, mailboxes)
            scrape = await agent.metrics()
            for number in range(ROUTES):
                started = scrape.value("mailsonar_probes_started_total", route=f"route{number}")
                ended = [
                    scrape.value("mailsonar_probes_total", route=f"route{number}", outcome=outcome)
                    for outcome in OUTCOMES
                ]
                assert started == sum(ended)
            assert max(post.submitted.values()) == 1
            assert scrape.total("mailsonar_probes_total", outcome="lost") == 0, "nothing is ever lost in this world"
            assert len(post.submitted) <= scrape.total("mailsonar_probes_started_total")
            record_property("attempts over 20 kills", scrape.total("mailsonar_probes_started_total"))
            record_property(
                "their outcomes",
                {name: count for name in OUTCOMES if (count := scrape.total("mailsonar_probes_total", outcome=name))},
            )
            assert all(mailbox.messages[0].content == FOREIGN for mailbox in mailboxes)
            await agent.stop()
