"""A small fleet with about everything wrong in it: an agent, the servers that it watches, and a Prometheus."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.agent_process import AgentProcess
from tests.support.prometheus import Prometheus, PrometheusSetup
from tests.support.token_endpoint import token_endpoint

from mailsonar.model.server import Security
from mailsonar.sandbox import delivery, faults, pop3_faults
from mailsonar.sandbox.listener import Listener
from mailsonar.sandbox.mailbox import Mailbox
from mailsonar.sandbox.world import Sandbox

PASSWORD = "secret-of-the-troubled-world"
JOB = "mailsonar"
GATEWAY = (
    b"Received: from mta.sandbox.example by gateway.example with ESMTPS; Tue, 24 Nov 2026 10:00:07 +0000\r\n"
    b"Authentication-Results: gateway.example; spf=pass; dkim=fail; dmarc=none\r\n"
    b"Received: from probe.example by mta.sandbox.example with ESMTPA; Tue, 24 Nov 2026 10:00:05 +0000\r\n"
)
WELL, UNCLEAN, UNHEARD, LOST, EXPIRED, TOKEN = "well", "unclean", "unheard", "lost", "expired", "token"
OWNERS = {WELL: "acme", UNCLEAN: "hooli", UNHEARD: "acme", LOST: "globex", EXPIRED: "globex", TOKEN: "initech"}


@dataclass(frozen=True, slots=True)
class TroubledWorld:
    """The agent, and the Prometheus that scrapes it every second."""

    agent: AgentProcess
    prometheus: Prometheus


@asynccontextmanager
async def troubled_world(folder: Path) -> AsyncIterator[TroubledWorld]:
    """Provide the fleet: of its routes, `well` and `unclean` succeed, all others fail, each for a reason of its own."""
    async with Sandbox() as world, token_endpoint() as tokens:
        world.authority.write_root(folder / "ca.pem")
        for name, secret in (("password", PASSWORD), ("key", "k" * 40)):
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(secret)
        config = folder / "mailsonar.yml"
        config.write_text(await _config(world, tokens.token_url))
        (folder / "prometheus").mkdir()
        async with AgentProcess(config, folder, ["--storage.path", folder / "state"]) as agent:
            setup = PrometheusSetup(folder=folder / "prometheus", jobs={JOB: [f"127.0.0.1:{agent.port}"]})
            async with Prometheus(setup) as prometheus:
                yield TroubledWorld(agent, prometheus)


async def _config(world: Sandbox, token_url: str) -> str:
    """Open the servers, and return a config of one route to each of the mailboxes."""
    smtp = await world.smtp(Security.STARTTLS)
    outdated = await world.smtp(Security.STARTTLS)
    outdated.faults.on(faults.CERTIFICATE_EXPIRED)
    pop3 = {name: await world.pop3(Security.IMPLICIT_TLS) for name in OWNERS}
    boxes = {name: world.mailbox(f"{name}@{owner}.example", PASSWORD) for name, owner in OWNERS.items()}
    boxes[WELL].faults.on(delivery.mangle(lambda header: GATEWAY + header), delivery.duplicate(2))
    boxes[LOST].faults.on(delivery.lose)
    pop3[UNCLEAN].faults.on(pop3_faults.DELE_REFUSED)
    pop3[UNHEARD].faults.on(pop3_faults.LOGIN_REFUSED)
    oauth2 = f"oauth2: {{token_endpoint: {json.dumps(token_url)}, client_id: probe, client_secret: {{file: password}}}}"
    password = "password: {file: password}"
    secret = dict.fromkeys(OWNERS, "password: {file: password}") | {TOKEN: oauth2}
    lines = [
        "signing_key: {file: key}",
        "labels: [customer]",
        "defaults: {interval: 1s, deadline: 2s, give_up: 4s}",
        "senders:",
        *(
            f"  {name}-out: {_account(box, 'smtp', outdated if name == EXPIRED else smtp, password)}"
            for name, box in boxes.items()
        ),
        "maildrops:",
        *(f"  {name}-in: {_account(box, 'pop3', pop3[name], secret[name])}" for name, box in boxes.items()),
        "routes:",
        *(
            f"  {name}: {{from: {name}-out, to: {name}-in, hops: true, labels: {{customer: {owner}}}}}"
            for name, owner in OWNERS.items()
        ),
    ]
    return "\n".join(lines)


def _account(box: Mailbox, protocol: str, server: Listener, secret: str) -> str:
    """Return a sender or maildrop in YAML's flow style."""
    keys = (
        f"host: {server.endpoint.host}, port: {server.port}, security: {server.security}, username: {box.address}, "
        f"{secret}, tls: {{ca_file: ca.pem}}"
    )
    believes = "" if protocol == "smtp" else ", authserv_id: gateway.example"
    return f"{{address: {box.address}, {protocol}: {{{keys}}}{believes}}}"
