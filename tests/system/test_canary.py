"""Secrets with marks in them, and servers that repeat what they are sent: no mark may show anywhere."""

from __future__ import annotations

import asyncio
import base64
import html
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from tests.support.agent_process import AgentProcess
from tests.support.command_line import mailsonar
from tests.support.config_text import RouteText, write_config
from tests.support.leaks import leaks, macs
from tests.support.mailhost import MailHost

SMTP_PASSWORD = 'Smtp<Kanarie&"q7"\'\u00a0Zz9%s{0}'
POP3_PASSWORD = "Pop3-Kanarie-w8-Xx4-and-more-of-it"
SIGNING_KEY = "Signing-Kanarie-t5-Vv3-0123456789abcdef"
SECRETS = (SMTP_PASSWORD, POP3_PASSWORD, SIGNING_KEY)
SETTINGS = {"interval": "1s", "deadline": "2s", "give_up": "2s"}
Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LOGINS = {
    "refusing": b"535-5.7.8 SAID\r\n535 5.7.8 SAID",
    "senseless": b"250 2.7.0 SAID",
    "garbled": b"what is SAID",
    "accepting": b"235 2.7.0 SAID",
}


def repeated(line: bytes, width: int) -> bytes:
    """Return what an indiscreet server quotes of a line: as it came, decoded, encoded again; `width` shifts it."""
    words = line.split()
    try:
        decoded = base64.b64decode(words[-1], validate=True).replace(b"\0", b" ")
    except (ValueError, IndexError):
        decoded = b""
    again = base64.b64encode(line)
    return b"x" * width + b" " + b" ".join((line, decoded, again))


async def smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, login: bytes, width: int) -> None:
    """Speak SMTP; repeat everything, answer the log-in as told, and quote the Message-ID as Exchange does."""
    writer.write(b"220 indiscreet\r\n")
    while line := (await reader.readline()).strip():
        verb = line.split()[0].upper()
        said = repeated(line, width)
        if verb == b"EHLO":
            writer.write(b"250-indiscreet\r\n250 AUTH PLAIN\r\n")
        elif verb == b"AUTH":
            writer.write(login.replace(b"SAID", said) + b"\r\n")
        elif verb == b"DATA":
            writer.write(b"354 go on\r\n")
            content = await reader.readuntil(b"\r\n.\r\n")
            message_id = re.search(rb"Message-ID: (\S+)", content)
            assert message_id is not None
            writer.write(b"250 2.6.0 " + b"y" * width + b" " + message_id[1] + b" queued mail for delivery\r\n")
        else:
            writer.write(b"250 2.0.0 " + said + b"\r\n")
    writer.close()


async def pop3(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, width: int) -> None:
    """Speak POP3 without capabilities; refuse the password and repeat it."""
    writer.write(b"+OK indiscreet\r\n")
    while line := (await reader.readline()).strip():
        good = line.split()[0].upper() in {b"USER", b"QUIT"}
        writer.write((b"+OK " if good else b"-ERR ") + repeated(line, width) + b"\r\n")
    writer.close()


@asynccontextmanager
async def indiscreet_servers(widths: tuple[int, ...]) -> AsyncIterator[dict[str, int]]:
    """Serve; give the ports by kind and width."""
    plays: dict[str, Play] = {}
    for width in widths:
        plays |= {f"{kind}-{width}": partial(smtp, login=login, width=width) for kind, login in LOGINS.items()}
        plays[f"pop3-{width}"] = partial(pop3, width=width)
    servers = {name: await asyncio.start_server(play, "127.0.0.1", 0) for name, play in plays.items()}
    try:
        yield {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
    finally:
        for server in servers.values():
            server.close()


def indiscreet_routes(ports: dict[str, int], boxes: Iterator[int], folder: Path) -> list[RouteText]:
    """Return routes whose log-in is refused on either leg, and routes whose submission goes well."""

    def login(port: int, secret: str) -> dict[str, Any]:
        keys = {"host": "127.0.0.1", "port": port, "username": "probe", "password": {"file": str(folder / secret)}}
        return {**keys, "security": "plaintext", "allow_plaintext_auth": True}

    routes = []
    for kind, port in ports.items():
        sender, maildrop = islice(boxes, 2)
        if kind.startswith("pop3"):
            keys: dict[str, Any] = {"pop3_keys": login(port, "pop3-password"), "pop3_security": "plaintext"}
        else:
            keys = {"smtp_keys": login(port, "smtp-password"), "smtp_security": "plaintext"}
        routes.append(RouteText(name=kind, sender=sender, maildrop=maildrop, settings=SETTINGS, **keys))
    return routes


async def sinks_of(agent: AgentProcess, routes: list[RouteText]) -> dict[str, str]:
    """Return all that the agent shows."""
    paths = ["/", "/metrics", "/config", "/api/v1/routes"]
    for route in routes:
        paths += [f"/routes/{route.name}", f"/api/v1/routes/{route.name}", f"/api/v1/routes/{route.name}/results"]
    sinks = {}
    for path in paths:
        status, sinks[path] = await agent.get(path)
        assert status == 200, path
    return sinks | {"stdout": agent.stdout, "stderr": agent.stderr}


async def test_no_secret_shows_anywhere(mail_host: MailHost, positions: Iterator[int], tmp_path: Path) -> None:
    """No page, metric, log line or output shows a piece of a password, of the signing key, or a token's HMAC.

    The servers quote them plain and in base64, whole and just where a text for people is cut short.
    """
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    for name, value in (
        ("smtp-password", SMTP_PASSWORD),
        ("pop3-password", POP3_PASSWORD),
        ("signing-key", SIGNING_KEY),
    ):
        (secrets / name).write_text(value)
    async with indiscreet_servers((0, 165)) as ports:
        routes = indiscreet_routes(ports, positions, secrets)
        config = write_config(mail_host, routes, tmp_path)
        async with AgentProcess(config, tmp_path, ["--log.level", "debug", "--web.enable-lifecycle"]) as agent:
            await agent.until(
                lambda scrape: min(scrape.total("mailsonar_probes_total", route=route.name) for route in routes) >= 1,
                20,
            )
            sinks = await sinks_of(agent, routes)
            await agent.stop()
        named = ("--config.file", config)
        checks = await asyncio.gather(
            *(mailsonar("check", "--output", output, *named) for output in ("text", "json", "nagios")),
            mailsonar("validate", "--connect", *named),
        )
    for name, finished in zip(("text", "json", "nagios", "validate"), checks, strict=True):
        sinks |= {f"{name} stdout": finished.stdout, f"{name} stderr": finished.stderr}
    assert all("***" in sinks[name] for name in ("/config", "json stdout", "text stdout", "stderr"))
    assert "queued mail for delivery" in json.dumps(sinks["json stdout"])
    assert {name: found for name, text in sinks.items() if (found := leaks(text, SECRETS))} == {}
    assert {name: signed for name, text in sinks.items() if (signed := macs(text))} == {}


def test_the_search_for_leaks_finds_them() -> None:
    """A secret is found whole, in part, in base64 at any offset, and within HTML or JSON."""
    for secret in SECRETS:
        texts = [secret, secret[3:12], html.escape(f"a{secret}b"), json.dumps(f"a{secret}b")]
        texts += [base64.b64encode(b"x" * offset + secret.encode()).decode() for offset in range(4)]
        assert [text for text in texts if not leaks(text, SECRETS)] == []
    assert leaks("nothing of the kind; Kanarie", SECRETS) == set()
