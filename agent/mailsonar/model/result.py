"""What observers get: an attempt, what its legs reported, and how it ended.

A `Result` is complete: an observer needs nothing else. Instants are monotonic seconds unless the name says `wall`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailsonar.model.fault import Fault
from mailsonar.model.provenance import NOTHING_TOLD, Provenance
from mailsonar.model.route import Route
from mailsonar.model.stage import StageTiming
from mailsonar.model.transcript import Transcript


class Outcome(StrEnum):
    """How an attempt ended; `PENDING` until it has."""

    ON_TIME = "on_time"
    LATE = "late"
    LOST = "lost"
    UNOBSERVED = "unobserved"
    BOUNCED = "bounced"
    REFUSED = "refused"
    DEFERRED = "deferred"
    FAILED = "failed"
    BLOCKED = "blocked"
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A server's reply: `code` is SMTP's, None for POP3; `enhanced` is an enhanced status or response code."""

    code: int | None = None
    enhanced: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """What a handshake told; what the server said of itself is printable and bounded, None where it is not known.

    `not_after_wall` is the leaf's end as a POSIX time, `not_after_earliest_wall` the first end in the chain. `problem`
    tells why the certificate did not verify. `names` are those that the leaf is for, `key` such as "ECDSA P-256".
    """

    server: str
    protocol: str
    version: str | None
    cipher: str | None
    verified: bool
    not_after_wall: float | None
    not_after_earliest_wall: float | None = None
    problem: str | None = None
    names: tuple[str, ...] = ()
    issuer: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One probe on a route; `token_id` is random and public, `started_wall` a POSIX time.

    `resumed` marks an attempt that an earlier process started: its `started` is reckoned from the wall clock.
    """

    route: Route
    token_id: str
    started: float
    started_wall: float
    resumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of an attempt, so far or in the end.

    `success` is None while no verdict has fallen. `round_trip_seconds`, `error_seconds` and `transit_seconds` are None
    unless the message was seen. `outcome` is PENDING in a result that only carries the verdict at the deadline.
    `provenance` is what a message that arrived tells of its way, and is advisory. `transcripts` are a failure's only.
    """

    attempt: Attempt
    outcome: Outcome
    success: bool | None
    fault: Fault | None = None
    round_trip_seconds: float | None = None
    error_seconds: float | None = None
    transit_seconds: float | None = None
    stages: tuple[StageTiming, ...] = ()
    reply: Reply | None = None
    tls: tuple[TlsFacts, ...] = ()
    provenance: Provenance = NOTHING_TOLD
    duplicates: int = 0
    transcripts: tuple[Transcript, ...] = ()
