"""A POP3 server (RFC 1939) with capabilities (2449), STLS (2595), response codes (2449, 3206) and AUTH PLAIN (5034).

A session works on the snapshot that it took at login under the exclusive lock; what it marked is removed at QUIT only.
The commands are in `pop3_commands`; here is what surrounds them: lines, faults, TLS, login, end.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping

from mailsonar.model.server import Security
from mailsonar.sandbox.acts import room
from mailsonar.sandbox.authority import Authority
from mailsonar.sandbox.faults import CREDENTIALS
from mailsonar.sandbox.listener import Endpoint, Listener
from mailsonar.sandbox.mailbox import Mailbox
from mailsonar.sandbox.pop3_commands import Maildrop

SEGMENT = 64 * 1024
LONGEST_LINE = 12_288 + 64  # RFC 5034 section 4 allows a base64 line of 12,288 octets


class Pop3Server(Listener):
    """Serves the mailboxes of a sandbox; accounts are addresses, in any case of letters."""

    def __init__(self, endpoint: Endpoint, authority: Authority, mailboxes: Mapping[str, Mailbox]) -> None:
        super().__init__(endpoint, authority)
        self.mailboxes = mailboxes

    def _serve(self, transport: asyncio.Transport) -> None:
        session = _Session(self, transport)
        transport.set_protocol(session.reading(self.run(session.run())))
        session.send("+OK POP3 ready")


class _Lines(asyncio.StreamReaderProtocol):
    """Feeds a reader, and ends the session when the client has gone: a stalled one would not notice."""

    def __init__(self, reader: asyncio.StreamReader, session: asyncio.Task[None]) -> None:
        super().__init__(reader)
        self._session = session

    def eof_received(self) -> bool:
        super().eof_received()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        super().connection_lost(None)  # however it was lost, the reader just ends
        self._session.cancel()


class _Session:
    """One client, from the greeting to QUIT or loss."""

    def __init__(self, server: Pop3Server, transport: asyncio.Transport) -> None:
        self._server = server
        self._transport = transport
        self._user: str | None = None
        self._maildrop: Maildrop | None = None
        self._encrypted = server.security is Security.IMPLICIT_TLS

    def reading(self, task: asyncio.Task[None]) -> _Lines:
        """Return a protocol from which this session, run by that task, reads from now on: with an empty buffer."""
        self._task = task
        self._reader = asyncio.StreamReader(limit=LONGEST_LINE)
        return _Lines(self._reader, task)

    def send(self, *lines: str | bytes) -> None:
        """Write lines in one segment."""
        self._transport.write(b"".join((line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines))

    async def _stream(self, lines: Iterable[str | bytes]) -> None:
        """Write lines as the client takes them; a short answer goes out in one segment."""
        segment = bytearray()
        for line in lines:
            segment += (line.encode() if isinstance(line, str) else line) + b"\r\n"
            if len(segment) >= SEGMENT:
                self._transport.write(bytes(segment))
                segment.clear()
                await room(self._transport)
        self._transport.write(bytes(segment))

    async def run(self) -> None:
        """Answer commands until the client leaves."""
        try:
            while not self._transport.is_closing():
                await self._answer(*await self._command())
        except asyncio.IncompleteReadError:
            pass  # the client left without QUIT: nothing is removed
        except asyncio.LimitOverrunError:
            self.send("-ERR Line too long")
        finally:
            if self._maildrop:
                self._maildrop.close()
            self._transport.close()

    async def _command(self) -> tuple[str, str]:
        """Read a line; return its verb in upper case and its argument."""
        line = (await self._reader.readuntil(b"\n")).decode("utf-8", "replace").rstrip("\r\n")
        verb, _, argument = line.strip().partition(" ")
        verb = verb.upper()
        self._server.commands.append(f"{verb} ***" if verb in {"PASS", "AUTH"} and argument else line.strip())
        return verb, argument if verb == "PASS" else argument.strip()

    async def _answer(self, verb: str, argument: str) -> None:
        """Perform a command, unless a fault does it in its stead."""
        if (line := await self._server.faults.strike(verb, self._transport)) is not None:
            self.send(line)
            if verb == "QUIT":
                self._transport.close()
        elif self._server.faults.hide(verb):
            self.send("-ERR Unknown command")
        elif verb == "QUIT":
            self._quit()
        elif verb == "CAPA":
            offered = (*filter(self._shown, self._capabilities()), *self._server.faults.offered())
            self.send("+OK Capability list follows", *offered, ".")
        elif self._maildrop:
            await self._stream(self._maildrop.perform(verb, argument))
        else:
            await self._authorise(verb, argument)

    def _quit(self) -> None:
        if self._maildrop:
            self._maildrop.commit()
        self.send("+OK Bye")
        self._transport.close()

    def _capabilities(self) -> list[str]:
        """Return what is offered in this state (RFC 2449 section 5)."""
        always = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER"]
        if self._maildrop:
            return always
        return (
            always + (["USER", "SASL PLAIN"] if self._may_log_in() else []) + (["STLS"] if self._may_upgrade() else [])
        )

    def _shown(self, capability: str) -> bool:
        return not self._server.faults.hide(capability.partition(" ")[0])

    def _may_upgrade(self) -> bool:
        return self._server.security is Security.STARTTLS and not self._encrypted

    def _may_log_in(self) -> bool:
        return self._encrypted or self._server.security is Security.PLAINTEXT

    async def _authorise(self, verb: str, argument: str) -> None:
        """Perform a command of the AUTHORIZATION state."""
        if verb == "STLS" and self._may_upgrade():
            await self._upgrade()
        elif verb in {"USER", "PASS", "AUTH"} and not self._may_log_in():
            self.send("-ERR Say STLS first")
        elif verb == "USER" and argument:
            self._user = argument
            self.send("+OK Password, please")
        elif verb == "PASS" and self._user is not None:
            await self._log_in(self._user, argument)
        elif verb == "AUTH":
            await self._auth(argument)
        else:
            self.send("-ERR Unknown command, or not now")

    async def _upgrade(self) -> None:
        """Start TLS with an empty buffer: what was sent in the clear does not count (RFC 2595 section 4)."""
        self._transport.write(b"+OK Begin TLS\r\n" + self._server.faults.injected())
        within = await self._server.handshake(self._transport, self.reading(self._task))
        if within is None:
            raise ConnectionResetError("the client would not have TLS")
        self._transport = within
        self._encrypted, self._user = True, None

    async def _auth(self, argument: str) -> None:
        """Perform AUTH PLAIN, with or without an initial response (RFC 5034, 4616)."""
        mechanism, _, response = argument.partition(" ")
        if mechanism.upper() != "PLAIN":
            self.send("-ERR Unknown mechanism")
            return
        if not response:
            self.send("+ ")
            response = (await self._reader.readuntil(b"\n")).decode("ascii", "replace").strip()
        try:
            _, user, password = base64.b64decode(response, validate=True).decode().split("\0")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            self.send("-ERR Not a PLAIN response")
            return
        await self._log_in(user, password)

    async def _log_in(self, user: str, password: str) -> None:
        """Judge credentials, take the lock and the snapshot."""
        self._user = None
        mailbox = self._server.mailboxes.get(user.lower())
        if mailbox:
            mailbox.seen.attempts += 1
        if (line := await self._server.faults.strike(CREDENTIALS, self._transport)) is not None:
            self.send(line)
        elif not mailbox or not hmac.compare_digest(mailbox.password.encode(), password.encode()):
            self.send("-ERR [AUTH] Authentication failed")
        elif not mailbox.lock():
            self.send("-ERR [IN-USE] Maildrop is locked by another session")
        else:
            mailbox.seen.logins += 1
            self._server.logins += 1
            self._maildrop = Maildrop(mailbox, self._server.faults)
            self.send(f"+OK {len(mailbox.messages)} messages")
