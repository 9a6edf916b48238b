"""The named faults of a submission server; replies and their codes are those of real servers (RFC 5321, 3463, 4954)."""

from __future__ import annotations

from mailsonar.sandbox.faults import (
    ACCEPTANCE,
    CREDENTIALS,
    FINAL_DOT,
    GREETING,
    ServerFault,
    drops,
    hides,
    late,
    says,
    says_first,
)

TURNED_AWAY = says("554 5.3.2 No service here", GREETING)
SHUTTING_DOWN = says("421 4.3.2 Service shutting down", GREETING)
STARTTLS_NOT_OFFERED = hides("STARTTLS")
STARTTLS_REFUSED = says("454 4.7.0 TLS not available due to temporary reason", "STARTTLS")
STARTTLS_INJECTED = ServerFault(name="injects behind the go-ahead", injects=b"250 2.0.0 injected\r\n")
LOGIN_REFUSED = says("535 5.7.8 Authentication credentials invalid", CREDENTIALS)
LOGIN_DEFERRED = says("454 4.7.0 Temporary authentication failure", CREDENTIALS)
SENDER_REFUSED = says("550 5.7.1 Sender address rejected", "MAIL")
RECIPIENT_REFUSED = says("550 5.1.1 No such user here", "RCPT")
DATA_REFUSED = says("554 5.7.1 No content accepted", "DATA")
CONTENT_REFUSED = says("554 5.7.1 Message rejected as spam", FINAL_DOT)
DROPPED_AT_FINAL_DOT = drops(FINAL_DOT)
DROPPED_AFTER_DELIVERY = drops(ACCEPTANCE)


def greylisting(tries: int) -> ServerFault:
    """Defer the first so many recipients."""
    return says_first(tries, "451 4.7.1 Greylisted, please try again later", "RCPT")


def late_acceptance(seconds: float) -> ServerFault:
    """Deliver at once, but send the 250 later."""
    return late(ACCEPTANCE, seconds)
