"""A maildrop in memory, shared by all servers of a sandbox, and the record of what was done to it.

Unique-ids are never used again within a mailbox (RFC 1939 section 7). The lock is POP3's exclusive one (section 4).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from itertools import chain, repeat

from mailsonar.sandbox.delivery import DeliveryFault
from mailsonar.sandbox.switches import Switches

REMEMBERED = 10_000  # the demo runs for days: a record keeps the newest only


@dataclass(frozen=True, slots=True)
class Stored:
    """A message and its unique-id."""

    uid: str
    content: bytes

    @property
    def size(self) -> int:
        """Return the size in octets."""
        return len(self.content)

    def lines(self) -> Iterable[bytes]:
        """Return the lines without their ends."""
        return self.content.removesuffix(b"\r\n").split(b"\r\n")


@dataclass(frozen=True, slots=True)
class Huge(Stored):
    """A message whose body is made while it is read: `content` is its header section, one line fills the rest."""

    line: bytes
    octets: int

    @property
    def size(self) -> int:
        """Return the size in octets."""
        return self.octets

    def lines(self) -> Iterable[bytes]:
        """Return the lines without their ends."""
        times = (self.octets - len(self.content) - 2) // (len(self.line) + 2)
        return chain(self.content.removesuffix(b"\r\n").split(b"\r\n"), [b""], repeat(self.line, times))


@dataclass(slots=True)
class Seen:
    """What clients did to a mailbox; `fetched` and `deleted` hold unique-ids in the order of the commands.

    `attempts` counts all verdicts on credentials for the account, `logins` the good ones.
    """

    attempts: int = 0
    logins: int = 0
    fetched: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    deleted: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))


class Mailbox:
    """An account, its messages, and the faults of the way to them."""

    def __init__(self, address: str, password: str) -> None:
        self.address = address
        self.password = password
        self.messages: list[Stored] = []
        self.faults: Switches[DeliveryFault] = Switches()
        self.seen = Seen()
        self._free = asyncio.Event()
        self._free.set()
        self._arrived = 0
        self._arrival = asyncio.Event()

    def deliver(self, content: bytes) -> Stored:
        """Put a message into the mailbox at once and return it."""
        return self._put(lambda uid: Stored(uid, content))

    def deliver_huge(self, header: bytes, line: bytes, octets: int) -> Stored:
        """Put a message of any size into the mailbox, which takes no room: its body is one line, again and again."""
        return self._put(lambda uid: Huge(uid, header, line, octets))

    def _put(self, make: Callable[[str], Stored]) -> Stored:
        self._arrived += 1
        stored = make(f"{self._arrived:08x}")
        self.messages.append(stored)
        self._arrival.set()
        return stored

    async def arrivals(self, count: int) -> None:
        """Wait until that many messages have arrived since the mailbox was made."""
        while self._arrived < count:
            self._arrival.clear()
            await self._arrival.wait()

    @property
    def locked(self) -> bool:
        """Tell whether somebody holds the exclusive lock."""
        return not self._free.is_set()

    def lock(self) -> bool:
        """Take the exclusive lock; tell whether it was free."""
        taken = self._free.is_set()
        self._free.clear()
        return taken

    def unlock(self) -> None:
        """Give the exclusive lock back."""
        self._free.set()

    async def free(self) -> None:
        """Wait until nobody holds the exclusive lock."""
        await self._free.wait()

    def remove(self, uids: Collection[str]) -> None:
        """Remove messages for good."""
        self.messages = [stored for stored in self.messages if stored.uid not in uids]
        self.seen.deleted.extend(uids)
