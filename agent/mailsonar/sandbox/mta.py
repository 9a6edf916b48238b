"""A submission server (RFC 6409) on aiosmtpd, in the running loop: AUTH, STARTTLS, delivery into a sandbox's mailboxes.

aiosmtpd knows the protocol; here are the accounts, CRAM-MD5 (RFC 2195), and the places where faults strike.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, LoginPassword, Session, TLSSetupException

from mailsonar.model.server import Security
from mailsonar.sandbox.authority import Authority
from mailsonar.sandbox.faults import ACCEPTANCE, CREDENTIALS, FINAL_DOT
from mailsonar.sandbox.listener import Endpoint, Listener
from mailsonar.sandbox.mailbox import Mailbox

HOSTNAME = "mta.sandbox.example"
Deliver = Callable[[Mailbox, bytes], None]
Method = Callable[[str | None], Awaitable[None]]


class SmtpServer(Listener):
    """Takes messages from those who log in, for the mailboxes of a sandbox; accounts are addresses."""

    def __init__(
        self, endpoint: Endpoint, authority: Authority, mailboxes: Mapping[str, Mailbox], deliver: Deliver
    ) -> None:
        super().__init__(endpoint, authority)
        self.mailboxes = mailboxes
        self.deliver = deliver

    def _serve(self, transport: asyncio.Transport) -> None:
        session = _Submission(self)
        transport.set_protocol(session)
        session.connection_made(transport)
        assert session._handler_coroutine is not None  # noqa: S101, SLF001 - aiosmtpd has just made it
        self.watch(session._handler_coroutine)  # noqa: SLF001 - aiosmtpd tells nobody else of its task


class _Facts(Session):
    """What is known of a client; aiosmtpd sets `login_data` itself, then warns that it is deprecated."""

    login_data: Any = None


class _Submission(SMTP):
    """One client; before each command the faults have their turn."""

    def __init__(self, server: SmtpServer) -> None:
        super().__init__(
            _Rules(server),
            hostname=HOSTNAME,
            ident="ESMTP",
            tls_context=server.tls if server.security is Security.STARTTLS else None,
            auth_require_tls=server.security is Security.STARTTLS,
            authenticator=self._judge,
            loop=asyncio.get_running_loop(),
        )
        self._server = server
        self._behind = b""
        self._is_upgrading = False
        self._smtp_methods = {verb: self._exposed(verb, method) for verb, method in self._smtp_methods.items()}

    def _create_session(self) -> Session:
        return _Facts(self.loop)

    def _exposed(self, verb: str, method: Method) -> Method:
        """Return a command that faults may hide or answer."""

        async def command(argument: str | None) -> None:
            shown = "***" if verb == "AUTH" else argument
            self._server.commands.append(f"{verb} {shown}" if argument else verb)
            assert isinstance(self.transport, asyncio.Transport)  # noqa: S101 - a command came over it
            if self._server.faults.hide(verb):
                await self.push("502 5.5.1 Command not implemented")
            elif (line := await self._server.faults.strike(verb, self.transport)) is not None:
                await self.push(line)
            else:
                await method(argument)

        return command

    async def push(self, status: str | bytes) -> None:
        """Send a reply; plaintext to be injected goes out in the same segment, what faults do to TLS follows."""
        behind, self._behind = self._behind, b""
        reply = status.encode() if isinstance(status, str) else status
        await super().push(reply + b"\r\n" + behind.removesuffix(b"\r\n") if behind else reply)
        if self._is_upgrading:
            self._is_upgrading = False
            assert isinstance(self.transport, asyncio.Transport)  # noqa: S101 - the go-ahead went over it
            await self._server.before_handshake(self.transport)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Start TLS, once."""
        if self.session is not None and self.session.ssl is not None:
            await self.push("503 5.5.1 TLS is active")
            return
        self._behind, self._is_upgrading = self._server.faults.injected(), True
        await super().smtp_STARTTLS(arg)

    async def auth_PLAIN(self, _: Any, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's name
        """Authenticate by RFC 4616."""
        return await self._verdict(await super().auth_PLAIN(_, args))

    async def auth_LOGIN(self, _: Any, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's name
        """Authenticate by user name and password, each after its challenge."""
        return await self._verdict(await super().auth_LOGIN(_, args))

    async def auth_CRAM__MD5(self, _: Any, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's name
        """Authenticate by a keyed digest of a challenge (RFC 2195)."""
        if len(args) > 1:
            await self.push("501 5.7.0 CRAM-MD5 has no initial response")
            return AuthResult(success=False)
        challenge = f"<{secrets.token_hex(8)}@{HOSTNAME}>".encode()
        response = await self.challenge_auth(challenge)
        if response is MISSING:
            return AuthResult(success=False)
        assert isinstance(response, bytes)  # noqa: S101 - what is not MISSING is
        user, _, digest = response.rpartition(b" ")
        mailbox = self._mailbox(user)
        expected = hmac.new(mailbox.password.encode(), challenge, "md5").hexdigest() if mailbox else ""
        return await self._verdict(self._result(user, good=hmac.compare_digest(expected.encode(), digest)))

    def _mailbox(self, user: bytes) -> Mailbox | None:
        return self._server.mailboxes.get(user.decode("utf-8", "replace").lower())

    def _judge(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, pair: Any) -> AuthResult:
        """Compare a user name and password with the accounts."""
        mailbox = self._mailbox(pair.login)
        good = mailbox is not None and hmac.compare_digest(mailbox.password.encode(), pair.password)
        return self._result(pair.login, good=good)

    def _result(self, user: bytes, *, good: bool) -> AuthResult:
        return AuthResult(success=good, handled=False, auth_data=LoginPassword(user, b""))

    async def _verdict(self, result: AuthResult) -> AuthResult:
        """Count a judged log-in, and let faults overturn it; one that broke off before was answered already."""
        if result.auth_data is None:
            return result
        mailbox = self._mailbox(result.auth_data.login)
        if mailbox:
            mailbox.seen.attempts += 1
        assert isinstance(self.transport, asyncio.Transport)  # noqa: S101 - credentials came over it
        if (line := await self._server.faults.strike(CREDENTIALS, self.transport)) is not None:
            return AuthResult(success=False, handled=False, message=line)
        if result.success and mailbox:
            mailbox.seen.logins += 1
            self._server.logins += 1
        return result


class _Rules:
    """What this server answers where aiosmtpd leaves the answer open; the names are those of its hooks."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _smtp: SMTP, session: Session, _envelope: Envelope, hostname: str, lines: list[str]
    ) -> list[str]:
        """Offer what faults do not hide."""
        session.host_name = hostname
        faults = self._server.faults
        shown = [line for line in lines if not faults.hide(line[4:].partition(" ")[0])]
        return [*shown[:-1], *(f"250-{offer}" for offer in faults.offered()), shown[-1]]

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _smtp: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take messages only from those who logged in (RFC 6409 section 4.3)."""
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _smtp: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Know only the mailboxes of the sandbox."""
        if address.lower() not in self._server.mailboxes:
            return "550 5.1.1 No such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Deliver a message to each recipient, unless a fault refuses it."""
        assert isinstance(smtp.transport, asyncio.Transport)  # noqa: S101 - the content came over it
        assert isinstance(envelope.content, bytes)  # noqa: S101 - aiosmtpd was not asked to decode it
        if (line := await self._server.faults.strike(FINAL_DOT, smtp.transport)) is not None:
            return line
        queue_id = secrets.token_hex(4)
        for address in dict.fromkeys(address.lower() for address in envelope.rcpt_tos):
            trace = _trace(session, envelope.mail_from, address, queue_id)
            self._server.deliver(self._server.mailboxes[address], trace + envelope.content)
        replaced = await self._server.faults.strike(ACCEPTANCE, smtp.transport)
        return replaced or f"250 2.0.0 Queued as {queue_id}"

    async def handle_exception(self, error: Exception) -> str:
        """Pass over a client that would not have our TLS; anything else is aiosmtpd's to report."""
        if isinstance(error, TLSSetupException):
            return ""  # nobody is left to read it
        raise error


def _trace(session: Session, sender: str | None, recipient: str, queue_id: str) -> bytes:
    """Return the fields that a delivering server puts on top (RFC 5321 section 4.4)."""
    return (
        f"Return-Path: <{sender or ''}>\r\n"
        f"Received: from {session.host_name} by {HOSTNAME} with ESMTPA id {queue_id}\r\n"
        f"\tfor <{recipient}>; {format_datetime(datetime.now(UTC))}\r\n"
    ).encode()
