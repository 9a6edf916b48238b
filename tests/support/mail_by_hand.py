"""Mail servers without sockets: what was submitted, what lies in the maildrop, and what one look is shown of it.

They know what truly happened, so they object to a token that is submitted again and to a deletion that is not ours to
make.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from typing import Any

from mailsonar.clock import Clock
from mailsonar.message.compose import TOKEN_FIELD
from mailsonar.model.fault import Fault, Reason
from mailsonar.model.result import Outcome
from mailsonar.model.server import Secret
from mailsonar.model.stage import Leg, Stage
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.probe.submission import SubmissionReport

KEY = Secret("test", lambda: "k" * 32)
_TOKEN = re.compile(TOKEN_FIELD.encode() + rb": (ms1-([a-z2-7]{20})-\S+)")
_LOST_REPLY = Fault(leg=Leg.SUBMISSION, stage=Stage.DATA, reason=Reason.DISCONNECTED)


class Reply(Enum):
    """How a submission ends."""

    ACCEPTED = auto()
    UNCERTAIN = auto()
    REFUSED = auto()
    DEFERRED = auto()
    FAILED = auto()


_DECIDED = {Reply.REFUSED: Outcome.REFUSED, Reply.DEFERRED: Outcome.DEFERRED, Reply.FAILED: Outcome.FAILED}


@dataclass(slots=True, eq=False)
class Copy:
    """A message in the maildrop; with a `token_id` it is one of ours, or a report on one.

    A report has the `action` that it tells of. `free_from` is the POSIX time from which anybody may delete it.
    """

    content: bytes
    size: int
    unique_id: int
    arrived: float
    token_id: str | None = None
    action: str | None = None
    free_from: float | None = None
    was_hidden: bool = False

    @property
    def is_probe(self) -> bool:
        return self.token_id is not None and self.action is None


@dataclass(slots=True, eq=False)
class Sent:
    """A token that was submitted; `reply` waits for the test while a session is under way."""

    content: bytes
    reply: asyncio.Future[Reply]
    last: Reply | None = None
    copies: list[Copy] = field(default_factory=list)


class End(Enum):
    """How a session with the maildrop ends."""

    WELL = auto()
    BEFORE_LOGIN = auto()
    AFTER_READING = auto()
    QUIT_REFUSED = auto()
    REPLY_TO_QUIT_LOST = auto()


@dataclass(frozen=True, slots=True)
class LookPlan:
    """What a look is shown: which messages in which order, which of them it cannot read or delete, how it ends."""

    listing: Sequence[Copy]
    unreadable: frozenset[int] = frozenset()
    undeletable: frozenset[int] = frozenset()
    end: End = End.WELL
    pauses: frozenset[Stage] = frozenset()


@dataclass(slots=True, eq=False)
class Script:
    """One session; `gate` is closed while it waits for the test."""

    plan: LookPlan
    gate: asyncio.Future[None] | None = None
    is_over: bool = False

    def finish(self) -> None:
        """Note that all that came of the session has been done."""
        self.is_over = True

    async def reach(self, stage: Stage) -> None:
        """Wait here if the plan says so."""
        if stage in self.plan.pauses:
            self.gate = asyncio.get_running_loop().create_future()
            await self.gate


class Post:
    """What the servers hold.

    Args:
        clock: the servers' clock is the agent's.
        may_go: tells whether the agent would know all that a message of ours tells even after a crash.
        has_unique_ids: without them a message is known by its place and its size.

    `read` is told each message whose header a session is about to read.
    """

    def __init__(self, clock: Clock, may_go: Callable[[Copy], bool], *, has_unique_ids: bool) -> None:
        self.has_unique_ids = has_unique_ids
        self.sent: dict[str, Sent] = {}
        self.drop: list[Copy] = []
        self.objections: list[str] = []
        self.script = Script(LookPlan(()))
        self._unique_ids = count(1)
        self.read: Callable[[Copy], None] = lambda _: None
        self._clock = clock
        self._may_go = may_go

    async def submit(self, _account: object, mail: object, _workshop: object, stopwatch: Stopwatch) -> SubmissionReport:
        """Take the place of a submission session: hold one whose end the test decides."""
        token_id = _TOKEN.search(mail.content)[2].decode()
        known = self.sent.get(token_id)
        is_new = known is None or known.last is Reply.DEFERRED
        self._object_unless(is_new, "a token that may have left is never submitted again")
        sent = self.sent[token_id] = known or Sent(mail.content, asyncio.get_running_loop().create_future())
        sent.reply, sent.last = asyncio.get_running_loop().create_future(), None
        stopwatch.sent_at[Stage.DATA] = self._clock.monotonic()
        sent.last = await sent.reply
        return SubmissionReport(
            outcome=_DECIDED.get(sent.last),
            fault=None if sent.last is Reply.ACCEPTED else _LOST_REPLY,
            accepted_at=self._clock.monotonic() if sent.last is Reply.ACCEPTED else None,
            stages=(),
            reply=None,
            tls=None,
        )

    def deliver(self, token_id: str) -> None:
        """Put a copy of what was submitted into the maildrop."""
        sent = self.sent[token_id]
        sent.copies.append(self.put(sent.content, 900, token_id=token_id))

    def report(self, token_id: str, action: str) -> None:
        """Put a report on what was submitted into the maildrop."""
        token = _TOKEN.search(self.sent[token_id].content)[0].decode()
        text = (
            'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\n\n--x\n'
            f"Content-Type: message/delivery-status\n\nAction: {action}\nStatus: 5.1.1\n--x\n"
            f"Content-Type: text/rfc822-headers\n\n{token}\n\n--x--"
        )
        content = text.replace("\n", "\r\n").encode()
        self.put(content, 2000, token_id=token_id, action=action)

    def put(self, content: bytes, size: int, **marks: Any) -> Copy:
        """Put a message into the maildrop."""
        self.drop.append(Copy(content, size, next(self._unique_ids), self._clock.monotonic(), **marks))
        return self.drop[-1]

    def delete(self, copy: Copy) -> None:
        """Delete a message that somebody marked, and object if that may cost anything."""
        if copy.token_id is not None:
            self._object_unless(self._may_go(copy), "a crash after this deletion would make a lost message of it")
        else:
            self._object_unless(copy.free_from is not None, "mail that is not ours is never deleted")
            self._object_unless((copy.free_from or 0) <= self._clock.wall(), "what another may await is left alone")
        self.drop.remove(copy)

    def _object_unless(self, condition: bool, objection: str) -> None:
        """Note what must not be; an exception would be taken for a failed session."""
        if not condition:
            self.objections.append(objection)
