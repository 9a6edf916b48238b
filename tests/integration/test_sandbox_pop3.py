"""The sandbox's POP3 server, as an independent client meets it and line by line."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support import curl as exits
from tests.support.curl import URL_SCHEMES, Curl, curl
from tests.support.talk import Talk, talk

from mailsonar.model.server import Security
from mailsonar.sandbox import faults, pop3_faults
from mailsonar.sandbox.faults import ServerFault
from mailsonar.sandbox.mailbox import Mailbox
from mailsonar.sandbox.pop3 import LONGEST_LINE, Pop3Server
from mailsonar.sandbox.world import Sandbox

ADDRESS, PASSWORD = "probe@acme.example", "two  words %s ü"
FIRST = b"Subject: one\r\nX-Probe: yes\r\n\r\n.dot\r\nline\r\n"
SECOND = b"Subject: two\r\n\r\nbody\r\n"
PLAIN = base64.b64encode(f"\0{ADDRESS}\0{PASSWORD}".encode()).decode()


@pytest.fixture
async def world() -> AsyncIterator[Sandbox]:
    """A world with one account that holds two messages."""
    async with Sandbox() as sandbox:
        mailbox = sandbox.mailbox(ADDRESS, PASSWORD)
        mailbox.deliver(FIRST)
        mailbox.deliver(SECOND)
        yield sandbox


@pytest.fixture
def mailbox(world: Sandbox) -> Mailbox:
    """The account."""
    return world.mailboxes[ADDRESS]


@pytest.fixture
async def server(world: Sandbox) -> Pop3Server:
    """A server without TLS."""
    return await world.pop3(Security.PLAINTEXT)


async def retrieve(
    server: Pop3Server,
    *arguments: str,
    number: str = "1",
    ca: Path | None = None,
    user: str = f"{ADDRESS}:{PASSWORD}",
) -> Curl:
    """Run curl on a message, or on the whole maildrop where the number is ""."""
    return await curl(
        f"pop3{URL_SCHEMES[server.security]}://127.0.0.1:{server.port}/{number}", *arguments, ca=ca, user=user
    )


@asynccontextmanager
async def session(server: Pop3Server) -> AsyncIterator[Talk]:
    """Log in by USER and PASS."""
    async with talk(server.port) as client:
        assert (await client.hear()).startswith("+OK")
        assert (await client.ask(f"USER {ADDRESS}")).startswith("+OK")
        assert (await client.ask(f"PASS {PASSWORD}")).startswith("+OK")
        yield client


@pytest.mark.parametrize("security", Security)
@pytest.mark.parametrize("hidden", ["nothing", "SASL"])
async def test_message_is_retrieved_by_every_login_and_security(
    world: Sandbox, mailbox: Mailbox, tmp_path: Path, security: Security, hidden: str
) -> None:
    """A client retrieves the very bytes, by AUTH PLAIN or, where that is not offered, by USER and PASS."""
    server = await world.pop3(security)
    server.faults.on(faults.hides(hidden))
    world.authority.write_root(tmp_path / "ca.pem")
    run = await retrieve(server, ca=None if security is Security.PLAINTEXT else tmp_path / "ca.pem")
    assert (run.status, run.received) == (exits.OK, FIRST), run.transcript
    assert ("PASS ***" in server.commands) == (hidden == "SASL")
    assert (server.logins, mailbox.seen.logins) == (1, 1)
    assert list(mailbox.seen.fetched) == [mailbox.messages[0].uid]


async def test_credentials_are_not_recorded(server: Pop3Server) -> None:
    """The record of commands holds no secret, so that it can be printed."""
    await retrieve(server, "--sasl-ir")
    async with session(server):
        pass
    assert {"AUTH ***", "PASS ***"} <= set(server.commands)
    assert not any(PLAIN in command or PASSWORD in command for command in server.commands)


async def test_auth_plain_waits_for_its_response(server: Pop3Server) -> None:
    """AUTH PLAIN works without an initial response, and refuses what is not one."""
    async with talk(server.port) as client:
        await client.hear()
        assert await client.ask("AUTH PLAIN") == "+ "
        assert (await client.ask("*")).startswith("-ERR")
        assert (await client.ask("AUTH XOAUTH2 xyz")).startswith("-ERR")
        assert await client.ask("AUTH PLAIN") == "+ "
        assert await client.ask(PLAIN) == "+OK 2 messages"


@pytest.mark.parametrize("user", [f"{ADDRESS}:wrong", f"nobody@acme.example:{PASSWORD}"])
async def test_wrong_credentials_are_refused(server: Pop3Server, mailbox: Mailbox, user: str) -> None:
    """Wrong credentials and unknown accounts get the same answer."""
    run = await retrieve(server, user=user)
    assert run.status == exits.LOGIN_DENIED
    assert "< -ERR [AUTH]" in run.transcript
    assert mailbox.seen.logins == 0


async def test_login_in_the_clear_is_refused_where_stls_is_due(world: Sandbox) -> None:
    """On a STARTTLS server credentials are neither asked for nor taken before TLS."""
    server = await world.pop3(Security.STARTTLS)
    async with talk(server.port) as client:
        await client.hear()
        offered = await client.ask_all("CAPA")
        assert "STLS" in offered
        assert not {"USER", "SASL PLAIN"} & set(offered)
        assert (await client.ask(f"USER {ADDRESS}")).startswith("-ERR")
        assert (await client.ask(f"AUTH PLAIN {PLAIN}")).startswith("-ERR")


async def test_capabilities_change_with_the_state(world: Sandbox) -> None:
    """CAPA tells what can be done now: STLS before TLS, log-ins before login, neither after."""
    server = await world.pop3(Security.STARTTLS)
    async with talk(server.port) as client:
        await client.hear()
        await client.ask("STLS")
        await client.upgrade(world.authority.client_context())
        before = set(await client.ask_all("CAPA"))
        assert {"USER", "SASL PLAIN", "TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE"} <= before
        assert "STLS" not in before
        await client.ask(f"AUTH PLAIN {PLAIN}")
        assert not {"USER", "SASL PLAIN", "STLS"} & set(await client.ask_all("CAPA"))


async def test_plaintext_behind_stls_does_not_count(world: Sandbox) -> None:
    """What a client, or somebody on its path, sent behind STLS in the clear is forgotten."""
    server = await world.pop3(Security.STARTTLS)
    async with talk(server.port) as client:
        await client.hear()
        client.say("STLS\r\nNOOP")
        assert (await client.hear()).startswith("+OK")
        await client.upgrade(world.authority.client_context())
        assert await client.ask("QUIT") == "+OK Bye"
        assert list(server.commands) == ["STLS", "QUIT"]


async def test_commands_over_the_snapshot(server: Pop3Server, mailbox: Mailbox) -> None:
    """STAT, LIST, UIDL, RETR, TOP and NOOP answer as RFC 1939 has it, with and without arguments."""
    one, two = (stored.uid for stored in mailbox.messages)
    sizes = len(FIRST), len(SECOND)
    async with session(server) as client:
        assert await client.ask("STAT") == f"+OK 2 {sum(sizes)}"
        assert await client.ask_all("LIST") == ["+OK", f"1 {sizes[0]}", f"2 {sizes[1]}"]
        assert await client.ask("LIST 2") == f"+OK 2 {sizes[1]}"
        assert await client.ask_all("UIDL") == ["+OK", f"1 {one}", f"2 {two}"]
        assert await client.ask("uidl  1 ") == f"+OK 1 {one}"
        assert (await client.ask_all("RETR 1"))[1:] == ["Subject: one", "X-Probe: yes", "", "..dot", "line"]
        assert (await client.ask_all("TOP 1 0"))[1:] == ["Subject: one", "X-Probe: yes", ""]
        assert (await client.ask_all("TOP 1 1"))[1:] == ["Subject: one", "X-Probe: yes", "", "..dot"]
        assert await client.ask("NOOP") == "+OK"
    assert list(mailbox.seen.fetched) == [one, one, one]


@pytest.mark.parametrize(
    "command",
    ["", "LIST 0", "LIST 3", "LIST -1", "LIST x", "LIST 99999999999", "RETR", "TOP 1", "TOP 1 x", "DELE 3", "XYZZY"],
)
async def test_nonsense_is_refused_and_the_session_goes_on(server: Pop3Server, command: str) -> None:
    """A command that makes no sense gets one -ERR line, and nothing else changes."""
    async with session(server) as client:
        assert (await client.ask(command)).startswith("-ERR")
        assert (await client.ask("STAT")).startswith("+OK 2 ")


async def test_dele_counts_at_quit_only(server: Pop3Server, mailbox: Mailbox) -> None:
    """A session that is lost removes nothing; QUIT removes what is marked, RSET takes marks back."""
    one, two = (stored.uid for stored in mailbox.messages)
    async with session(server) as client:
        await client.ask("DELE 1")
        assert (await client.ask("RETR 1")).startswith("-ERR")
    async with reopened(server, mailbox) as client:
        await client.ask("DELE 1")
        await client.ask("RSET")
        await client.ask("DELE 2")
        assert await client.ask_all("UIDL") == ["+OK", f"1 {one}"]
        assert list(mailbox.seen.deleted) == []
        assert (await client.ask("QUIT")).startswith("+OK")
        assert await client.hear() == ""
    assert list(mailbox.seen.deleted) == [two]
    assert [stored.uid for stored in mailbox.messages] == [one]


@asynccontextmanager
async def reopened(server: Pop3Server, mailbox: Mailbox) -> AsyncIterator[Talk]:
    """Log in again, once the server has noticed that the session before is gone."""
    async with asyncio.timeout(5):
        await mailbox.free()
    async with session(server) as client:
        yield client


async def test_maildrop_is_locked_and_a_snapshot(server: Pop3Server, mailbox: Mailbox) -> None:
    """One session has the maildrop for itself and does not see what arrives meanwhile; unique-ids stay."""
    uids = [stored.uid for stored in mailbox.messages]
    async with session(server) as client:
        run = await retrieve(server)
        assert run.status == exits.LOGIN_DENIED
        assert "< -ERR [IN-USE]" in run.transcript
        new = mailbox.deliver(SECOND)
        assert (await client.ask("STAT")).startswith("+OK 2 ")
        await client.ask("QUIT")
    async with reopened(server, mailbox) as client:
        assert await client.ask_all("UIDL") == ["+OK", *(f"{n} {uid}" for n, uid in enumerate([*uids, new.uid], 1))]
    assert (mailbox.seen.logins, mailbox.seen.attempts) == (2, 3)


async def test_endless_line_ends_the_session(server: Pop3Server) -> None:
    """A line beyond the bound is refused, and the connection closed."""
    async with talk(server.port) as client:
        await client.hear()
        client.say("x" * (LONGEST_LINE + 1))
        assert (await client.hear()).startswith("-ERR")
        assert await client.hear() == ""


async def test_half_closed_session_ends(server: Pop3Server, mailbox: Mailbox) -> None:
    """A client that will say no more loses its session, and with it the lock."""
    async with session(server) as client:
        client.half_close()
        assert await client.hear() == ""
    assert not mailbox.locked


@pytest.mark.parametrize(
    ("fault", "status", "reply"),
    [
        (pop3_faults.TURNED_AWAY, exits.WEIRD_REPLY, "Got unexpected pop3-server response"),
        (pop3_faults.LOGIN_REFUSED, exits.LOGIN_DENIED, "< -ERR [AUTH] "),
        (pop3_faults.LOGIN_REFUSED_BARELY, exits.LOGIN_DENIED, "< -ERR Authentication failed"),
        (pop3_faults.IN_USE, exits.LOGIN_DENIED, "< -ERR [IN-USE] "),
        (pop3_faults.LOGIN_DELAY, exits.LOGIN_DENIED, "< -ERR [LOGIN-DELAY] "),
        (pop3_faults.TEMPORARY_TROUBLE, exits.LOGIN_DENIED, "< -ERR [SYS/TEMP] "),
        (pop3_faults.PERMANENT_TROUBLE, exits.LOGIN_DENIED, "< -ERR [SYS/PERM] "),
        (pop3_faults.NO_CAPA, exits.OK, "< -ERR Unknown command"),
        (pop3_faults.MESSAGE_VANISHES, exits.WEIRD_REPLY, "< -ERR Message expunged"),
        (faults.drops("RETR"), exits.RECEIVE_FAILED, "> RETR 1"),
        (faults.late("RETR", 0.05), exits.OK, "> RETR 1"),
    ],
    ids=lambda value: value.name if isinstance(value, ServerFault) else "",
)
async def test_fault_shows_while_it_is_on(server: Pop3Server, fault: ServerFault, status: int, reply: str) -> None:
    """Each fault shows to the client as what it is, and is gone when switched off."""
    with server.faults.during(fault):
        run = await retrieve(server)
    assert run.status == status, run.transcript
    assert reply in run.transcript
    assert (await retrieve(server)).status == exits.OK


@pytest.mark.parametrize(
    ("fault", "command"), [(pop3_faults.NO_UIDL, "UIDL"), (pop3_faults.NO_TOP, "TOP 1 0")], ids=["UIDL", "TOP"]
)
async def test_hidden_command_is_neither_offered_nor_known(
    server: Pop3Server, fault: ServerFault, command: str
) -> None:
    """An optional command may be missing: CAPA does not list it, and it is unknown."""
    server.faults.on(fault)
    async with session(server) as client:
        assert command.split(maxsplit=1)[0] not in await client.ask_all("CAPA")
        assert (await client.ask(command)).startswith("-ERR")


async def test_equal_unique_ids(server: Pop3Server, mailbox: Mailbox) -> None:
    """All messages may show the same unique-id; the mailbox still tells them apart."""
    server.faults.on(pop3_faults.EQUAL_UNIQUE_IDS)
    second = mailbox.messages[1].uid
    async with session(server) as client:
        assert await client.ask_all("UIDL") == ["+OK", "1 same", "2 same"]
        await client.ask("DELE 2")
        await client.ask("QUIT")
    assert list(mailbox.seen.deleted) == [second]


@pytest.mark.parametrize("fault", [pop3_faults.DELE_REFUSED, pop3_faults.QUIT_REFUSED], ids=["DELE", "QUIT"])
async def test_refused_removal_removes_nothing(server: Pop3Server, mailbox: Mailbox, fault: ServerFault) -> None:
    """Where DELE or QUIT says -ERR, the message stays; QUIT ends the session all the same."""
    server.faults.on(fault)
    async with session(server) as client:
        replies = [await client.ask("DELE 1"), await client.ask("QUIT")]
        assert await client.hear() == ""
    assert [reply.startswith("-ERR [SYS/TEMP]") for reply in replies].count(True) == 1
    assert (len(mailbox.messages), list(mailbox.seen.deleted)) == (2, [])


@pytest.mark.parametrize("moment", [faults.GREETING, "CAPA", "AUTH", faults.CREDENTIALS, "RETR"])
async def test_stall_leaves_the_client_waiting(server: Pop3Server, mailbox: Mailbox, moment: str) -> None:
    """A stalled moment is never answered; when the client gives up, the maildrop is free again."""
    with server.faults.during(faults.stalls(moment)):
        run = await retrieve(server, "--max-time", "0.2")
    assert run.status == exits.TIMED_OUT, run.transcript
    last = {faults.GREETING: "", faults.CREDENTIALS: "AUTH"}.get(moment, moment)
    assert "".join(list(server.commands)[-1:]).startswith(last)
    assert bool(server.commands) == bool(last)
    async with reopened(server, mailbox):
        pass


async def test_injection_shares_the_segment_of_the_go_ahead(world: Sandbox) -> None:
    """Injected plaintext is there before the client can have started TLS, which still works for who ignores it."""
    server = await world.pop3(Security.STARTTLS)
    server.faults.on(pop3_faults.STLS_INJECTED)
    async with talk(server.port) as client:
        await client.hear()
        client.say("STLS")
        assert await client.hear_segment() == b"+OK Begin TLS\r\n+OK injected\r\n"
        await client.upgrade(world.authority.client_context())
        assert (await client.ask_all("CAPA"))[0].startswith("+OK")
