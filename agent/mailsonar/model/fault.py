"""What can be wrong: the closed enum of reasons, a fault, and the exception family that leads to one.

Blame is in the type: the peer was not reached, the peer broke its RFC, the peer obeyed and said no, or we erred.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailsonar.model.stage import Leg, Stage


class Reason(StrEnum):
    """Why a stage failed; the values are public."""

    RESOLVE = "resolve"
    CONNECTION_REFUSED = "connection_refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    DISCONNECTED = "disconnected"
    PROTOCOL_VIOLATION = "protocol_violation"
    LIMIT_EXCEEDED = "limit_exceeded"
    STARTTLS_UNAVAILABLE = "starttls_unavailable"
    STARTTLS_INJECTION = "starttls_injection"
    TLS_FAILED = "tls_failed"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_NAME_MISMATCH = "certificate_name_mismatch"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_WEAK = "certificate_weak"
    AUTHENTICATION_REJECTED = "authentication_rejected"
    AUTHENTICATION_DEFERRED = "authentication_deferred"
    AUTHENTICATION_UNAVAILABLE = "authentication_unavailable"
    TOKEN_UNAVAILABLE = "token_unavailable"  # noqa: S105 - the name of a reason
    REJECTED = "rejected"
    DEFERRED = "deferred"
    RATE_LIMITED = "rate_limited"
    LOGIN_DELAY = "login_delay"
    MAILDROP_IN_USE = "maildrop_in_use"
    HELD_BACK = "held_back"
    NOT_ARRIVED = "not_arrived"
    BOUNCED = "bounced"
    NOT_BLOCKED = "not_blocked"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong now; `detail` is for humans, one printable line, secrets struck out."""

    leg: Leg
    stage: Stage
    reason: Reason
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.leg}/{self.stage}/{self.reason}"


class MailSonarError(Exception):
    """A stage failed; `detail` says for humans what happened, and `stage` is set by the driver at the latest.

    `sent` tells whether all of what the failed exchange had to write was handed to the system.
    """

    def __init__(self, detail: str, *, stage: Stage | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.stage = stage
        self.sent = False


class ResolveFailed(MailSonarError):
    """The name gave no address."""


class ConnectFailed(MailSonarError):
    """No connection came about; `errno` is the system's number, None where all addresses merely timed out."""

    def __init__(self, detail: str, *, errno: int | None, stage: Stage | None = None) -> None:
        super().__init__(detail, stage=stage)
        self.errno = errno


class Disconnected(MailSonarError):
    """The peer closed or reset the connection."""


class StageTimeout(MailSonarError):
    """The stage's or the leg's deadline passed."""


class TlsFailed(MailSonarError):
    """No TLS session came about; `verify_code` is OpenSSL's X509_V_ERR number where verification failed."""

    def __init__(self, detail: str, *, verify_code: int | None = None, stage: Stage | None = None) -> None:
        super().__init__(detail, stage=stage)
        self.verify_code = verify_code


class StarttlsUnavailable(MailSonarError):
    """STARTTLS or STLS is required, but was not offered or was refused."""


class StarttlsInjected(MailSonarError):
    """Plaintext was waiting when TLS was to start."""


class ProtocolViolation(MailSonarError):
    """The peer broke its RFC."""


class LimitExceeded(MailSonarError):
    """A line, reply, listing or message went beyond our bounds."""


class AuthenticationUnavailable(MailSonarError):
    """No mechanism is in common, or the credentials do not fit one."""


class Refused(MailSonarError):
    """The peer obeyed its RFC and said no; the reply tells how.

    `reason` is what the protocol's own words mean: the dialogue knows them, `classify` only carries them on.
    `temporary` tells whether the same command may succeed later.
    """

    def __init__(self, detail: str, *, reason: Reason, temporary: bool = False, stage: Stage | None = None) -> None:
        super().__init__(detail, stage=stage)
        self.reason = reason
        self.temporary = temporary


class TokenExpired(Refused):
    """The server takes the access token for expired or revoked: another one may do."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(refusal.detail, reason=refusal.reason, temporary=refusal.temporary, stage=refusal.stage)


class TokenUnavailable(MailSonarError):
    """No access token could be had; the detail carries the error code of the token endpoint."""

    def __init__(self, detail: str, *, stage: Stage | None = Stage.AUTHENTICATE) -> None:
        super().__init__(detail, stage=stage)


class HeldBack(MailSonarError):
    """Our own rate budget holds the account back."""


class AgentFault(MailSonarError):
    """The agent itself ran out of something: file descriptors, ports, memory."""
