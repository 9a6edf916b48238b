"""Legs and their stages, and the time that each took."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Leg(StrEnum):
    """The parts of a route; `AGENT` is ourselves."""

    SUBMISSION = "submission"
    TRANSIT = "transit"
    RETRIEVAL = "retrieval"
    AGENT = "agent"


class Stage(StrEnum):
    """The smallest timed part of a leg."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS_HANDSHAKE = "tls_handshake"
    GREETING = "greeting"
    HELLO = "hello"
    CAPABILITIES = "capabilities"
    STARTTLS = "starttls"
    AUTHENTICATE = "authenticate"
    MAIL_FROM = "mail_from"
    RCPT_TO = "rcpt_to"
    DATA = "data"
    LIST = "list"
    FETCH = "fetch"
    DELETE = "delete"
    QUIT = "quit"
    ARRIVAL = "arrival"
    INTERNAL = "internal"


STAGES_OF = {
    Leg.SUBMISSION: (
        Stage.RESOLVE, Stage.CONNECT, Stage.TLS_HANDSHAKE, Stage.GREETING, Stage.HELLO, Stage.STARTTLS,
        Stage.AUTHENTICATE, Stage.MAIL_FROM, Stage.RCPT_TO, Stage.DATA, Stage.QUIT,
    ),
    Leg.TRANSIT: (Stage.ARRIVAL,),
    Leg.RETRIEVAL: (
        Stage.RESOLVE, Stage.CONNECT, Stage.TLS_HANDSHAKE, Stage.GREETING, Stage.CAPABILITIES, Stage.STARTTLS,
        Stage.AUTHENTICATE, Stage.LIST, Stage.FETCH, Stage.DELETE, Stage.QUIT,
    ),
    Leg.AGENT: (Stage.INTERNAL,),
}  # fmt: skip


TRANSACTION = frozenset({Stage.MAIL_FROM, Stage.RCPT_TO, Stage.DATA})


LAG_LIMIT_SECONDS = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTiming:
    """How long a stage took, in seconds, also when it failed.

    `lag_seconds` of it were not the server's, nor the network's: an answer lay unread, or a command unsent, since the
    agent was busy with something else.
    """

    leg: Leg
    stage: Stage
    seconds: float
    failed: bool = False
    lag_seconds: float = 0.0

    @property
    def is_lagged(self) -> bool:
        """Tell whether the agent's part is so large that it must be told."""
        return self.lag_seconds > LAG_LIMIT_SECONDS
