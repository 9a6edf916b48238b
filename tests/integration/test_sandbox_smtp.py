"""The sandbox's submission server, as an independent client meets it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support import curl as exits
from tests.support.curl import URL_SCHEMES, Curl, curl
from tests.support.talk import talk

from mailsonar.model.server import Security
from mailsonar.sandbox import faults, smtp_faults
from mailsonar.sandbox.faults import ServerFault
from mailsonar.sandbox.mailbox import Mailbox
from mailsonar.sandbox.mta import SmtpServer
from mailsonar.sandbox.world import Sandbox

ADDRESS, PASSWORD = "probe@acme.example", 'p "w" %s {} ü'
MESSAGE = b"Subject: hello\n\n.dot\nlast line\n"


@pytest.fixture
async def world() -> AsyncIterator[Sandbox]:
    """A world with one account."""
    async with Sandbox() as sandbox:
        sandbox.mailbox(ADDRESS, PASSWORD)
        yield sandbox


@pytest.fixture
def mailbox(world: Sandbox) -> Mailbox:
    """The account."""
    return world.mailboxes[ADDRESS]


@pytest.fixture
async def server(world: Sandbox) -> SmtpServer:
    """A server without TLS."""
    return await world.smtp(Security.PLAINTEXT)


async def submit(
    server: SmtpServer, *arguments: str, ca: Path | None = None, user: str = f"{ADDRESS}:{PASSWORD}"
) -> Curl:
    """Submit a message to the account itself."""
    url = f"smtp{URL_SCHEMES[server.security]}://127.0.0.1:{server.port}/client.example"
    envelope = ("--mail-from", ADDRESS, "--mail-rcpt", ADDRESS)
    return await curl(url, *envelope, *arguments, ca=ca, user=user, upload=MESSAGE)


@pytest.mark.parametrize("security", Security)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
async def test_message_is_delivered_by_every_mechanism_and_security(
    world: Sandbox, mailbox: Mailbox, tmp_path: Path, security: Security, mechanism: str
) -> None:
    """A client that logs in delivers its content unchanged, under trace fields, however it does so."""
    server = await world.smtp(security)
    world.authority.write_root(tmp_path / "ca.pem")
    ca = None if security is Security.PLAINTEXT else tmp_path / "ca.pem"
    run = await submit(server, "--login-options", f"AUTH={mechanism}", ca=ca)
    assert run.status == exits.OK, run.transcript
    content = mailbox.messages[0].content
    assert content.endswith(b"\r\nSubject: hello\r\n\r\n.dot\r\nlast line\r\n")
    assert content.startswith(b"Return-Path: <probe@acme.example>\r\nReceived: from client.example by ")
    assert (server.logins, mailbox.seen.logins, mailbox.seen.attempts) == (1, 1, 1)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
async def test_wrong_password_is_refused(server: SmtpServer, mailbox: Mailbox, mechanism: str) -> None:
    """Wrong credentials are refused by every mechanism, and counted as an attempt only."""
    run = await submit(server, "--login-options", f"AUTH={mechanism}", user=f"{ADDRESS}:wrong")
    assert run.status == exits.LOGIN_DENIED
    assert "< 535 5.7.8" in run.transcript
    assert (server.logins, mailbox.seen.logins, mailbox.seen.attempts, mailbox.messages) == (0, 0, 1, [])


async def test_credentials_are_not_recorded(server: SmtpServer) -> None:
    """The record of commands holds no secret, so that it can be printed."""
    await submit(server, "--sasl-ir", "--login-options", "AUTH=PLAIN")
    assert "AUTH ***" in server.commands
    assert base64.b64encode(f"\0{ADDRESS}\0{PASSWORD}".encode()).decode() not in " ".join(server.commands)


async def test_submission_needs_a_login(server: SmtpServer, mailbox: Mailbox) -> None:
    """Nobody submits without having logged in."""
    run = await submit(server, user="")
    assert "< 530 5.7.0" in run.transcript
    assert mailbox.messages == []


async def test_unknown_recipient_is_refused(server: SmtpServer) -> None:
    """Only mailboxes of the world receive mail."""
    run = await submit(server, "--mail-rcpt", "nobody@acme.example")
    assert "< 550 5.1.1" in run.transcript


async def test_login_in_the_clear_is_refused_where_starttls_is_due(world: Sandbox) -> None:
    """AUTH is neither offered nor taken before TLS on a STARTTLS server."""
    server = await world.smtp(Security.STARTTLS)
    async with talk(server.port) as client:
        assert (await client.hear()).startswith("220 ")
        offered = await client.ask_smtp("EHLO client.example")
        assert any("STARTTLS" in line for line in offered)
        assert not any("AUTH" in line for line in offered)
        assert (await client.ask("AUTH PLAIN AHgAeA==")).startswith("538 ")


async def test_tls_starts_once(world: Sandbox, tmp_path: Path) -> None:
    """Within TLS, STARTTLS is neither offered nor taken again."""
    server = await world.smtp(Security.STARTTLS)
    world.authority.write_root(tmp_path / "ca.pem")
    run = await curl(f"smtp://127.0.0.1:{server.port}/client.example", "--request", "STARTTLS", ca=tmp_path / "ca.pem")
    assert run.transcript.count("250-STARTTLS") == 1
    assert "< 503 5.5.1" in run.transcript


@pytest.mark.parametrize(
    ("fault", "status", "reply", "delivered"),
    [
        (smtp_faults.TURNED_AWAY, exits.WEIRD_REPLY, "< 554 5.3.2", 0),
        (smtp_faults.SHUTTING_DOWN, exits.WEIRD_REPLY, "< 421 4.3.2", 0),
        (smtp_faults.LOGIN_REFUSED, exits.LOGIN_DENIED, "< 535 5.7.8", 0),
        (smtp_faults.LOGIN_DEFERRED, exits.LOGIN_DENIED, "< 454 4.7.0", 0),
        (smtp_faults.SENDER_REFUSED, exits.SEND_FAILED, "< 550 5.7.1", 0),
        (smtp_faults.RECIPIENT_REFUSED, exits.SEND_FAILED, "< 550 5.1.1", 0),
        (smtp_faults.DATA_REFUSED, exits.SEND_FAILED, "< 554 5.7.1", 0),
        (smtp_faults.CONTENT_REFUSED, exits.WEIRD_REPLY, "< 554 5.7.1", 0),
        (smtp_faults.DROPPED_AT_FINAL_DOT, exits.RECEIVE_FAILED, "", 0),
        (smtp_faults.DROPPED_AFTER_DELIVERY, exits.RECEIVE_FAILED, "", 1),
        (faults.hides("AUTH"), exits.SEND_FAILED, "< 530 5.7.0", 0),
        (smtp_faults.late_acceptance(0.05), exits.OK, "< 250 2.0.0", 1),
        (faults.late(faults.GREETING, 0.05), exits.OK, "< 250 2.0.0", 1),
    ],
    ids=lambda value: value.name if isinstance(value, ServerFault) else "",
)
async def test_fault_shows_while_it_is_on(
    server: SmtpServer, mailbox: Mailbox, fault: ServerFault, status: int, reply: str, delivered: int
) -> None:
    """Each fault shows to the client as what it is, delivers what it says, and is gone when switched off."""
    with server.faults.during(fault):
        run = await submit(server)
    assert (run.status, len(mailbox.messages)) == (status, delivered), run.transcript
    assert reply in run.transcript
    assert (await submit(server)).status == exits.OK


async def test_greylisting_defers_the_first_tries_only(server: SmtpServer, mailbox: Mailbox) -> None:
    """A greylisted recipient is deferred so many times, then accepted."""
    with server.faults.during(smtp_faults.greylisting(2)):
        runs = [await submit(server) for _ in range(3)]
    assert ["< 451 4.7.1" in run.transcript for run in runs] == [True, True, False]
    assert len(mailbox.messages) == 1


@pytest.mark.parametrize("moment", [faults.GREETING, "EHLO", "AUTH", faults.CREDENTIALS, "MAIL", "RCPT", "DATA"])
async def test_stall_leaves_the_client_waiting(server: SmtpServer, mailbox: Mailbox, moment: str) -> None:
    """A stalled moment is never answered; nothing is delivered."""
    with server.faults.during(faults.stalls(moment)):
        run = await submit(server, "--max-time", "0.2")
    assert run.status == exits.TIMED_OUT, run.transcript
    last = {faults.GREETING: "", faults.CREDENTIALS: "AUTH"}.get(moment, moment)
    assert "".join(list(server.commands)[-1:]).startswith(last)
    assert bool(server.commands) == bool(last)
    assert mailbox.messages == []


@pytest.mark.parametrize(("moment", "delivered"), [(faults.FINAL_DOT, 0), (faults.ACCEPTANCE, 1)])
async def test_stall_behind_the_final_dot(server: SmtpServer, mailbox: Mailbox, moment: str, delivered: int) -> None:
    """The reply to the content may stay out whether or not the message is delivered."""
    server.faults.on(faults.stalls(moment))
    login = base64.b64encode(f"\0{ADDRESS}\0{PASSWORD}".encode()).decode()
    async with talk(server.port) as client:
        await client.hear()
        await client.ask_smtp("EHLO client.example")
        for command in (f"AUTH PLAIN {login}", f"MAIL FROM:<{ADDRESS}>", f"RCPT TO:<{ADDRESS}>", "DATA"):
            assert (await client.ask(command))[0] in "23"
        client.say("Subject: hello\r\n\r\n.")
        assert await client.silence(0.05)
        assert len(mailbox.messages) == delivered


async def test_injection_shares_the_segment_of_the_go_ahead(world: Sandbox) -> None:
    """Injected plaintext is there before the client can have started TLS, which still works for who ignores it."""
    server = await world.smtp(Security.STARTTLS)
    server.faults.on(smtp_faults.STARTTLS_INJECTED)
    async with talk(server.port) as client:
        await client.hear()
        await client.ask_smtp("EHLO client.example")
        client.say("STARTTLS")
        assert await client.hear_segment() == b"220 Ready to start TLS\r\n250 2.0.0 injected\r\n"
        await client.upgrade(world.authority.client_context())
        assert (await client.ask("EHLO client.example")).startswith("250-")
