"""What a server's no means: from reply codes and response codes to a reason (RFC 5321, 3463, 4954, 2449, 3206).

The basic code decides; an enhanced code only makes it more precise. Text is for humans, with one exception that the
absence of `[IN-USE]` on older servers forces on us.
"""

from __future__ import annotations

import re

from mailsonar.model.fault import MailSonarError, ProtocolViolation, Reason, Refused
from mailsonar.model.stage import Stage
from mailsonar.wire.pop3 import Status
from mailsonar.wire.smtp import SmtpReply

# Microsoft 365: 432 4.3.2 (sessions), 4.5.127 and 5.1.90 (recipients a day), 5.7.236 (onmicrosoft.com);
# Google: 4.7.28 and 5.7.28 (rate), 5.4.5 (messages a day).
_TOO_FAST = frozenset({"4.5.127", "5.1.90", "5.7.236", "4.7.28", "5.7.28", "5.4.5"})
# RFC 4954 section 6: not understood, out of order, not known, authentication or encryption required first.
_NOT_THE_PASSWORD = frozenset({500, 501, 502, 503, 504, 530, 538})
_LOCKED = re.compile(r"(?:mail ?drop|mail ?box).*\b(?:lock|in use)|\block.*(?:mail ?drop|mail ?box)", re.IGNORECASE)

_RESPONSE_CODES = {
    "AUTH": Reason.AUTHENTICATION_REJECTED,
    "IN-USE": Reason.MAILDROP_IN_USE,
    "LOGIN-DELAY": Reason.LOGIN_DELAY,
    "SYS/TEMP": Reason.DEFERRED,
    "SYS/PERM": Reason.REJECTED,
}


def expect(reply: SmtpReply, *codes: int, stage: Stage) -> SmtpReply:
    """Return the reply if it has one of the codes.

    Raises:
        Refused: it is a 4xx or 5xx.
        ProtocolViolation: it is a positive reply that this command cannot have.
    """
    if reply.code in codes:
        return reply
    raise smtp_refusal(reply, stage)


def smtp_refusal(reply: SmtpReply, stage: Stage) -> MailSonarError:
    """Return the error that a reply other than the expected one amounts to."""
    if reply.code < 400:
        return ProtocolViolation(f"{reply} is no answer to this command", stage=stage)
    return Refused(str(reply), reason=_smtp_reason(reply, stage), temporary=reply.code < 500, stage=stage)


def _smtp_reason(reply: SmtpReply, stage: Stage) -> Reason:
    if reply.code == 432 or reply.enhanced in _TOO_FAST:
        return Reason.RATE_LIMITED
    if stage is not Stage.AUTHENTICATE:
        return Reason.DEFERRED if reply.code < 500 else Reason.REJECTED
    if reply.code == 421:
        return Reason.DEFERRED
    if reply.code < 500:
        return Reason.AUTHENTICATION_DEFERRED
    return Reason.AUTHENTICATION_UNAVAILABLE if reply.code in _NOT_THE_PASSWORD else Reason.AUTHENTICATION_REJECTED


def pop3_refusal(status: Status, stage: Stage) -> MailSonarError:
    """Return the error that an answer other than +OK amounts to."""
    if status.ok or status.continues:
        return ProtocolViolation(f"{status} is no answer to this command", stage=stage)
    return Refused(str(status), reason=pop3_reason(status, stage), stage=stage)


def pop3_reason(status: Status, stage: Stage) -> Reason:
    """Return what a no amounts to."""
    if status.code in _RESPONSE_CODES:
        return _RESPONSE_CODES[status.code]
    if stage is not Stage.AUTHENTICATE:
        return Reason.REJECTED
    return Reason.MAILDROP_IN_USE if _LOCKED.search(status.text) else Reason.AUTHENTICATION_REJECTED
