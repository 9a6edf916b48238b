"""What the journal holds of an attempt; instants are POSIX seconds, since the monotonic clock ends with the process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRecord:
    """An attempt without an outcome; without `accepted_wall` nobody knows whether its message left.

    `purpose` tells where the message goes and what shall become of it. With `seen_wall` it was seen then, and not yet
    at `since_wall`; `bounce` is what a report said of it, as JSON.
    """

    token_id: str
    route: str
    purpose: str
    started_wall: float
    accepted_wall: float | None = None
    seen_wall: float | None = None
    since_wall: float | None = None
    bounce: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRecord:
    """An attempt with its outcome; `result` is the result as JSON, and so is `transcript`, of a failure."""

    token_id: str
    route: str
    started_wall: float
    ended_wall: float
    outcome: str
    result: str
    transcript: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The bare facts of an attempt with its outcome: when it started, when it was seen, what its verdict was."""

    token_id: str
    started_wall: float
    seen_wall: float | None
    success: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How often something happened on a route: `started`, or an outcome."""

    route: str
    what: str
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRecord:
    """An account that is left alone until `until_wall`, since a server refused its secret.

    `digest` tells that secret from another, and is made so that it does not tell the secret; `fault` is JSON.
    """

    account: str
    until_wall: float
    digest: str
    fault: str
