"""Access tokens in a dialogue, whatever its protocol: XOAUTH2 and OAUTHBEARER (RFC 7628, 6750)."""

from __future__ import annotations

from collections.abc import Sequence

from mailsonar.model.fault import MailSonarError, Reason, Refused, TokenExpired
from mailsonar.model.server import Account, Mechanism, TokenCredentials
from mailsonar.wire import sasl

BEARER = (Mechanism.XOAUTH2, Mechanism.OAUTHBEARER)

# XOAUTH2's providers wait for an empty line, RFC 7628 section 3.2.3 for a lone 0x01.
_ACKNOWLEDGEMENTS = {Mechanism.XOAUTH2: "", Mechanism.OAUTHBEARER: sasl.encode(b"\x01")}
_EXPIRED = frozenset({"401", "invalid_token"})  # HTTP's number, and its word in RFC 6750 section 3.1


def mechanisms_of(account: Account, for_passwords: Sequence[Mechanism]) -> Sequence[Mechanism]:
    """Return the mechanisms that fit an account's credentials, the best one first."""
    return BEARER if isinstance(account.credentials, TokenCredentials) else for_passwords


def bearer(mechanism: Mechanism, account: Account) -> tuple[bytes, str]:
    """Return the response that shows the token, and the line that answers the challenge which refuses it."""
    credentials, server = account.credentials, account.server
    assert isinstance(credentials, TokenCredentials)  # noqa: S101 - the caller asked before
    assert credentials.token  # noqa: S101 - it is fetched before the session
    token = credentials.token.reveal()
    if mechanism is Mechanism.XOAUTH2:
        response = sasl.xoauth2(credentials.username, token)
    else:
        response = sasl.oauthbearer(credentials.username, token, server.host, server.port)
    return response, _ACKNOWLEDGEMENTS[mechanism]


def with_status(error: MailSonarError, status: str | None) -> MailSonarError:
    """Return what a refusal amounts to, given the status that came before it."""
    if status:
        error.detail = f"{error.detail} (status {status})"
    is_final = isinstance(error, Refused) and error.reason is Reason.AUTHENTICATION_REJECTED
    return TokenExpired(error) if isinstance(error, Refused) and is_final and status in _EXPIRED else error
