"""TLS that is stripped, refused, injected into, stalled or badly certified: no credentials ever travel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.hostile import IMPATIENT, Row, Saw, Side

from mailsonar.model.fault import Reason
from mailsonar.model.result import Outcome
from mailsonar.model.server import Protocol, Security
from mailsonar.model.stage import Leg, Stage
from mailsonar.sandbox import faults, hostile, pop3_faults, smtp_faults
from mailsonar.sandbox.faults import ServerFault, says

ONE_LOOK = {"deadline_seconds": 0.02, "give_up_seconds": 0.02}
SLOW = {"timeouts": IMPATIENT}
UPGRADE, IMPLICIT = Security.STARTTLS, Security.IMPLICIT_TLS


def smtp(name: str, stage: Stage, reason: Reason, *wrong: ServerFault, **more: Any) -> Row:
    """Return a row whose submission fails before any credentials."""
    side = Side(faults=wrong, **({"security": UPGRADE} | more.pop("side", {})))
    return Row(
        name=f"smtp: {name}",
        smtp=side,
        outcome=Outcome.FAILED,
        fault=(Leg.SUBMISSION, stage, reason),
        **({"saw": Saw(credentials=(), logins=0)} | more),
    )


def pop3(name: str, stage: Stage, reason: Reason, *wrong: ServerFault, **more: Any) -> Row:
    """Return a row whose looks fail before any credentials: the one login is the submission's."""
    side = Side(faults=wrong, **({"security": UPGRADE} | more.pop("side", {})))
    return Row(
        name=f"pop3: {name}",
        pop3=side,
        outcome=Outcome.UNOBSERVED,
        fault=(Leg.RETRIEVAL, stage, reason),
        route=ONE_LOOK,
        **({"saw": Saw(credentials=(Protocol.SMTP,), logins=1, deletions=0, left=1)} | more),
    )


HANDSHAKES = [
    ("stall", Reason.TIMEOUT, hostile.TLS_STALLS, SLOW),
    ("dripping hello", Reason.TIMEOUT, hostile.TLS_DRIPS, SLOW),
    ("close", Reason.DISCONNECTED, hostile.TLS_CLOSES, {}),
    ("reset", Reason.DISCONNECTED, hostile.TLS_RESETS, {}),
    ("garbage", Reason.TLS_FAILED, hostile.TLS_GARBAGE, {}),
    ("flood", Reason.TLS_FAILED, hostile.TLS_FLOOD, {}),
    ("huge hello", Reason.TLS_FAILED, hostile.TLS_HUGE_HELLO, {}),
    ("TLS 1.1 only", Reason.TLS_FAILED, faults.TLS_TOO_OLD, {}),
    ("expired certificate", Reason.CERTIFICATE_EXPIRED, faults.CERTIFICATE_EXPIRED, {}),
    ("certificate of tomorrow", Reason.CERTIFICATE_NOT_YET_VALID, faults.CERTIFICATE_NOT_YET_VALID, {}),
    ("certificate of another", Reason.CERTIFICATE_NAME_MISMATCH, faults.CERTIFICATE_OF_ANOTHER_NAME, {}),
    ("stranger's certificate", Reason.CERTIFICATE_UNTRUSTED, faults.CERTIFICATE_UNTRUSTED, {}),
    ("weak certificate", Reason.CERTIFICATE_WEAK, faults.CERTIFICATE_WEAK, {}),
    ("self-signed certificate", Reason.CERTIFICATE_UNTRUSTED, faults.CERTIFICATE_SELF_SIGNED, {}),
    ("certificate of an expired intermediate", Reason.CERTIFICATE_EXPIRED,
     faults.CERTIFICATE_OF_EXPIRED_INTERMEDIATE, {}),
    ("certificate with a common name only", Reason.CERTIFICATE_NAME_MISMATCH,
     faults.CERTIFICATE_WITHOUT_ALTERNATIVE_NAMES, {}),
]  # fmt: skip


def handshakes() -> Iterator[Row]:
    """Yield each bad handshake after STARTTLS and STLS, and from the first byte on."""
    for name, reason, wrong, more in HANDSHAKES:
        yield smtp(f"STARTTLS, {name}", Stage.TLS_HANDSHAKE, reason, wrong, **more)
        yield pop3(f"implicit TLS, {name}", Stage.TLS_HANDSHAKE, reason, wrong, side={"security": IMPLICIT}, **more)
    for name, reason, wrong, more in HANDSHAKES[:2]:
        yield smtp(f"implicit TLS, {name}", Stage.TLS_HANDSHAKE, reason, wrong, side={"security": IMPLICIT}, **more)
        yield pop3(f"STLS, {name}", Stage.TLS_HANDSHAKE, reason, wrong, **more)


SMTP_UPGRADES = [
    smtp("STARTTLS stripped", Stage.STARTTLS, Reason.STARTTLS_UNAVAILABLE, smtp_faults.STARTTLS_NOT_OFFERED),
    smtp("STARTTLS refused", Stage.STARTTLS, Reason.STARTTLS_UNAVAILABLE, smtp_faults.STARTTLS_REFUSED),
    smtp("STARTTLS unknown after all", Stage.STARTTLS, Reason.STARTTLS_UNAVAILABLE, says("502 What?", "STARTTLS")),
    smtp("HELO only, TLS wanted", Stage.STARTTLS, Reason.STARTTLS_UNAVAILABLE, smtp_faults.EHLO_UNKNOWN),
    smtp("421 to STARTTLS", Stage.STARTTLS, Reason.DEFERRED, smtp_faults.unavailable("STARTTLS")),
    smtp("stalls at STARTTLS", Stage.STARTTLS, Reason.TIMEOUT, faults.stalls("STARTTLS"), **SLOW),
    smtp("closes at STARTTLS", Stage.STARTTLS, Reason.DISCONNECTED, faults.drops("STARTTLS")),
    smtp("endless go-ahead", Stage.STARTTLS, Reason.LIMIT_EXCEEDED, hostile.floods("STARTTLS", b"220-go\r\n")),
    smtp("reply injected behind the go-ahead", Stage.STARTTLS, Reason.STARTTLS_INJECTION,
         smtp_faults.STARTTLS_INJECTED),
    smtp("one byte injected behind the go-ahead", Stage.STARTTLS, Reason.STARTTLS_INJECTION,
         ServerFault(name="injects a byte", injects=b"2")),
    smtp("goes on in plaintext", Stage.TLS_HANDSHAKE, Reason.TLS_FAILED, hostile.tls_plaintext(b"250 2.0.0 Ok\r\n")),
    smtp("wants a client certificate", Stage.HELLO, Reason.TLS_FAILED, faults.TLS_WANTS_CERTIFICATE),
    smtp("plaintext on an implicit TLS port", Stage.TLS_HANDSHAKE, Reason.TLS_FAILED, side={
        "security": IMPLICIT, "served": Security.PLAINTEXT}),
    smtp("implicit TLS on a STARTTLS port", Stage.GREETING, Reason.TIMEOUT, side={"served": IMPLICIT}, **SLOW),
    smtp("AUTH hidden by TLS", Stage.AUTHENTICATE, Reason.AUTHENTICATION_UNAVAILABLE, faults.hides("AUTH")),
]  # fmt: skip

POP3_UPGRADES = [
    pop3("STLS stripped", Stage.STARTTLS, Reason.STARTTLS_UNAVAILABLE, pop3_faults.STLS_NOT_OFFERED),
    pop3("STLS stripped with CAPA", Stage.STARTTLS, Reason.STARTTLS_UNAVAILABLE, pop3_faults.STLS_NOT_OFFERED,
         pop3_faults.NO_CAPA),
    pop3("STLS refused", Stage.STARTTLS, Reason.STARTTLS_UNAVAILABLE, pop3_faults.STLS_REFUSED),
    pop3("stalls at STLS", Stage.STARTTLS, Reason.TIMEOUT, faults.stalls("STLS"), **SLOW),
    pop3("resets at STLS", Stage.STARTTLS, Reason.DISCONNECTED, hostile.resets("STLS")),
    pop3("100 MB for a go-ahead", Stage.STARTTLS, Reason.LIMIT_EXCEEDED, hostile.floods_without_newline("STLS")),
    pop3("reply injected behind the go-ahead", Stage.STARTTLS, Reason.STARTTLS_INJECTION, pop3_faults.STLS_INJECTED),
    pop3("goes on in plaintext", Stage.TLS_HANDSHAKE, Reason.TLS_FAILED, hostile.tls_plaintext(b"+OK fine\r\n")),
    pop3("wants a client certificate", Stage.CAPABILITIES, Reason.TLS_FAILED, faults.TLS_WANTS_CERTIFICATE),
    pop3("plaintext on an implicit TLS port", Stage.TLS_HANDSHAKE, Reason.TLS_FAILED, side={
        "security": IMPLICIT, "served": Security.PLAINTEXT}),
    pop3("implicit TLS on an STLS port", Stage.GREETING, Reason.TIMEOUT, side={"served": IMPLICIT}, **SLOW),
]  # fmt: skip

ROWS = [*SMTP_UPGRADES, *POP3_UPGRADES, *handshakes()]
