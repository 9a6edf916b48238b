"""The other commands as processes: `validate`, `schema`, `demo`, and what the command line says of itself."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import aiohttp
import pytest
from tests.support.agent_process import INTERPRETER
from tests.support.authority import Authority
from tests.support.command_line import assert_no_bug_shows, mailsonar
from tests.support.config_text import RouteText, write_config
from tests.support.mailhost import MailHost
from tests.support.ports import PortReservation
from tests.support.scrape import Scrape

pytestmark = [pytest.mark.needs_calm, pytest.mark.takes_seconds(25)]

FIRST_ROUND_TRIP_SECONDS = 15.0


async def test_validate_tells_of_each_server(mail_host: MailHost, positions: Iterator[int], tmp_path: Path) -> None:
    """A good config is valid; --connect logs in to each server, and names leg, stage and reason of what fails."""
    boxes = list(islice(positions, 8))
    wrong = tmp_path / "wrong-password"
    wrong.write_text("not the password\n")
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    good_folder, broken_folder = tmp_path / "good", tmp_path / "broken"
    good_folder.mkdir()
    broken_folder.mkdir()
    good = RouteText(name="good", sender=boxes[0], maildrop=boxes[1], pop3_security="implicit_tls")
    plain = RouteText(name="plain", sender=boxes[2], maildrop=boxes[3], smtp_security="plaintext")
    with PortReservation() as reservation:
        broken = [
            RouteText(
                name="first",
                sender=boxes[4],
                maildrop=boxes[5],
                smtp_keys={"password": {"file": str(wrong)}},
                pop3_keys={"tls": {"ca_file": str(Authority(stranger).ca_file)}},
            ),
            RouteText(name="second", sender=boxes[6], maildrop=boxes[7], smtp_keys={"port": reservation.reserve()}),
        ]
        good_config = write_config(mail_host, [good, plain], good_folder)
        broken_config = write_config(mail_host, [good, *broken], broken_folder)
        valid, connected, failed = await asyncio.gather(
            mailsonar("validate", "--config.file", good_config),
            mailsonar("validate", "--connect", "--config.file", good_config),
            mailsonar("validate", "--connect", "--config.file", broken_config),
        )
    assert (valid.status, valid.stdout) == (0, f"{good_config}: valid: 2 routes, 2 senders, 2 maildrops\n")
    assert connected.status == 0
    lines = connected.stdout.splitlines()
    heads = [line.split()[:4:3] for line in lines if not line.startswith(" ")][:-1]
    assert heads == [["ok", "starttls"], ["ok", "plaintext"], ["ok", "implicit_tls"], ["ok", "starttls"]]
    assert sum("TLSv1.3 TLS_AES_256_GCM_SHA384, verified" in line for line in lines) == 3
    assert sum("TLS  " in line and "none, as configured" in line for line in lines) == 1
    assert sum("authenticated by PLAIN as probe" in line for line in lines) == 4
    warned = [line for line in lines if "offers logins before TLS that give the secret away" in line]
    assert len(warned) == 1, "Dovecot takes passwords before STLS, Postfix none before STARTTLS"
    assert failed.status == 1
    assert failed.stderr.endswith("3 of 6 servers failed\n")
    for fault in (
        "submission/authenticate/authentication_rejected",
        "submission/connect/connection_refused",
        "retrieval/tls_handshake/certificate_untrusted",
    ):
        assert sum(line.startswith("FAILED") and fault in line for line in failed.stdout.splitlines()) == 1
    assert [path for path in mail_host.maildir(mail_host.users[boxes[1]].address).rglob("*") if path.is_file()
            and path.parent.name in {"new", "cur"}] == []  # fmt: skip


async def test_schema_and_version_are_for_programs() -> None:
    """`schema` prints the JSON Schema of the config, `--version` one line; neither says anything else."""
    schema, version, usage = await asyncio.gather(mailsonar("schema"), mailsonar("--version"), mailsonar("no-such"))
    assert (schema.status, schema.stderr) == (0, "")
    assert schema.json["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"senders", "maildrops", "routes", "matrix", "signing_key"} <= schema.json["properties"].keys()
    assert (version.status, version.stderr) == (0, "")
    assert version.stdout.startswith("mailsonar ")
    assert (usage.status, usage.stdout) == (2, "")


async def fetch(http: aiohttp.ClientSession, url: str) -> str:
    """Return a page, "" while nobody is there."""
    try:
        async with http.get(url) as response:
            return await response.text()
    except aiohttp.ClientConnectionError:
        return ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_demo_shows_a_round_trip_soon_and_leaves_nothing(
    number: signal.Signals, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """A delivered round trip is on /metrics and on the page within 15 s; a signal ends the demo with exit 0."""
    with PortReservation() as reservation:
        address = f"127.0.0.1:{reservation.reserve()}"
        begun = time.monotonic()
        demo = await asyncio.create_subprocess_exec(
            *INTERPRETER, "-m", "mailsonar", "demo", "--web.listen-address", address,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )  # fmt: skip
        try:
            async with aiohttp.ClientSession() as http, asyncio.timeout(FIRST_ROUND_TRIP_SECONDS):
                while True:
                    scrape = Scrape.parse(await fetch(http, f"http://{address}/metrics"))
                    if scrape.total("mailsonar_probes_total", outcome="on_time"):
                        break
                    await asyncio.sleep(0.1)
                seconds = time.monotonic() - begun
                page = await fetch(http, f"http://{address}/")
            assert Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text() == ""  # noqa: ASYNC240 - no disk
            demo.send_signal(number)
            async with asyncio.timeout(15):
                stdout, stderr = await demo.communicate()
        finally:
            if demo.returncode is None:
                demo.kill()
                await demo.wait()
    record_property("demo", f"first round trip on the page after {seconds:.1f} s")
    assert demo.returncode == 0, stderr.decode()
    assert re.search(r'<td class="number">\s*(?:<[^>]*>\s*)*[0-9.]+ ?m?s', page)
    assert f"http://{address}/metrics" in stdout.decode()
    assert "nothing of it is left" in stdout.decode()
    assert_no_bug_shows(stderr.decode())
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - one empty folder
