"""Hostile submission servers in plaintext, from the port to QUIT, and what an attempt must come to."""

from __future__ import annotations

from typing import Any

from tests.support.hostile import IMPATIENT, Port, Row, Saw, Side
from tests.support.probing import PASSWORD

from mailsonar.model.fault import Reason
from mailsonar.model.result import Outcome
from mailsonar.model.server import Mechanism
from mailsonar.model.stage import Leg, Stage
from mailsonar.sandbox import faults, hostile, smtp_faults
from mailsonar.sandbox.delivery import lose
from mailsonar.sandbox.faults import ACCEPTANCE, CREDENTIALS, FINAL_DOT, GREETING, ServerFault, says

SHORT = {"deadline_seconds": 0.25, "give_up_seconds": 0.3}
BIG = {"size_bytes": 3_000_000, **SHORT}
NO_CREDENTIALS = Saw(credentials=())
ONE_LOGIN = Saw(logins=1)
ONCE = Saw(sessions=1)
EVIL_TEXT = '<script>alert(1)</script> \x1b[2J "} 1 %s {0} ${jndi:ldap://x} \u202e'


def row(name: str, stage: Stage, reason: Reason, *wrong: ServerFault, **more: Any) -> Row:
    """Return a row whose submission fails at a stage; `side` holds what else is special about the server."""
    side = Side(faults=wrong, **more.pop("side", {}))
    return Row(
        **({"name": f"smtp: {name}", "smtp": side, "outcome": Outcome.FAILED} | more),
        fault=(Leg.SUBMISSION, stage, reason),
    )


def good(name: str, *wrong: ServerFault, **more: Any) -> Row:
    """Return a row that is a success all the same."""
    return Row(name=f"smtp: {name}", smtp=Side(faults=wrong), outcome=Outcome.ON_TIME, **more)


def deferred(name: str, stage: Stage, *wrong: ServerFault, reason: Reason = Reason.DEFERRED) -> Row:
    """Return a row whose envelope or content is deferred up to the deadline."""
    return row(name, stage, reason, *wrong, outcome=Outcome.DEFERRED, route=SHORT)


def refused(name: str, stage: Stage, *wrong: ServerFault) -> Row:
    """Return a row whose envelope or content is refused for good: tried once."""
    return row(name, stage, Reason.REJECTED, *wrong, outcome=Outcome.REFUSED, saw=Saw(sessions=1))


TOUCHED_NOTHING = {"saw": NO_CREDENTIALS}
SLOW = {"timeouts": IMPATIENT}
LOGIN = {"side": {"mechanism": Mechanism.LOGIN}}
PLAIN = {"side": {"mechanism": Mechanism.PLAIN}}

CONNECT = [
    row("no such name", Stage.RESOLVE, Reason.RESOLVE, side={"host": "a..b"}),
    row("dead port", Stage.CONNECT, Reason.CONNECTION_REFUSED, side={"port": Port.DEAD}),
    row("port that never accepts", Stage.CONNECT, Reason.TIMEOUT, side={"port": Port.DEAF}, **SLOW),
    row("no route", Stage.CONNECT, Reason.UNREACHABLE, side={"host": "127.255.255.255"}),
]

GREETINGS = [
    row("never speaks", Stage.GREETING, Reason.TIMEOUT, faults.NEVER_SPEAKS, **SLOW),
    row("closes at once", Stage.GREETING, Reason.DISCONNECTED, hostile.breaks_off(GREETING, b"")),
    row("closes within the greeting", Stage.GREETING, Reason.DISCONNECTED, hostile.breaks_off(GREETING, b"220-wel")),
    row("resets at once", Stage.GREETING, Reason.DISCONNECTED, hostile.resets(GREETING)),
    row("half-closes and waits", Stage.GREETING, Reason.DISCONNECTED, hostile.half_closes(GREETING)),
    row("endless greeting", Stage.GREETING, Reason.LIMIT_EXCEEDED, hostile.floods(GREETING, b"220-more\r\n")),
    row("100 MB on a line", Stage.GREETING, Reason.LIMIT_EXCEEDED, hostile.floods_without_newline(GREETING)),
    row("drips bytes", Stage.GREETING, Reason.TIMEOUT, hostile.drips(GREETING, b"2"), **SLOW),
    row("drips lines", Stage.GREETING, Reason.TIMEOUT, hostile.drips(GREETING, b"220-soon\r\n", 0.05), **SLOW),
    row("NULs", Stage.GREETING, Reason.PROTOCOL_VIOLATION, hostile.SENDS_NULS),
    row("random bytes", Stage.GREETING, Reason.PROTOCOL_VIOLATION, hostile.SENDS_RANDOM_BYTES),
    row("HTTP", Stage.GREETING, Reason.PROTOCOL_VIOLATION, hostile.SPEAKS_HTTP),
    row("SSH", Stage.GREETING, Reason.PROTOCOL_VIOLATION, hostile.SPEAKS_SSH),
    row("two digits", Stage.GREETING, Reason.PROTOCOL_VIOLATION, says("22 hello", GREETING)),
    row("code 000", Stage.GREETING, Reason.PROTOCOL_VIOLATION, says("000 hello", GREETING)),
    row("code 999", Stage.GREETING, Reason.PROTOCOL_VIOLATION, says("999 hello", GREETING)),
    row("code changes", Stage.GREETING, Reason.PROTOCOL_VIOLATION, says("220-hello\r\n221 there", GREETING)),
    row("turns us away", Stage.GREETING, Reason.REJECTED, smtp_faults.TURNED_AWAY),
    row("turns us away with 60 KB", Stage.GREETING, Reason.REJECTED,
        says("554-" + "x" * 600 + ("\r\n554-" + "y" * 600) * 98 + "\r\n554 done", GREETING)),
    row("text that means harm", Stage.GREETING, Reason.REJECTED, says(f"554 5.7.1 {EVIL_TEXT}", GREETING)),
    row("shuts down", Stage.GREETING, Reason.DEFERRED, smtp_faults.SHUTTING_DOWN),
    row("greets twice", Stage.HELLO, Reason.PROTOCOL_VIOLATION, hostile.utters(GREETING, b"220 hello\r\n")),
    row("421 right behind the greeting", Stage.HELLO, Reason.DEFERRED,
        smtp_faults.unavailable_after("220 hello", GREETING)),
    good("long greeting", hostile.utters(GREETING, b"220-patience\r\n" * 150)),
]  # fmt: skip

HELLOS = [
    row("stalls at EHLO", Stage.HELLO, Reason.TIMEOUT, faults.stalls("EHLO"), **SLOW),
    row("drips lines at EHLO", Stage.HELLO, Reason.TIMEOUT, hostile.drips("EHLO", b"250-X\r\n", 0.05), **SLOW),
    row("closes at EHLO", Stage.HELLO, Reason.DISCONNECTED, faults.drops("EHLO")),
    row("resets at EHLO", Stage.HELLO, Reason.DISCONNECTED, hostile.resets("EHLO")),
    row("endless EHLO", Stage.HELLO, Reason.LIMIT_EXCEEDED, hostile.floods("EHLO", b"250-X\r\n")),
    row("100 MB on EHLO's line", Stage.HELLO, Reason.LIMIT_EXCEEDED, hostile.floods_without_newline("EHLO")),
    row("421 to EHLO", Stage.HELLO, Reason.DEFERRED, smtp_faults.unavailable("EHLO")),
    row("EHLO refused", Stage.HELLO, Reason.REJECTED, smtp_faults.EHLO_REFUSED),
    row("EHLO's code changes", Stage.HELLO, Reason.PROTOCOL_VIOLATION, smtp_faults.EHLO_CHANGES_ITS_CODE),
    row("HELO only", Stage.AUTHENTICATE, Reason.AUTHENTICATION_UNAVAILABLE, smtp_faults.EHLO_UNKNOWN,
        **TOUCHED_NOTHING),
    row("421 while we are idle", Stage.AUTHENTICATE, Reason.DEFERRED,
        smtp_faults.unavailable_after("250-mta.sandbox.example\r\n250 AUTH PLAIN", "EHLO"), **TOUCHED_NOTHING),
    good("offers much", smtp_faults.MUCH_OFFERED),
]  # fmt: skip

LOGINS = [
    row("no AUTH", Stage.AUTHENTICATE, Reason.AUTHENTICATION_UNAVAILABLE, faults.hides("AUTH"), **TOUCHED_NOTHING),
    row("login refused", Stage.AUTHENTICATE, Reason.AUTHENTICATION_REJECTED, smtp_faults.LOGIN_REFUSED, saw=ONE_LOGIN),
    row("refusal quotes the password", Stage.AUTHENTICATE, Reason.AUTHENTICATION_REJECTED,
        says(f"535 5.7.8 {PASSWORD} is wrong", CREDENTIALS), saw=ONE_LOGIN),
    row("login deferred", Stage.AUTHENTICATE, Reason.AUTHENTICATION_DEFERRED, smtp_faults.LOGIN_DEFERRED,
        saw=ONE_LOGIN),
    row("421 to AUTH", Stage.AUTHENTICATE, Reason.DEFERRED, smtp_faults.unavailable("AUTH")),
    row("stalls at AUTH", Stage.AUTHENTICATE, Reason.TIMEOUT, faults.stalls("AUTH"), **SLOW),
    row("stalls after the credentials", Stage.AUTHENTICATE, Reason.TIMEOUT, faults.stalls(CREDENTIALS), **SLOW),
    row("closes at AUTH", Stage.AUTHENTICATE, Reason.DISCONNECTED, faults.drops("AUTH")),
    row("resets at AUTH", Stage.AUTHENTICATE, Reason.DISCONNECTED, hostile.resets("AUTH")),
    row("endless challenge", Stage.AUTHENTICATE, Reason.LIMIT_EXCEEDED, hostile.floods("AUTH", b"334-QUFB\r\n")),
    row("challenge is no base64", Stage.AUTHENTICATE, Reason.PROTOCOL_VIOLATION, smtp_faults.CHALLENGE_NOT_BASE64,
        saw=Saw(logins=0)),
    row("challenge to LOGIN is no base64", Stage.AUTHENTICATE, Reason.PROTOCOL_VIOLATION,
        smtp_faults.CHALLENGE_NOT_BASE64, saw=Saw(logins=0), **LOGIN),
    row("empty challenge", Stage.AUTHENTICATE, Reason.PROTOCOL_VIOLATION, smtp_faults.CHALLENGE_EMPTY,
        saw=Saw(logins=0)),
    row("huge challenge", Stage.AUTHENTICATE, Reason.LIMIT_EXCEEDED, smtp_faults.CHALLENGE_HUGE, saw=Saw(logins=0)),
    row("challenges without end", Stage.AUTHENTICATE, Reason.PROTOCOL_VIOLATION, smtp_faults.CHALLENGES_WITHOUT_END,
        **LOGIN),
    row("challenge too many", Stage.AUTHENTICATE, Reason.PROTOCOL_VIOLATION, smtp_faults.CHALLENGES_WITHOUT_END,
        **PLAIN),
    row("250 to AUTH", Stage.AUTHENTICATE, Reason.PROTOCOL_VIOLATION, smtp_faults.LOGIN_ANSWERED_BY_250),
    row("two replies to the credentials", Stage.MAIL_FROM, Reason.PROTOCOL_VIOLATION,
        smtp_faults.answers_twice("235 2.7.0 Welcome", CREDENTIALS), saw=ONE_LOGIN),
    deferred("421 behind the login", Stage.MAIL_FROM, smtp_faults.unavailable_after("235 2.7.0 Welcome", CREDENTIALS)),
]  # fmt: skip

ENVELOPES = [
    refused("sender refused", Stage.MAIL_FROM, smtp_faults.SENDER_REFUSED),
    refused("login needed after the login", Stage.MAIL_FROM, smtp_faults.LOGIN_NEEDED_ALL_THE_SAME),
    refused("takes small messages only", Stage.MAIL_FROM, smtp_faults.LITTLE_ROOM),
    deferred("421 to MAIL", Stage.MAIL_FROM, smtp_faults.unavailable("MAIL")),
    deferred("421 behind MAIL", Stage.RCPT_TO, smtp_faults.unavailable_after("250 2.1.0 Ok", "MAIL")),
    deferred("421 behind MAIL, and closes", Stage.RCPT_TO,
             hostile.breaks_off("MAIL", b"250 2.1.0 Ok\r\n421 4.4.2 Idle for too long\r\n")),
    row("stalls at MAIL", Stage.MAIL_FROM, Reason.TIMEOUT, faults.stalls("MAIL"), **SLOW),
    row("closes at MAIL", Stage.MAIL_FROM, Reason.DISCONNECTED, faults.drops("MAIL")),
    row("resets at MAIL", Stage.MAIL_FROM, Reason.DISCONNECTED, hostile.resets("MAIL")),
    row("two replies to MAIL", Stage.RCPT_TO, Reason.PROTOCOL_VIOLATION,
        smtp_faults.answers_twice("250 2.1.0 Ok", "MAIL")),
    refused("recipient refused", Stage.RCPT_TO, smtp_faults.RECIPIENT_REFUSED),
    deferred("greylisted to the deadline", Stage.RCPT_TO, smtp_faults.greylisting(1000)),
    deferred("421 to RCPT", Stage.RCPT_TO, smtp_faults.unavailable("RCPT")),
    deferred("too fast", Stage.RCPT_TO, smtp_faults.TOO_MANY_RECIPIENTS, reason=Reason.RATE_LIMITED),
    row("stalls at RCPT", Stage.RCPT_TO, Reason.TIMEOUT, faults.stalls("RCPT"), **SLOW),
    row("closes at RCPT", Stage.RCPT_TO, Reason.DISCONNECTED, faults.drops("RCPT")),
    row("endless reply to RCPT", Stage.RCPT_TO, Reason.LIMIT_EXCEEDED, hostile.floods("RCPT", b"250-2.1.5 Ok\r\n")),
    good("greylisted once", smtp_faults.greylisting(1), saw=Saw(sessions=2)),
]  # fmt: skip

CONTENTS = [
    refused("DATA refused", Stage.DATA, smtp_faults.DATA_REFUSED),
    row("250 to DATA", Stage.DATA, Reason.PROTOCOL_VIOLATION, smtp_faults.CONTENT_ACCEPTED_UNSEEN, saw=Saw(left=0)),
    row("250 together with 354", Stage.DATA, Reason.PROTOCOL_VIOLATION, smtp_faults.CONTENT_ACCEPTED_BEFORE_IT_IS_SENT,
        saw=Saw(left=0)),
    deferred("421 to DATA", Stage.DATA, smtp_faults.unavailable("DATA")),
    deferred("421 behind 354", Stage.DATA, smtp_faults.unavailable_after("354 Go ahead", "DATA")),
    row("stalls at DATA", Stage.DATA, Reason.TIMEOUT, faults.stalls("DATA"), **SLOW),
    row("closes at DATA", Stage.DATA, Reason.DISCONNECTED, faults.drops("DATA")),
    row("never reads", Stage.DATA, Reason.TIMEOUT, hostile.stops_reading("DATA", b"354 Go ahead\r\n"), route=BIG,
        saw=ONCE, **SLOW),
    row("resets within the content", Stage.DATA, Reason.DISCONNECTED,
        hostile.resets_after("DATA", b"354 Go ahead\r\n"), route=BIG, saw=ONCE),
    refused("content refused", Stage.DATA, smtp_faults.CONTENT_REFUSED),
    deferred("content deferred", Stage.DATA, smtp_faults.CONTENT_DEFERRED),
    deferred("421 to the final dot", Stage.DATA, smtp_faults.unavailable(FINAL_DOT)),
    row("closes at the final dot", Stage.DATA, Reason.DISCONNECTED, smtp_faults.DROPPED_AT_FINAL_DOT, route=SHORT,
        saw=ONCE),
    row("resets at the final dot", Stage.DATA, Reason.DISCONNECTED, hostile.resets(FINAL_DOT), route=SHORT, saw=ONCE),
    row("stalls at the final dot", Stage.DATA, Reason.TIMEOUT, faults.stalls(FINAL_DOT), route=SHORT, saw=ONCE, **SLOW),
    row("garbage to the final dot", Stage.DATA, Reason.PROTOCOL_VIOLATION, says("\0\0\0", FINAL_DOT), route=SHORT,
        saw=ONCE),
    row("endless reply to a lost message", Stage.DATA, Reason.LIMIT_EXCEEDED, hostile.floods(ACCEPTANCE, b"250-Ok\r\n"),
        delivery=(lose,), route=SHORT, saw=ONCE),
    good("closes after it took the message", smtp_faults.DROPPED_AFTER_DELIVERY, saw=Saw(sessions=1, left=0)),
    good("stalls after it took the message", faults.stalls(ACCEPTANCE), saw=Saw(sessions=1, left=0), **SLOW),
    good("garbage after it took the message", says("what?", ACCEPTANCE), saw=Saw(sessions=1, left=0)),
    good("endless reply after it took the message", hostile.floods_without_newline(ACCEPTANCE),
         saw=Saw(sessions=1, left=0)),
    good("421 right behind the acceptance", smtp_faults.unavailable_after("250 2.0.0 Queued", ACCEPTANCE)),
]  # fmt: skip

GOODBYES = [
    good("stalls at QUIT", faults.stalls("QUIT")),
    good("closes at QUIT", faults.drops("QUIT")),
    good("resets at QUIT", hostile.resets("QUIT")),
    good("421 to QUIT", smtp_faults.unavailable("QUIT")),
    good("floods at QUIT", hostile.floods_without_newline("QUIT")),
]

ROWS = [*CONNECT, *GREETINGS, *HELLOS, *LOGINS, *ENVELOPES, *CONTENTS, *GOODBYES]
