"""Messages that hostile servers withhold, bloat, forge, quote or keep, and what an attempt must come to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.hostile import FOREIGN, IMPATIENT, Row, Saw, Side, Where

from mailsonar.model.fault import Reason
from mailsonar.model.result import Outcome
from mailsonar.model.server import Timeouts
from mailsonar.model.stage import Leg, Stage
from mailsonar.sandbox import faults, hostile, pop3_faults, quotation
from mailsonar.sandbox.delivery import (
    DeliveryFault,
    delay,
    duplicate,
    fold_header,
    lose,
    mangle,
    prefix_subject,
    rewrite_message_id,
    strip_x_fields,
)
from mailsonar.sandbox.faults import ServerFault, says, says_first

ONE_LOOK = {"deadline_seconds": 0.02, "give_up_seconds": 0.02}
SHORT = {"deadline_seconds": 0.25, "give_up_seconds": 0.3}
SLOW = {"timeouts": IMPATIENT}
NOT_ARRIVED = (Leg.TRANSIT, Stage.ARRIVAL, Reason.NOT_ARRIVED)
HUGE_OCTETS = 200_000_000
HUGE = ((b"From: big@globex.example\r\nSubject: huge", b"x" * 998, HUGE_OCTETS),)
REPORT = (
    b"From: MAILER-DAEMON@globex.example\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n"
)


def withheld(name: str, reason: Reason, *wrong: ServerFault, **more: Any) -> Row:
    """Return a row whose message is there and cannot be read: nobody can say that it was lost, and it stays."""
    return Row(
        name=f"fetch: {name}",
        pop3=Side(faults=wrong),
        outcome=Outcome.UNOBSERVED,
        fault=(Leg.RETRIEVAL, Stage.FETCH, reason),
        **({"route": ONE_LOOK, "saw": Saw(deletions=0, left=1)} | more),
    )


def found(name: str, *wrong: ServerFault, **more: Any) -> Row:
    """Return a row whose message is found among others."""
    return Row(name=f"fetch: {name}", pop3=Side(faults=wrong), outcome=Outcome.ON_TIME, **more)


def unremoved(name: str, stage: Stage, reason: Reason, *wrong: ServerFault, **more: Any) -> Row:
    """Return a row whose message is found, but not removed: a success whose clean-up failed."""
    cleanup: Where = (Leg.RETRIEVAL, stage, reason)
    return Row(
        name=f"delete: {name}",
        pop3=Side(faults=wrong),
        outcome=Outcome.ON_TIME,
        cleanup=cleanup,
        saw=Saw(left=1),
        **more,
    )


def arrives(name: str, *way: DeliveryFault, left: int = 0, deletions: int = 1, **more: Any) -> Row:
    """Return a row whose message arrives, whatever else does."""
    return Row(
        name=f"transit: {name}",
        delivery=way,
        outcome=Outcome.ON_TIME,
        saw=Saw(left=left, deletions=deletions),
        **more,
    )


def missing(name: str, *way: DeliveryFault, left: int, deletions: int = 0, **more: Any) -> Row:
    """Return a row whose message does not arrive, whatever else does."""
    return Row(
        name=f"transit: {name}",
        delivery=way,
        outcome=Outcome.LOST,
        fault=NOT_ARRIVED,
        **({"route": SHORT, "saw": Saw(left=left, deletions=deletions)} | more),
    )


FETCHES = [
    withheld("stalls at TOP", Reason.TIMEOUT, faults.stalls("TOP"), **SLOW),
    withheld("stalls at RETR", Reason.TIMEOUT, faults.stalls("RETR"), pop3_faults.NO_TOP, **SLOW),
    withheld("header without its end", Reason.TIMEOUT, hostile.trails_off("TOP", b"+OK\r\nFrom: x\r\n"), **SLOW),
    withheld("drips header fields", Reason.TIMEOUT, hostile.drips("TOP", b"+OK\r\n", 0.05), **SLOW),
    withheld("closes at TOP", Reason.DISCONNECTED, faults.drops("TOP")),
    withheld("closes within the header", Reason.DISCONNECTED, hostile.breaks_off("TOP", b"+OK\r\nFrom: x\r\nSub")),
    withheld("resets at TOP", Reason.DISCONNECTED, hostile.resets("TOP")),
    withheld("garbage for a message", Reason.PROTOCOL_VIOLATION, says("From: x", "TOP")),
    withheld("trouble with the system", Reason.DEFERRED, pop3_faults.temporary_trouble("TOP")),
    withheld("trouble with the system for good", Reason.REJECTED, says("-ERR [SYS/PERM] Broken", "TOP")),
    withheld("header without end", Reason.LIMIT_EXCEEDED, hostile.floods("TOP", b"Received: x\r\n", b"+OK\r\n")),
    withheld("100 MB on a header's line", Reason.LIMIT_EXCEEDED, hostile.floods_without_newline("TOP")),
    Row(
        name="fetch: header beyond bounds",
        delivery=(mangle(lambda header: b"Received: by gateway.example; here\r\n" * 9000 + header),),
        outcome=Outcome.UNOBSERVED,
        fault=(Leg.RETRIEVAL, Stage.FETCH, Reason.LIMIT_EXCEEDED),
        route=ONE_LOOK,
        saw=Saw(deletions=0, left=1),
    ),
    withheld("report that is never given out", Reason.REJECTED, says("-ERR No", "RETR"),
             delivery=(lambda parcel: [replace(parcel, content=REPORT + b"\r\nnothing\r\n")],)),
]  # fmt: skip

OTHERS = [
    found("vanishes at first", says_first(1, "-ERR Message expunged", "TOP"), foreign=(FOREIGN,)),
    found("200 MB, TOP ignores its count", pop3_faults.TOP_IGNORES_ITS_COUNT, huge=HUGE, delivery=(delay(0.1),),
          saw=Saw(deletions=1, left=1)),
    found("200 MB, no TOP", pop3_faults.NO_TOP, huge=HUGE, delivery=(delay(0.1),), saw=Saw(deletions=1, left=1)),
    found("report of 200 MB", huge=((REPORT, b"x" * 998, HUGE_OCTETS),), delivery=(delay(0.1),),
          saw=Saw(deletions=1, left=1)),
    found("line of 2 MB in a header", foreign=(b"Subject: " + b"x" * 2_000_000 + b"\r\n\r\n",), delivery=(delay(0.1),),
          saw=Saw(deletions=1, left=1)),
    found("header of 1 MB", foreign=(b"Received: x\r\n" * 80_000 + b"\r\n",), delivery=(delay(0.1),),
          saw=Saw(deletions=1, left=1)),
    found("header fields that are traps", foreign=(
        b"Content-Type: multipart/report" + b";" * 60_000 + b"\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n" * 5000 + b"\r\n",
        b"Subject: =?utf-8?q?" + b"=80" * 9000 + b"\r\n\r\n",
        b"X-MailSonar-Token: " + b"ms1-" * 2000 + b"\r\nMessage-ID:\r\n" + b" \t\r\n" * 5000 + b"\r\n",
        b"\0\xff\x80 no header at all \n\r\n.\r\n..\r\n",
        b"",
    )),
    found("50,000 messages", foreign=(FOREIGN,) * 50_000, seconds=90.0, timeouts=Timeouts(command=30.0),
          route={"deadline_seconds": 60.0, "give_up_seconds": 60.0}),
]  # fmt: skip

DELETIONS = [
    unremoved("refused for now", Stage.DELETE, Reason.DEFERRED, pop3_faults.DELE_REFUSED),
    unremoved("refused", Stage.DELETE, Reason.REJECTED, says("-ERR Read-only", "DELE")),
    unremoved("stalls at DELE", Stage.DELETE, Reason.TIMEOUT, faults.stalls("DELE"), **SLOW),
    unremoved("closes at DELE", Stage.DELETE, Reason.DISCONNECTED, faults.drops("DELE")),
    unremoved("resets at DELE", Stage.DELETE, Reason.DISCONNECTED, hostile.resets("DELE")),
    unremoved("garbage to DELE", Stage.DELETE, Reason.PROTOCOL_VIOLATION, says("done", "DELE")),
    unremoved("100 MB to DELE", Stage.DELETE, Reason.LIMIT_EXCEEDED, hostile.floods_without_newline("DELE")),
    unremoved("two answers to DELE", Stage.QUIT, Reason.PROTOCOL_VIOLATION, pop3_faults.answers_twice("+OK", "DELE")),
    unremoved("refused at QUIT", Stage.QUIT, Reason.DEFERRED, pop3_faults.QUIT_REFUSED),
    unremoved("stalls at QUIT", Stage.QUIT, Reason.TIMEOUT, faults.stalls("QUIT"), **SLOW),
    unremoved("closes at QUIT", Stage.QUIT, Reason.DISCONNECTED, faults.drops("QUIT")),
    unremoved("resets at QUIT", Stage.QUIT, Reason.DISCONNECTED, hostile.resets("QUIT")),
    unremoved("garbage to QUIT", Stage.QUIT, Reason.PROTOCOL_VIOLATION, says("bye", "QUIT")),
]

TRANSIT = [
    missing("disappears", lose, left=0),
    missing("comes too late to be waited for", delay(30.0), left=0),
    Row(
        name="transit: comes after the deadline",
        delivery=(delay(0.3),),
        outcome=Outcome.LATE,
        fault=NOT_ARRIVED,
        route={"deadline_seconds": 0.15, "give_up_seconds": 5.0},
        saw=Saw(left=0, deletions=1),
    ),
    arrives("comes three times", duplicate(3), deletions=3, duplicates=2),
    missing("only a forgery comes", quotation.forge, left=1),
    arrives("a forgery comes, too", quotation.besides(quotation.forge), left=1),
    missing("only an automatic reply comes", quotation.answer_automatically, left=1),
    arrives("an automatic reply comes, too", quotation.besides(quotation.answer_automatically), left=1),
    missing("only a reply with our header comes", quotation.answer_in_kind, left=1),
    missing("only an automatic reply with our header comes", quotation.answer_in_kind_automatically, left=1),
    missing("only a reply comes", quotation.answer_by_hand, left=1),
    missing("only a forwarded copy comes", quotation.forward, left=1),
    missing("an old message comes instead", quotation.replay(), left=0, deletions=2, rehearsals=1,
            route={"deadline_seconds": 0.5, "give_up_seconds": 0.6}),
    arrives("header folded", fold_header),
    arrives("subject marked", prefix_subject),
    arrives("footer added", quotation.append_footer),
    arrives("our own field stripped", strip_x_fields),
    arrives("Message-ID rewritten", rewrite_message_id),
    missing("both tokens gone", strip_x_fields, rewrite_message_id, left=1),
    arrives("100 kB of trace fields", mangle(lambda header: b"Received: by gateway.example\r\n" * 3500 + header)),
]  # fmt: skip

ROWS = [*FETCHES, *OTHERS, *DELETIONS, *TRANSIT]
