"""From an exception to a fault: the only place that decides a reason, and what of a server's text may show."""

from __future__ import annotations

import errno
from collections.abc import Iterable

from mailsonar.message.token import hide_macs
from mailsonar.model.fault import (
    AgentFault,
    AuthenticationUnavailable,
    ConnectFailed,
    Disconnected,
    Fault,
    HeldBack,
    LimitExceeded,
    MailSonarError,
    ProtocolViolation,
    Reason,
    Refused,
    ResolveFailed,
    StageTimeout,
    StarttlsInjected,
    StarttlsUnavailable,
    TlsFailed,
    TokenUnavailable,
)
from mailsonar.model.redaction import strike_out
from mailsonar.model.stage import Leg, Stage
from mailsonar.wire.lines import printable

_REASONS: dict[type[MailSonarError], Reason] = {
    ResolveFailed: Reason.RESOLVE,
    Disconnected: Reason.DISCONNECTED,
    StageTimeout: Reason.TIMEOUT,
    StarttlsUnavailable: Reason.STARTTLS_UNAVAILABLE,
    StarttlsInjected: Reason.STARTTLS_INJECTION,
    ProtocolViolation: Reason.PROTOCOL_VIOLATION,
    LimitExceeded: Reason.LIMIT_EXCEEDED,
    AuthenticationUnavailable: Reason.AUTHENTICATION_UNAVAILABLE,
    TokenUnavailable: Reason.TOKEN_UNAVAILABLE,
    HeldBack: Reason.HELD_BACK,
    AgentFault: Reason.INTERNAL,
}

# X509_V_ERR numbers of OpenSSL.
_CERTIFICATE_REASONS = {
    9: Reason.CERTIFICATE_NOT_YET_VALID,
    10: Reason.CERTIFICATE_EXPIRED,
    62: Reason.CERTIFICATE_NAME_MISMATCH,
    63: Reason.CERTIFICATE_NAME_MISMATCH,
    64: Reason.CERTIFICATE_NAME_MISMATCH,
    66: Reason.CERTIFICATE_WEAK,
    67: Reason.CERTIFICATE_WEAK,
    68: Reason.CERTIFICATE_WEAK,
}


def classify(error: Exception, leg: Leg, secrets: Iterable[str] = ()) -> Fault:
    """Return the fault that an exception amounts to.

    Args:
        error: what ended a stage; anything but a `MailSonarError` is our own bug.
        leg: on which leg.
        secrets: plain values that must not show in the detail.
    """
    if not isinstance(error, MailSonarError):
        return Fault(leg=Leg.AGENT, stage=Stage.INTERNAL, reason=Reason.INTERNAL, detail=type(error).__name__)
    reason = _reason(error)
    detail = printable(scrubbed(error.detail, secrets))
    if reason is Reason.INTERNAL or error.stage is None:
        return Fault(leg=Leg.AGENT, stage=Stage.INTERNAL, reason=Reason.INTERNAL, detail=detail)
    return Fault(leg=leg, stage=error.stage, reason=reason, detail=detail)


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """Return text of a server without the secrets, and without what would let others sign as we do."""
    return hide_macs(strike_out(text, secrets))


def _reason(error: MailSonarError) -> Reason:
    if isinstance(error, Refused):
        return error.reason
    if isinstance(error, ConnectFailed):
        return _connect_reason(error)
    if isinstance(error, TlsFailed):
        return _tls_reason(error)
    return _REASONS.get(type(error), Reason.INTERNAL)


def _connect_reason(error: ConnectFailed) -> Reason:
    if error.errno == errno.ECONNREFUSED:
        return Reason.CONNECTION_REFUSED
    return Reason.TIMEOUT if error.errno in (None, errno.ETIMEDOUT) else Reason.UNREACHABLE


def _tls_reason(error: TlsFailed) -> Reason:
    if error.verify_code is None:
        return Reason.TLS_FAILED
    return _CERTIFICATE_REASONS.get(error.verify_code, Reason.CERTIFICATE_UNTRUSTED)
