"""What `check` and `validate --connect` tell of each server whose certificate is good or bad."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.support.probing import ADDRESS, PASSWORD, impatient

from mailsonar.app.tools import opened_tools
from mailsonar.cli import check, validate
from mailsonar.cli.flags import build_parser
from mailsonar.clock import SystemClock
from mailsonar.config.load import load_config
from mailsonar.model.server import Secret, Security
from mailsonar.sandbox import faults
from mailsonar.sandbox.faults import ServerFault
from mailsonar.sandbox.mta import SmtpServer
from mailsonar.sandbox.pop3 import Pop3Server
from mailsonar.sandbox.world import Sandbox

Pair = tuple[SmtpServer, Pop3Server]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let nobody wait for seconds, and give the log back as it was."""
    impatient(monkeypatch)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    """A submission server with STARTTLS, and a maildrop behind implicit TLS."""
    async with Sandbox() as world:
        world.mailbox(ADDRESS, PASSWORD)
        smtp, pop3 = await world.smtp(Security.STARTTLS), await world.pop3(Security.IMPLICIT_TLS)
        world.authority.write_root(tmp_path / "ca.pem")
        yield smtp, pop3


@pytest.fixture
def common(pair: Pair, tmp_path: Path) -> list[str]:
    """What a command is told to find its config."""
    file = tmp_path / "mailsonar.yml"
    tls = f"tls: {{ca_file: {tmp_path / 'ca.pem'}}}"
    account = f"host: 127.0.0.1, username: {ADDRESS}, password: {PASSWORD}, {tls}"
    smtp, pop3 = pair
    file.write_text(
        "defaults: {interval: 1m, deadline: 1s, give_up: 2s}\n"
        f"senders: {{out: {{address: {ADDRESS}, smtp: {{port: {smtp.port}, security: starttls, {account}}}}}}}\n"
        f"maildrops: {{in: {{address: {ADDRESS}, pop3: {{port: {pop3.port}, security: implicit_tls, {account}}}}}}}\n"
        "routes: {a: {from: out, to: in}}\n"
    )
    return ["--config.file", str(file), "--config.allow-inline-secrets"]


def words_of(printed: str) -> str:
    """Return a text with single spaces."""
    return " ".join(printed.split())


async def test_check_reports_both_servers(common: list[str], pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    """Below the waterfall, each server has its handshake, its certificate, its end and its login."""
    assert await check.command(build_parser({}).parse_args(["check", *common])) == 0
    printed = words_of(capsys.readouterr().out)
    for server, security, offered in ((pair[0], "starttls", "CRAM-MD5 LOGIN PLAIN"),
                                      (pair[1], "implicit_tls", "PLAIN USER")):  # fmt: skip
        _, found, section = printed.partition(f":{server.port} {security} TLS TLSv1.3 ")
        assert found
        assert "verified certificate localhost, 127.0.0.1, ::1; ECDSA P-256; issued by CN=Sandbox Root" in section
        assert f"(90 days left) login authenticated by PLAIN as {ADDRESS}; offered: {offered}" in section


async def test_check_reports_a_bad_certificate(
    common: list[str], pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report waits for the glimpse, so that the end of the certificate stands in text and JSON alike."""
    pair[0].faults.on(faults.CERTIFICATE_EXPIRED)
    assert await check.command(build_parser({}).parse_args(["check", *common])) == 2
    printed = words_of(capsys.readouterr().out)
    assert "NOT verified: certificate has expired certificate localhost, 127.0.0.1, ::1; ECDSA P-256" in printed
    assert "(expired) login not tried as probe@acme.example" in printed
    assert await check.command(build_parser({}).parse_args(["check", "--output", "json", *common])) == 2
    (result,) = json.loads(capsys.readouterr().out)
    (facts,) = result["tls"]
    assert (facts["verified"], facts["problem"], facts["key"]) == (False, "certificate has expired", "ECDSA P-256")
    assert facts["not_after"] == facts["not_after_earliest"] is not None
    assert pair[0].logins == 0


async def test_a_reload_brings_no_further_glimpse(common: list[str], pair: Pair) -> None:
    """When a server was glimpsed at outlives the config: each reload gets new tools, but the same memory."""
    config = load_config(Path(common[1]), environ={}, allow_inline_secrets=True)
    with opened_tools(SystemClock()) as tools:
        key = (Secret("test", lambda: "k" * 32),)
        assert tools.workshop(config, key).glimpses is tools.workshop(config, key).glimpses


async def test_validate_reports_each_server(common: list[str], pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    """One line tells whether a server is well, those below it why, with a warning of plaintext logins."""
    pair[0].faults.on(ServerFault(name="offers logins at once", offers=("AUTH PLAIN",)))
    pair[1].faults.on(faults.CERTIFICATE_SELF_SIGNED)
    assert await validate.command(build_parser({}).parse_args(["validate", "--connect", *common])) == 1
    lines = capsys.readouterr().out.splitlines()
    heads = [line.split()[:3] for line in lines if not line.startswith(" ")]
    assert heads == [["ok", "smtp", f"127.0.0.1:{pair[0].port}"], ["FAILED", "pop3", f"127.0.0.1:{pair[1].port}"]]
    printed = words_of("\n".join(lines))
    assert "warning offers logins before TLS that give the secret away" in printed
    assert "issued by CN=127.0.0.1" in printed
    assert pair[1].logins == 0
