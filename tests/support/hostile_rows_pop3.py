"""Hostile POP3 servers in plaintext, from the port to the listing, and what an attempt must come to."""

from __future__ import annotations

from typing import Any

from tests.support.hostile import IMPATIENT, Port, Row, Saw, Side

from mailsonar.model.fault import Reason
from mailsonar.model.result import Outcome
from mailsonar.model.server import Protocol, Timeouts
from mailsonar.model.stage import Leg, Stage
from mailsonar.sandbox import faults, hostile, listing_faults, pop3_faults
from mailsonar.sandbox.faults import CREDENTIALS, GREETING, ServerFault, says

SHORT = {"deadline_seconds": 0.25, "give_up_seconds": 0.3}
ONE_LOOK = {"deadline_seconds": 0.02, "give_up_seconds": 0.02}
SLOW = {"timeouts": IMPATIENT}
ROOMY = {"timeouts": Timeouts(command=8.0), "seconds": 20.0}
UNTOUCHED = Saw(deletions=0, left=1)


def row(name: str, stage: Stage, reason: Reason, *wrong: ServerFault, **more: Any) -> Row:
    """Return a row whose looks fail at a stage: nobody can say what became of the message, and it stays."""
    side = Side(faults=wrong, **more.pop("side", {}))
    return Row(
        name=f"pop3: {name}",
        pop3=side,
        outcome=Outcome.UNOBSERVED,
        fault=(Leg.RETRIEVAL, stage, reason),
        **({"route": ONE_LOOK, "saw": UNTOUCHED} | more),
    )


def good(name: str, *wrong: ServerFault, **more: Any) -> Row:
    """Return a row that is a success all the same, its message removed."""
    return Row(
        name=f"pop3: {name}", pop3=Side(faults=wrong), outcome=Outcome.ON_TIME, **({"saw": Saw(deletions=1)} | more)
    )


CONNECT = [
    row("no such name", Stage.RESOLVE, Reason.RESOLVE, side={"host": "a..b"}),
    row("dead port", Stage.CONNECT, Reason.CONNECTION_REFUSED, side={"port": Port.DEAD}),
    row("port that never accepts", Stage.CONNECT, Reason.TIMEOUT, side={"port": Port.DEAF}, **SLOW),
]

GREETINGS = [
    row("never speaks", Stage.GREETING, Reason.TIMEOUT, faults.NEVER_SPEAKS, **SLOW),
    row("closes at once", Stage.GREETING, Reason.DISCONNECTED, hostile.breaks_off(GREETING, b"")),
    row("closes within the greeting", Stage.GREETING, Reason.DISCONNECTED, hostile.breaks_off(GREETING, b"+OK he")),
    row("resets at once", Stage.GREETING, Reason.DISCONNECTED, hostile.resets(GREETING)),
    row("half-closes and waits", Stage.GREETING, Reason.DISCONNECTED, hostile.half_closes(GREETING)),
    row("100 MB on a line", Stage.GREETING, Reason.LIMIT_EXCEEDED, hostile.floods_without_newline(GREETING)),
    row("drips bytes", Stage.GREETING, Reason.TIMEOUT, hostile.drips(GREETING, b"+"), **SLOW),
    row("NULs", Stage.GREETING, Reason.PROTOCOL_VIOLATION, hostile.SENDS_NULS),
    row("random bytes", Stage.GREETING, Reason.PROTOCOL_VIOLATION, hostile.SENDS_RANDOM_BYTES),
    row("HTTP", Stage.GREETING, Reason.PROTOCOL_VIOLATION, hostile.SPEAKS_HTTP),
    row("SSH", Stage.GREETING, Reason.PROTOCOL_VIOLATION, hostile.SPEAKS_SSH),
    row("IMAP", Stage.GREETING, Reason.PROTOCOL_VIOLATION, says("* OK IMAP4rev1 ready", GREETING)),
    row("turns us away", Stage.GREETING, Reason.REJECTED, says("-ERR No service here", GREETING)),
    row("turns us away for now", Stage.GREETING, Reason.DEFERRED, pop3_faults.TURNED_AWAY),
    row("greets twice", Stage.CAPABILITIES, Reason.PROTOCOL_VIOLATION,
        says("+OK hello\r\n+OK hello", GREETING)),
]  # fmt: skip

CAPABILITIES = [
    row("stalls at CAPA", Stage.CAPABILITIES, Reason.TIMEOUT, faults.stalls("CAPA"), **SLOW),
    row("closes at CAPA", Stage.CAPABILITIES, Reason.DISCONNECTED, faults.drops("CAPA")),
    row("closes within the capabilities", Stage.CAPABILITIES, Reason.DISCONNECTED,
        hostile.breaks_off("CAPA", b"+OK\r\nTOP\r\nUI")),
    row("drips capabilities", Stage.CAPABILITIES, Reason.TIMEOUT, hostile.drips("CAPA", b"+OK\r\n", 0.05), **SLOW),
    row("endless capabilities", Stage.CAPABILITIES, Reason.LIMIT_EXCEEDED,
        hostile.floods("CAPA", b"TOP\r\n", b"+OK\r\n")),
    row("garbage for capabilities", Stage.CAPABILITIES, Reason.PROTOCOL_VIOLATION, pop3_faults.CAPABILITIES_GARBAGE),
    good("CAPA refused", pop3_faults.CAPABILITIES_REFUSED),
    good("no CAPA", pop3_faults.NO_CAPA),
]  # fmt: skip

LOGINS = [
    row("login refused", Stage.AUTHENTICATE, Reason.AUTHENTICATION_REJECTED, pop3_faults.LOGIN_REFUSED,
        route=SHORT, saw=Saw(logins=2, left=1)),
    row("login refused without a code", Stage.AUTHENTICATE, Reason.AUTHENTICATION_REJECTED,
        pop3_faults.LOGIN_REFUSED_BARELY, route=SHORT, saw=Saw(logins=2, left=1)),
    row("maildrop in use", Stage.AUTHENTICATE, Reason.MAILDROP_IN_USE, pop3_faults.IN_USE, route=SHORT),
    row("login delay", Stage.AUTHENTICATE, Reason.LOGIN_DELAY, pop3_faults.LOGIN_DELAY, route=SHORT),
    row("temporary trouble", Stage.AUTHENTICATE, Reason.DEFERRED, pop3_faults.TEMPORARY_TROUBLE),
    row("permanent trouble", Stage.AUTHENTICATE, Reason.REJECTED, pop3_faults.PERMANENT_TROUBLE),
    row("no mechanism", Stage.AUTHENTICATE, Reason.AUTHENTICATION_UNAVAILABLE, faults.hides("SASL", "USER"),
        saw=Saw(credentials=(Protocol.SMTP,), logins=1, left=1)),
    row("stalls at AUTH", Stage.AUTHENTICATE, Reason.TIMEOUT, faults.stalls("AUTH"), **SLOW),
    row("stalls after the credentials", Stage.AUTHENTICATE, Reason.TIMEOUT, faults.stalls(CREDENTIALS), **SLOW),
    row("closes at AUTH", Stage.AUTHENTICATE, Reason.DISCONNECTED, faults.drops("AUTH")),
    row("resets after the credentials", Stage.AUTHENTICATE, Reason.DISCONNECTED, hostile.resets(CREDENTIALS)),
    row("100 MB of challenge", Stage.AUTHENTICATE, Reason.LIMIT_EXCEEDED, hostile.floods_without_newline("AUTH")),
    row("challenge too many", Stage.AUTHENTICATE, Reason.PROTOCOL_VIOLATION, pop3_faults.CHALLENGE_TOO_MANY),
    row("challenges without end", Stage.AUTHENTICATE, Reason.PROTOCOL_VIOLATION, pop3_faults.CHALLENGES_WITHOUT_END),
    row("two answers to the credentials", Stage.LIST, Reason.PROTOCOL_VIOLATION,
        pop3_faults.answers_twice("+OK Welcome", CREDENTIALS)),
]  # fmt: skip

LISTINGS = [
    row("stalls at STAT", Stage.LIST, Reason.TIMEOUT, faults.stalls("STAT"), **SLOW),
    row("stalls at UIDL", Stage.LIST, Reason.TIMEOUT, faults.stalls("UIDL"), **SLOW),
    row("closes at UIDL", Stage.LIST, Reason.DISCONNECTED, faults.drops("UIDL")),
    row("resets at UIDL", Stage.LIST, Reason.DISCONNECTED, hostile.resets("UIDL")),
    row("listing without its end", Stage.LIST, Reason.TIMEOUT, hostile.trails_off("UIDL", b"+OK\r\n1 a\r\n"), **SLOW),
    row("closes within the listing", Stage.LIST, Reason.DISCONNECTED, hostile.breaks_off("UIDL", b"+OK\r\n1 a\r\n2")),
    row("drips rows", Stage.LIST, Reason.TIMEOUT, hostile.drips("LIST", b"+OK\r\n", 0.05), pop3_faults.NO_UIDL, **SLOW),
    row("rows without end", Stage.LIST, Reason.LIMIT_EXCEEDED, listing_faults.ROWS_WITHOUT_END, **ROOMY),
    row("one row without end", Stage.LIST, Reason.LIMIT_EXCEEDED,
        hostile.floods("UIDL", b"1 1\r\n", b"+OK\r\n"), **ROOMY),
    row("nonsense without end", Stage.LIST, Reason.LIMIT_EXCEEDED, listing_faults.NONSENSE_WITHOUT_END, **ROOMY),
    row("LIST without end", Stage.LIST, Reason.LIMIT_EXCEEDED, listing_faults.NONSENSE_WITHOUT_END, pop3_faults.NO_UIDL,
        **ROOMY),
    row("100 MB on UIDL's line", Stage.LIST, Reason.LIMIT_EXCEEDED, hostile.floods_without_newline("UIDL")),
    row("nothing but nonsense", Stage.LIST, Reason.PROTOCOL_VIOLATION, listing_faults.ONLY_NONSENSE),
    row("garbage for a listing", Stage.LIST, Reason.PROTOCOL_VIOLATION, says("Here you are", "UIDL")),
    row("listing refused", Stage.LIST, Reason.REJECTED, pop3_faults.NO_UIDL, says("-ERR No", "LIST")),
    row("temporary trouble with the listing", Stage.LIST, Reason.DEFERRED,
        pop3_faults.temporary_trouble("UIDL", "LIST")),
    row("answer from before the question", Stage.FETCH, Reason.PROTOCOL_VIOLATION,
        says("+OK\r\n1 a\r\n.\r\n+OK\r\nX-Fake: 1\r\n\r\n.", "UIDL")),
    good("STAT disagrees", pop3_faults.STAT_DISAGREES),
    good("STAT is absurd", pop3_faults.STAT_ABSURD),
    good("STAT refused", pop3_faults.STAT_REFUSED),
    good("temporary trouble with UIDL alone", pop3_faults.temporary_trouble("UIDL")),
    good("nonsense among the rows", listing_faults.NONSENSE_ROWS),
    good("each row twice", listing_faults.ROWS_TWICE),
    good("no UIDL", pop3_faults.NO_UIDL),
    good("no TOP", pop3_faults.NO_TOP),
    good("no UIDL, no TOP, no CAPA", pop3_faults.NO_UIDL, pop3_faults.NO_TOP, pop3_faults.NO_CAPA),
    good("equal unique-ids", pop3_faults.EQUAL_UNIQUE_IDS),
    good("unique-ids that are traps", listing_faults.EVIL_UNIQUE_ID),
    Row(
        name="pop3: lists nothing",
        pop3=Side(faults=(listing_faults.NO_ROWS,)),
        outcome=Outcome.LOST,
        fault=(Leg.TRANSIT, Stage.ARRIVAL, Reason.NOT_ARRIVED),
        route=SHORT,
        saw=UNTOUCHED,
    ),
]  # fmt: skip

ROWS = [*CONNECT, *GREETINGS, *CAPABILITIES, *LOGINS, *LISTINGS]
