"""What the sandbox's servers share: certificates, ports, TLS upgrades, and an end that leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support import curl as exits
from tests.support.curl import Curl, curl
from tests.support.talk import talk

from mailsonar.model.server import Security
from mailsonar.sandbox import faults, pop3_faults, smtp_faults
from mailsonar.sandbox.authority import Authority
from mailsonar.sandbox.faults import ServerFault
from mailsonar.sandbox.listener import Listener
from mailsonar.sandbox.world import Sandbox

ADDRESS, PASSWORD = "probe@acme.example", "a-password"
TLS_SERVERS = [(p, s) for p in ("smtp", "pop3") for s in (Security.STARTTLS, Security.IMPLICIT_TLS)]
EVERY_SERVER = [(p, s) for p in ("smtp", "pop3") for s in Security]


@pytest.fixture
async def world() -> AsyncIterator[Sandbox]:
    """A world with one account."""
    async with Sandbox() as sandbox:
        sandbox.mailbox(ADDRESS, PASSWORD)
        yield sandbox


@pytest.fixture
def ca(world: Sandbox, tmp_path: Path) -> Path:
    """The file that a client of this world trusts."""
    world.authority.write_root(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


async def opened(world: Sandbox, protocol: str, security: Security) -> Listener:
    """Open a server of either protocol."""
    return await (world.smtp if protocol == "smtp" else world.pop3)(security)


async def visit(protocol: str, server: Listener, ca: Path | None, *arguments: str) -> Curl:
    """Log in with curl, and list what there is or say NOOP."""
    scheme = protocol + ("s" if server.security is Security.IMPLICIT_TLS else "")
    trust = None if server.security is Security.PLAINTEXT else ca
    url = f"{scheme}://127.0.0.1:{server.port}"
    action = ("--request", "NOOP") if protocol == "smtp" else ()
    return await curl(url, *action, *arguments, ca=trust, user=f"{ADDRESS}:{PASSWORD}")


@pytest.mark.parametrize(("protocol", "security"), TLS_SERVERS)
@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (faults.CERTIFICATE_EXPIRED, "certificate has expired"),
        (faults.CERTIFICATE_NOT_YET_VALID, "certificate is not yet valid"),
        (faults.CERTIFICATE_OF_ANOTHER_NAME, "no alternative certificate subject name matches"),
        (faults.CERTIFICATE_UNTRUSTED, "unable to get local issuer certificate"),
        (faults.CERTIFICATE_WEAK, "key too weak"),
    ],
    ids=lambda value: value.name if isinstance(value, ServerFault) else "",
)
async def test_bad_certificate_is_refused_until_healed(
    world: Sandbox, ca: Path, protocol: str, security: Security, fault: ServerFault, complaint: str
) -> None:
    """A server presents another certificate from one connection to the next, and verifying clients send no password."""
    server = await opened(world, protocol, security)
    with server.faults.during(fault):
        run = await visit(protocol, server, ca)
        assert run.status == exits.CERTIFICATE_BAD, run.transcript
        assert complaint in run.transcript
        assert not any(command.startswith(("AUTH", "USER", "PASS")) for command in server.commands)
    assert (await visit(protocol, server, ca)).status == exits.OK


@pytest.mark.parametrize("protocol", ["smtp", "pop3"])
@pytest.mark.parametrize("refusal", ["hidden", "refused"])
async def test_required_tls_upgrade_may_be_missing(world: Sandbox, ca: Path, protocol: str, refusal: str) -> None:
    """Where the upgrade is not offered, or refused, a client that requires it leaves without logging in."""
    server = await opened(world, protocol, Security.STARTTLS)
    fault = {
        ("smtp", "hidden"): smtp_faults.STARTTLS_NOT_OFFERED,
        ("smtp", "refused"): smtp_faults.STARTTLS_REFUSED,
        ("pop3", "hidden"): pop3_faults.STLS_NOT_OFFERED,
        ("pop3", "refused"): pop3_faults.STLS_REFUSED,
    }[protocol, refusal]
    with server.faults.during(fault):
        run = await visit(protocol, server, ca)
        assert run.status == exits.TLS_UNAVAILABLE, run.transcript
        assert any(command in {"STARTTLS", "STLS"} for command in server.commands) == (refusal == "refused")
        assert not any(command.startswith(("AUTH", "USER")) for command in server.commands)
    assert (await visit(protocol, server, ca)).status == exits.OK


@pytest.mark.parametrize(("protocol", "security"), EVERY_SERVER)
async def test_server_that_never_speaks(world: Sandbox, ca: Path, protocol: str, security: Security) -> None:
    """A server may accept and stay silent, before TLS too where that is implicit."""
    server = await opened(world, protocol, security)
    server.faults.on(faults.NEVER_SPEAKS)
    run = await visit(protocol, server, ca, "--max-time", "0.15")
    assert run.status == exits.TIMED_OUT, run.transcript
    assert (server.connections, list(server.commands)) == (1, [])


@pytest.mark.parametrize("protocol", ["smtp", "pop3"])
async def test_dead_port_refuses_and_comes_back(world: Sandbox, ca: Path, protocol: str) -> None:
    """A closed server refuses connections, keeps its port, and takes them again when opened."""
    server = await opened(world, protocol, Security.IMPLICIT_TLS)
    port = server.port
    for _ in range(2):
        server.close()
        assert (await visit(protocol, server, ca)).status == exits.CONNECTION_REFUSED
        await server.open()
        assert server.port == port
        assert (await visit(protocol, server, ca)).status == exits.OK


async def test_replies_of_several_lines_are_not_held_back(world: Sandbox) -> None:
    """A server sends its lines at once: Nagle's algorithm would make each such reply wait for the client's kernel."""
    server = await world.smtp(Security.PLAINTEXT)
    delays = []
    async with talk(server.port) as client:
        await client.hear()
        for _ in range(5):
            asked = time.monotonic()
            assert len(await client.ask_smtp("EHLO client.example")) > 2
            delays.append(time.monotonic() - asked)
    assert min(delays) < 0.02


async def test_closing_leaves_sessions_alone(world: Sandbox) -> None:
    """A dead port is about new connections: a session that is there goes on."""
    server = await world.pop3(Security.PLAINTEXT)
    async with talk(server.port) as client:
        await client.hear()
        server.close()
        assert (await client.ask("CAPA")).startswith("+OK")


async def test_servers_share_the_mailboxes(world: Sandbox) -> None:
    """An account that is made later is known to every server, whatever the case of its letters."""
    server = await world.pop3(Security.PLAINTEXT)
    world.mailbox("Late@Acme.example", "x")
    async with talk(server.port) as client:
        await client.hear()
        await client.ask("USER late@ACME.example")
        assert (await client.ask("PASS x")).startswith("+OK")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_certificate_carries_every_name_of_loopback(host: str) -> None:
    """A strict verifier accepts the certificate under each name that a client may use for this machine."""
    authority = Authority()
    client = authority.client_context()
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(incoming, outgoing, server_hostname=host)
    theirs = authority.server_context(host).wrap_bio(outgoing, incoming, server_side=True)
    for _ in range(2):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert ours.version() == "TLSv1.3"


@pytest.mark.parametrize(("protocol", "security"), EVERY_SERVER)
async def test_end_leaves_nothing(protocol: str, security: Security) -> None:
    """However its sessions stand, a world that ends leaves no task and no open socket; unclosed ones would warn."""
    before = asyncio.all_tasks()
    async with Sandbox() as sandbox:
        server = await opened(sandbox, protocol, security)
        context = sandbox.authority.client_context() if security is Security.IMPLICIT_TLS else None
        async with talk(server.port, context) as idle, talk(server.port, context) as stalled:
            assert await idle.hear()
            assert await stalled.hear()
            server.faults.on(faults.stalls("NOOP"))
            stalled.say("NOOP")
            server.faults.on(faults.NEVER_SPEAKS)
            async with talk(server.port) as unheard:
                assert await unheard.silence(0.02)
                await server.end()
                assert await idle.hear() == ""
    assert asyncio.all_tasks() == before
    gc.collect()
