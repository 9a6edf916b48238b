"""A row of the table of hostile behaviours: what is wrong with a server, and what an attempt must come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from mailsonar.model.fault import Reason
from mailsonar.model.result import Outcome
from mailsonar.model.server import Mechanism, Protocol, Security, Timeouts
from mailsonar.model.stage import Leg, Stage
from mailsonar.sandbox.delivery import DeliveryFault
from mailsonar.sandbox.faults import ServerFault

FOREIGN = b"From: boss@globex.example\r\nSubject: Mail flow check\r\n\r\nHands off.\r\n"
PATIENT = Timeouts()
IMPATIENT = Timeouts(connect=0.3, tls=0.3, greeting=0.3, command=0.3, data=0.3, session=3.0)

Where = tuple[Leg, Stage, Reason]


class Port(Enum):
    """What knocking at a server's port leads to."""

    OPEN = auto()
    DEAD = auto()
    DEAF = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One server of the hostile pair: what is wrong with it, and how the agent is to reach it.

    `served` is the security that the server really has where it differs from the configured one.
    """

    faults: tuple[ServerFault, ...] = ()
    security: Security = Security.PLAINTEXT
    served: Security | None = None
    port: Port = Port.OPEN
    host: str = "127.0.0.1"
    mechanism: Mechanism | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saw:
    """What the hostile servers saw of the agent; None where it does not matter.

    `credentials` tells over which protocols they were offered, `sessions` counts SMTP connections, `logins` verdicts on
    credentials over both protocols, `deletions` DELE commands, `left` messages in the maildrop in the end, those of
    others included.
    """

    credentials: tuple[Protocol, ...] | None = None
    sessions: int | None = None
    logins: int | None = None
    deletions: int | None = None
    left: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A hostile behaviour, and what must come of it.

    `foreign` messages are in the maildrop from the start, `rehearsals` attempts come before the one that counts, and
    `seconds` bounds the attempt from its start to its outcome: generous, to catch what hangs.
    """

    name: str
    smtp: Side = field(default_factory=Side)
    pop3: Side = field(default_factory=Side)
    delivery: tuple[DeliveryFault, ...] = ()
    foreign: tuple[bytes, ...] = ()
    huge: tuple[tuple[bytes, bytes, int], ...] = ()
    timeouts: Timeouts = PATIENT
    route: Mapping[str, Any] = field(default_factory=dict)
    rehearsals: int = 0
    outcome: Outcome
    fault: Where | None = None
    cleanup: Where | None = None
    duplicates: int = 0
    seconds: float = 10.0
    saw: Saw = field(default_factory=Saw)
