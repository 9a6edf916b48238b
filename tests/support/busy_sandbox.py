"""A sandbox under load: many routes, each with a mailbox of its own in which foreign mail lies.

Messages are late by times of their own, some come twice, some submissions are deferred, some replies to the final dot
get lost; nothing that was accepted is ever lost. The random source is seeded: what differs between runs is timing.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mailsonar.model.server import Security
from mailsonar.sandbox.delivery import Parcel
from mailsonar.sandbox.faults import ACCEPTANCE, ServerFault
from mailsonar.sandbox.mailbox import Mailbox
from mailsonar.sandbox.mta import SmtpServer
from mailsonar.sandbox.pop3 import Pop3Server
from mailsonar.sandbox.world import Sandbox

FOREIGN = (
    b"From: friend@acme.example\r\nSubject: Mail flow check\r\n\r\nhello\r\n",
    b"From: friend@acme.example\r\nAuto-Submitted: auto-replied\r\nSubject: Re: Mail flow check\r\n\r\n.\r\n..\r\n",
)
PASSWORD = "secret-of-the-busy-sandbox"
USUAL_DELAY_SECONDS = 0.8
LONG_DELAY_SECONDS = 3.5
LONG_DELAYS = 0.03
DUPLICATES = 0.03
DEFERRALS = 0.03
LOST_REPLIES = 0.02


class Post:
    """Sees each message on its way, and lets it arrive later, now and then twice."""

    def __init__(self, chances: random.Random) -> None:
        self.submitted: Counter[bytes] = Counter()
        self.sent = 0
        self._chances = chances

    def __call__(self, parcel: Parcel) -> list[Parcel]:
        """Count the token that a message carries."""
        found = re.search(rb"^X-MailSonar-Token: (\S+)", parcel.content, re.MULTILINE)
        assert found, "only the agent submits here"
        self.submitted[found[1]] += 1
        copies = 2 if self._chances.random() < DUPLICATES else 1
        self.sent += copies
        return [replace(parcel, after_seconds=self._delay()) for _ in range(copies)]

    def _delay(self) -> float:
        longest = LONG_DELAY_SECONDS if self._chances.random() < LONG_DELAYS else USUAL_DELAY_SECONDS
        return self._chances.uniform(0, longest)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusySandbox:
    """The servers, and for each route by its number the mailbox and the post to it."""

    smtp: SmtpServer
    pop3: Pop3Server
    mailboxes: Sequence[Mailbox]
    posts: Sequence[Post]
    faults: Sequence[ServerFault]

    @property
    def submitted(self) -> Counter[bytes]:
        """Return how often each token was submitted and accepted."""
        return sum((post.submitted for post in self.posts), Counter())

    @property
    def sent(self) -> int:
        """Return how many messages were accepted so far, copies included."""
        return sum(post.sent for post in self.posts)

    def config(self, routes: Mapping[str, int], own: Mapping[str, str] | None = None, **defaults: str) -> str:
        """Return a config of routes, each to the mailbox of that number.

        Args:
            routes: the numbers by name.
            own: further keys of single routes, for instance `interval: 1h`, by name.
            defaults: what holds for all others.
        """

        def keys(route: str) -> str:
            return f", {own[route]}" if own and route in own else ""

        numbers = sorted(set(routes.values()))
        lines = [
            "signing_key: {file: key}",
            f"defaults: {{{', '.join(f'{key}: {value}' for key, value in defaults.items())}}}",
            "senders:",
            *(f"  out{n}: {{address: {user(n)}, smtp: {_server(self.smtp.port, 'starttls', n)}}}" for n in numbers),
            "maildrops:",
            *(f"  in{n}: {{address: {user(n)}, pop3: {_server(self.pop3.port, 'implicit_tls', n)}}}" for n in numbers),
            "routes:",
            *(f"  {name}: {{from: out{n}, to: in{n}{keys(name)}}}" for name, n in routes.items()),
        ]
        return "\n".join(lines)

    async def calm(self) -> None:
        """Switch the faults off, and wait until all that was submitted has arrived."""
        self.smtp.faults.off(*self.faults)
        for mailbox, post in zip(self.mailboxes, self.posts, strict=True):
            mailbox.faults.off(post)
            await mailbox.arrivals(len(FOREIGN) + post.sent)

    def assert_foreign_mail_is_untouched(self) -> None:
        """Insist that every foreign message lies where it was, as it came."""
        for mailbox in self.mailboxes:
            assert [stored.content for stored in mailbox.messages[: len(FOREIGN)]] == list(FOREIGN), mailbox.address

    def assert_only_foreign_mail_is_left(self) -> None:
        """Insist that no message of ours lies anywhere, and every foreign one lies there as it came."""
        for mailbox in self.mailboxes:
            assert [stored.content for stored in mailbox.messages] == list(FOREIGN), mailbox.address


def user(number: int) -> str:
    """Return the address, and user name, of a mailbox."""
    return f"probe{number}@acme.example"


def _server(port: int, security: str, number: int) -> str:
    """Return a server's keys in YAML's flow style."""
    return (
        f"{{host: 127.0.0.1, port: {port}, security: {security}, username: {user(number)}, "
        "password: {file: password}, tls: {ca_file: ca.pem}}"
    )


def _sometimes(chances: random.Random, share: float, line: str | None, moment: str) -> ServerFault:
    """Make a fault that answers with this line now and then, or without one cuts the connection."""

    async def act(transport: asyncio.Transport) -> str | None:
        if chances.random() >= share:
            return None
        if line is None:
            transport.abort()
            raise ConnectionResetError(f"dropped at {moment} on purpose")
        return line

    return ServerFault(name=f"now and then at {moment}", moments=frozenset({moment}), act=act)


@asynccontextmanager
async def busy_sandbox(mailboxes: int, folder: Path, seed: int) -> AsyncIterator[BusySandbox]:
    """Provide a sandbox of so many mailboxes; the files that its configs name are put into the folder."""
    chances = random.Random(seed)  # noqa: S311 - chance needs no secrecy
    async with Sandbox() as world:
        world.authority.write_root(folder / "ca.pem")
        for name, secret in (("password", PASSWORD), ("key", "k" * 40)):
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(secret)
        sandbox = BusySandbox(
            smtp=await world.smtp(Security.STARTTLS),
            pop3=await world.pop3(Security.IMPLICIT_TLS),
            mailboxes=[world.mailbox(user(number), PASSWORD) for number in range(mailboxes)],
            posts=[Post(chances) for _ in range(mailboxes)],
            faults=[
                _sometimes(chances, DEFERRALS, "451 4.7.1 Greylisted, please try again later", "RCPT"),
                _sometimes(chances, LOST_REPLIES, None, ACCEPTANCE),
            ],
        )
        sandbox.smtp.faults.on(*sandbox.faults)
        for mailbox, post in zip(sandbox.mailboxes, sandbox.posts, strict=True):
            for content in FOREIGN:
                mailbox.deliver(content)
            mailbox.faults.on(post)
        yield sandbox
