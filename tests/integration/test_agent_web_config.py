"""The web config of a running agent: what changes without a restart, and what a mistake leaves in force."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import bcrypt
import pytest
from tests.support.authority import Authority
from tests.support.curl import CERTIFICATE_BAD, EMPTY_REPLY, OK, Curl, curl

from mailsonar.app import agent as agents
from mailsonar.app.agent import run_agent
from mailsonar.app.settings import Settings
from mailsonar.clock import SystemClock

PATIENCE_SECONDS = 8.0
STATUS = ("--write-out", "%{http_code}", "--output", "/dev/null")


def hashed(password: str) -> str:
    """Return a hash that is quickly checked."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


class Port:
    """A running agent's port, and the files that say who may come in."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.folder = folder
        self.url = ""
        self.renew("first")
        self.write({"prometheus": "secret"})
        (folder / "main.yml").write_text("labels: []\n")

    def renew(self, name: str) -> None:
        """Put another certificate in place, its key in the same file."""
        self.authority.issue(name).replace(self.folder / "agent.pem")

    def write(self, users: dict[str, str], tls: str = "cert_file: agent.pem, key_file: agent.pem") -> None:
        """Write the web config, as editors do: another file in the place of the old."""
        listed = "".join(f"  {user}: {hashed(password)}\n" for user, password in users.items())
        fresh = self.folder / "fresh.yml"
        fresh.write_text((f"tls_server_config: {{{tls}}}\n" if tls else "") + f"basic_auth_users:\n{listed}")
        fresh.replace(self.folder / "web.yml")

    async def ask(self, path: str = "metrics", user: str = "prometheus:secret") -> Curl:
        """Ask for a page; what is received is the status of the answer."""
        return await curl(self.url + path, *STATUS, ca=self.authority.ca_file, user=user)

    async def status(self, path: str = "metrics", user: str = "prometheus:secret") -> str:
        """Return the status of an answer, "000" where there is none."""
        return (await self.ask(path, user)).received.decode()

    async def serial(self) -> str:
        """Return what tells the certificate that is shown from others."""
        said = await curl(self.url + "-/healthy", "--write-out", "%{certs}", "--cacert", str(self.authority.ca_file))
        return next(line for line in said.received.decode().splitlines() if line.startswith("Serial Number:"))


@asynccontextmanager
async def running(port: Port) -> AsyncIterator[asyncio.Task[None]]:
    """Run an agent for the length of a block, and see that it ends well."""
    folder = port.folder
    settings = Settings(
        config_file=folder / "main.yml",
        environ={},
        listen_address="127.0.0.1:0",
        web_config_file=folder / "web.yml",
        enable_lifecycle=True,
    )
    up: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run_agent(settings.load(), settings, SystemClock(), up.set_result))
    try:
        port.url = await asyncio.wait_for(up, PATIENCE_SECONDS)
        yield task
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(asyncio.shield(task), PATIENCE_SECONDS)
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
async def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Port]:
    """A running agent that wants TLS and a password, and looks at its files all the time."""
    monkeypatch.setattr(agents, "WATCH_SECONDS", 0.05)
    port = Port(tmp_path)
    async with running(port):
        yield port


async def refusals(caplog: pytest.LogCaptureFixture, count: int) -> list[str]:
    """Wait for reloads that were refused; return what was told of them."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
            if len(told) >= count:
                return told
            await asyncio.sleep(0.01)


async def test_curl_with_tls_and_password(port: Port) -> None:
    """From the first moment on, metrics are for users, health is for all, and nothing for those without TLS."""
    assert port.url.startswith("https://")
    assert await port.status() == "200"
    assert await port.status(user="") == "401"
    assert await port.status(user="prometheus:wrong") == "401"
    assert [await port.status(path, user="") for path in ("-/healthy", "-/ready")] == ["200", "200"]
    assert (await curl(port.url + "metrics", *STATUS)).status == CERTIFICATE_BAD
    assert (await curl(port.url.replace("https", "http") + "-/healthy", *STATUS)).status == EMPTY_REPLY


async def test_users_change_without_a_restart(port: Port) -> None:
    """A new user comes in, a removed one and an old password do not, though they were good a moment ago."""
    assert await port.status() == "200"
    port.write({"prometheus": "changed", "grafana": "other"})
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await port.status() != "401":
            pass
    assert await port.status(user="prometheus:changed") == "200"
    assert await port.status(user="grafana:other") == "200"


async def test_certificates_change_without_a_restart(port: Port) -> None:
    """A renewed certificate is shown as soon as it lies there."""
    before = await port.serial()
    port.renew("second")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await port.serial() == before:
            pass
    assert await port.status() == "200"


async def test_a_broken_certificate_changes_nothing(port: Port, caplog: pytest.LogCaptureFixture) -> None:
    """What was in force stays, the log says so once, a metric tells; the repaired file is taken over by itself."""
    before = await port.serial()
    (port.folder / "agent.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    [told] = await refusals(caplog, 1)
    assert told.startswith("the config was not reloaded, the old one stays in force: ")
    assert "web.yml:1: tls_server_config.cert_file: certificate and key must be PEM files" in told
    assert (await port.serial(), await port.status()) == (before, "200")
    metrics = await curl(port.url + "metrics", ca=port.authority.ca_file, user="prometheus:secret")
    assert b"\nmailsonar_config_last_reload_successful 0.0\n" in metrics.received
    (port.folder / "web.yml").write_text("")
    assert "web.yml:1: (file): is empty" in (await refusals(caplog, 2))[1]
    assert await port.status(user="") == "401"
    port.renew("second")
    port.write({"prometheus": "secret"})
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await port.serial() == before:
            pass
    assert len(await refusals(caplog, 2)) == 2


async def test_a_reload_tells_what_is_wrong_with_the_web_config(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """POST /-/reload answers with the web config's errors, too, and never with a hash."""
    monkeypatch.setattr(agents, "WATCH_SECONDS", 60.0)
    (port.folder / "web.yml").write_text(f"basic_auth_users: {{a: {hashed('x')[:-1]}}}\n")
    said = await curl(port.url + "-/reload", "--request", "POST", ca=port.authority.ca_file, user="prometheus:secret")
    assert b"basic_auth_users.a: must be a bcrypt hash" in said.received
    assert hashed("x")[:7].encode() not in said.received


async def test_tls_can_be_switched_off_and_on(port: Port) -> None:
    """Even TLS itself changes for new connections; the password is asked for either way."""
    port.write({"prometheus": "secret"}, tls="")
    plain = port.url.replace("https", "http") + "metrics"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await curl(plain, *STATUS, user="prometheus:secret")).status != OK:
            pass
    assert (await curl(plain, *STATUS)).received == b"401"
    port.write({"prometheus": "secret"})
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await port.ask()).status != OK:
            pass
