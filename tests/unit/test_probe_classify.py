"""From exceptions to faults: the whole table, and what of a server's text may show."""

from __future__ import annotations

import errno
import inspect

import pytest

from mailsonar.message.token import Token
from mailsonar.model import fault as faults
from mailsonar.model.fault import Fault, MailSonarError, Reason
from mailsonar.model.server import Secret
from mailsonar.model.stage import Leg, Stage
from mailsonar.probe.classify import classify

INTERNAL = Fault(leg=Leg.AGENT, stage=Stage.INTERNAL, reason=Reason.INTERNAL)

PLAIN = {
    faults.ResolveFailed: Reason.RESOLVE,
    faults.Disconnected: Reason.DISCONNECTED,
    faults.StageTimeout: Reason.TIMEOUT,
    faults.StarttlsUnavailable: Reason.STARTTLS_UNAVAILABLE,
    faults.StarttlsInjected: Reason.STARTTLS_INJECTION,
    faults.ProtocolViolation: Reason.PROTOCOL_VIOLATION,
    faults.LimitExceeded: Reason.LIMIT_EXCEEDED,
    faults.AuthenticationUnavailable: Reason.AUTHENTICATION_UNAVAILABLE,
    faults.TokenUnavailable: Reason.TOKEN_UNAVAILABLE,
    faults.HeldBack: Reason.HELD_BACK,
}
WITH_FACTS = {faults.ConnectFailed, faults.TlsFailed, faults.Refused, faults.TokenExpired, faults.AgentFault}


def test_table_has_the_whole_family() -> None:
    """No kind of error is left to chance: each is in one of the tables here."""
    family = {
        kind
        for _, kind in inspect.getmembers(faults, inspect.isclass)
        if issubclass(kind, MailSonarError) and kind is not MailSonarError
    }
    assert family == PLAIN.keys() | WITH_FACTS


@pytest.mark.parametrize(("kind", "reason"), PLAIN.items())
@pytest.mark.parametrize("leg", [Leg.SUBMISSION, Leg.RETRIEVAL])
def test_kind_decides_the_reason(kind: type[MailSonarError], reason: Reason, leg: Leg) -> None:
    """A kind of error has one reason, on whichever leg, at whichever stage."""
    fault = classify(kind("what happened", stage=Stage.GREETING), leg)
    assert fault == Fault(leg=leg, stage=Stage.GREETING, reason=reason, detail="what happened")


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, Reason.CONNECTION_REFUSED),
        (errno.ETIMEDOUT, Reason.TIMEOUT),
        (None, Reason.TIMEOUT),
        (errno.EHOSTUNREACH, Reason.UNREACHABLE),
        (errno.ENETUNREACH, Reason.UNREACHABLE),
        (errno.EPERM, Reason.UNREACHABLE),
        (errno.EACCES, Reason.UNREACHABLE),
    ],
)
def test_connect_errors(number: int | None, reason: Reason) -> None:
    """The system's number tells whether a host said no, was silent, or cannot be reached."""
    fault = classify(faults.ConnectFailed("x", errno=number, stage=Stage.CONNECT), Leg.SUBMISSION)
    assert (fault.stage, fault.reason) == (Stage.CONNECT, reason)


@pytest.mark.parametrize("code", [None, *range(2, 100)])
def test_verify_codes(code: int | None) -> None:
    """Each verdict of OpenSSL on a certificate has its reason; one without a name of its own is `untrusted`."""
    named = {
        None: Reason.TLS_FAILED,
        9: Reason.CERTIFICATE_NOT_YET_VALID,
        10: Reason.CERTIFICATE_EXPIRED,
        **dict.fromkeys((62, 63, 64), Reason.CERTIFICATE_NAME_MISMATCH),
        **dict.fromkeys((66, 67, 68), Reason.CERTIFICATE_WEAK),
    }
    error = faults.TlsFailed("x", verify_code=code, stage=Stage.TLS_HANDSHAKE)
    assert classify(error, Leg.RETRIEVAL).reason is named.get(code, Reason.CERTIFICATE_UNTRUSTED)


@pytest.mark.parametrize("reason", [Reason.REJECTED, Reason.DEFERRED, Reason.RATE_LIMITED, Reason.MAILDROP_IN_USE])
def test_refusal_carries_its_own_reason(reason: Reason) -> None:
    """What a protocol's own no means is decided where the protocol is known."""
    error = faults.Refused("550 no", reason=reason, stage=Stage.RCPT_TO)
    assert classify(error, Leg.SUBMISSION).reason is reason


@pytest.mark.parametrize(
    "error",
    [
        faults.AgentFault("no sockets", stage=Stage.CONNECT),
        faults.Disconnected("nobody knows where"),
        faults.MailSonarError("of no kind", stage=Stage.DATA),
        ValueError("p4ssw0rd"),
        OSError(errno.EMFILE, "p4ssw0rd"),
        KeyError("p4ssw0rd"),
    ],
)
def test_our_own_fault_is_internal(error: Exception) -> None:
    """A bug, or a want of the agent's own, is never blamed on a server, and its text never shows."""
    fault = classify(error, Leg.SUBMISSION)
    assert (fault.leg, fault.stage, fault.reason) == (INTERNAL.leg, INTERNAL.stage, INTERNAL.reason)
    assert "p4ssw0rd" not in fault.detail


def test_detail_is_one_printable_line_without_secrets() -> None:
    """What a server says is shown cut short, on one line, without escapes, and without the password that it quotes."""
    said = "535 \x1b[31mp4ssw0rd\x1b[0m\r\nis wrong\u202e " + "x" * 400
    detail = classify(
        faults.Refused(said, reason=Reason.REJECTED, stage=Stage.AUTHENTICATE), Leg.SUBMISSION, ["p4ssw0rd"]
    ).detail
    assert detail.isprintable()
    assert "p4ssw0rd" not in detail
    assert detail.startswith("535  [31m*** [0m")
    assert len(detail) == 200


def test_quoted_token_shows_without_its_hmac() -> None:
    """A server that quotes our Message-ID does not teach others to sign as we do."""
    token = Token(id="a" * 20, route="b" * 8, instance="c" * 8, started_ms=1_795_000_000_000)
    text = token.signed(Secret("test", lambda: "k" * 32))
    detail = classify(
        faults.Refused(f"554 <{text.upper()}@acme.example> is spam", reason=Reason.REJECTED, stage=Stage.DATA),
        Leg.SUBMISSION,
    ).detail
    assert text.rpartition("-")[2] not in detail.lower()
    assert token.id in detail.lower()
    assert detail.endswith("***@acme.example> is spam")
