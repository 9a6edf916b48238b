"""The named faults of a submission server; replies and their codes are those of real servers (RFC 5321, 3463, 4954)."""

from __future__ import annotations

from mailsonar.sandbox.acts import does, insist
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
EHLO_REFUSED = says("550 5.7.1 Access denied", "EHLO")
EHLO_UNKNOWN = says("502 5.5.1 Command not implemented", "EHLO")
EHLO_CHANGES_ITS_CODE = says("250-mta.sandbox.example\r\n251 HELP", "EHLO")
MUCH_OFFERED = ServerFault(name="offers much", offers=tuple(f"X-{number}" for number in range(150)))
LITTLE_ROOM = ServerFault(name="takes small messages only", hides=frozenset({"SIZE"}), offers=("SIZE 10",))
CHALLENGE_NOT_BASE64 = says("334 !!! what now? !!!", "AUTH")
CHALLENGE_EMPTY = says("334 ", "AUTH")
CHALLENGE_HUGE = says("334 " + "QUFB" * 1500, "AUTH")
CHALLENGES_WITHOUT_END = does("challenges without end", "AUTH", insist(b"334 QUFB\r\n"))
LOGIN_ANSWERED_BY_250 = says("250 2.0.0 Fine", "AUTH")
LOGIN_NEEDED_ALL_THE_SAME = says("530 5.7.0 Authentication required", "MAIL")
TOO_MANY_RECIPIENTS = says("432 4.3.2 Concurrent connections limit exceeded", "RCPT")
CONTENT_ACCEPTED_UNSEEN = says("250 2.0.0 Queued", "DATA")
CONTENT_ACCEPTED_BEFORE_IT_IS_SENT = says("354 Go ahead\r\n250 2.0.0 Queued", "DATA")
CONTENT_DEFERRED = says("451 4.3.0 Try again later", FINAL_DOT)
DROPPED_AT_FINAL_DOT = drops(FINAL_DOT)
DROPPED_AFTER_DELIVERY = drops(ACCEPTANCE)


def unavailable(moment: str) -> ServerFault:
    """Say at this moment that the service shuts down (RFC 5321 section 3.8)."""
    return says("421 4.3.2 Service shutting down", moment)


def unavailable_after(reply: str, moment: str) -> ServerFault:
    """Answer, and in the same breath say unasked that the service shuts down (RFC 5321 section 3.8)."""
    return says(f"{reply}\r\n421 4.4.2 Idle for too long", moment)


def answers_twice(reply: str, moment: str) -> ServerFault:
    """Answer one command with two replies."""
    return says(f"{reply}\r\n{reply}", moment)


def greylisting(tries: int) -> ServerFault:
    """Defer the first so many recipients."""
    return says_first(tries, "451 4.7.1 Greylisted, please try again later", "RCPT")


def late_acceptance(seconds: float) -> ServerFault:
    """Deliver at once, but send the 250 later."""
    return late(ACCEPTANCE, seconds)
