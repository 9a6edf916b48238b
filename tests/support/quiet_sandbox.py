"""A sandbox of many mailboxes without TLS, so that hundreds of routes and several agents fit on a small machine.

Its delivery can be held: messages are accepted, and arrive when the test says so.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mailsonar.model.server import Security
from mailsonar.sandbox.delivery import Parcel
from mailsonar.sandbox.mailbox import Mailbox
from mailsonar.sandbox.mta import SmtpServer
from mailsonar.sandbox.pop3 import Pop3Server
from mailsonar.sandbox.world import Sandbox

PASSWORD = "secret-of-the-quiet-sandbox"
_TOKEN = re.compile(rb"^X-MailSonar-Token: (\S+)", re.MULTILINE)


@dataclass(slots=True, eq=False)
class Gate:
    """The way into one mailbox; `sent` holds what was accepted for it, `held` what waits at it; `came` tells."""

    mailbox: Mailbox
    is_open: bool = True
    sent: list[bytes] = field(default_factory=list)
    held: list[bytes] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, parcel: Parcel) -> list[Parcel]:
        """Take an accepted message."""
        self.sent.append(parcel.content)
        if self.is_open:
            return [parcel]
        self.held.append(parcel.content)
        self.came.set()
        return []

    def open(self) -> None:
        """Let in what waits, and what comes."""
        self.is_open = True
        for content in self.held:
            self.mailbox.deliver(content)
        self.held.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietSandbox:
    """The servers, and the way into each mailbox, by its number."""

    smtp: SmtpServer
    pop3: Pop3Server
    gates: Sequence[Gate]

    def config(self, folder: Path, defaults: str, maildrops: str = "") -> Path:
        """Write a config of one sender, and of a route `routeN` to each mailbox `inN`.

        Args:
            folder: where it and its secrets are put.
            defaults: what holds for all routes, in YAML's flow style.
            maildrops: further keys of each maildrop, likewise.
        """
        for name, secret in (("password", PASSWORD), ("key", "k" * 40)):
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(secret)

        def account(number: int, port: int) -> str:
            login = f"username: {user(number)}, password: {{file: password}}, allow_plaintext_auth: true"
            return f"host: 127.0.0.1, port: {port}, security: plaintext, {login}"

        sender = f"{account(0, self.smtp.port)}, limits: {{sessions: 12}}"
        lines = [
            "signing_key: {file: key}",
            f"defaults: {{{defaults}}}",
            f"senders: {{out: {{address: {user(0)}, smtp: {{{sender}}}}}}}",
            "maildrops:",
            *(
                f"  in{n}: {{address: {user(n)}, pop3: {{{account(n, self.pop3.port)}}}{maildrops}}}"
                for n in range(len(self.gates))
            ),
            "routes:",
            *(f"  route{n}: {{from: out, to: in{n}}}" for n in range(len(self.gates))),
        ]
        config_file = folder / "mailsonar.yml"
        config_file.write_text("\n".join(lines))
        return config_file


def user(number: int) -> str:
    """Return the address, and user name, of a mailbox."""
    return f"probe{number}@acme.example"


def token_of(content: bytes) -> bytes:
    """Return the token that a probe carries."""
    found = _TOKEN.search(content)
    assert found, "only agents submit here"
    return found[1]


@asynccontextmanager
async def quiet_sandbox(mailboxes: int) -> AsyncIterator[QuietSandbox]:
    """Provide a sandbox of so many mailboxes, all of them open."""
    async with Sandbox() as world:
        gates = [Gate(world.mailbox(user(number), PASSWORD)) for number in range(mailboxes)]
        for gate in gates:
            gate.mailbox.faults.on(gate)
        smtp, pop3 = await world.smtp(Security.PLAINTEXT), await world.pop3(Security.PLAINTEXT)
        yield QuietSandbox(smtp=smtp, pop3=pop3, gates=gates)
