"""Logging in to a maildrop (RFC 1939, 5034): USER and PASS, AUTH PLAIN, or an access token.

APOP never: it rests on bare MD5.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from mailsonar.dialogue.bearer import bearer, mechanisms_of, with_status
from mailsonar.dialogue.notes import LoginNotes
from mailsonar.dialogue.refusals import pop3_refusal
from mailsonar.dialogue.steps import Dialogue, Patience, Veil, ask
from mailsonar.model.fault import AuthenticationUnavailable, MailSonarError, ProtocolViolation
from mailsonar.model.server import Account, Credentials, Mechanism, Security, TokenCredentials
from mailsonar.model.stage import Stage
from mailsonar.wire import sasl
from mailsonar.wire.pop3 import Status, read_status

COMMAND_LINE_LIMIT = 255

Capabilities = Mapping[str, tuple[str, ...]]


def authenticate(account: Account, capabilities: Capabilities | None, notes: LoginNotes) -> Dialogue[None]:
    """Log in with the configured mechanism, else with the best one offered.

    Args:
        account: whose maildrop.
        capabilities: what CAPA told; None where the server knows no CAPA.
        notes: takes the mechanism.

    Raises:
        AuthenticationUnavailable: no mechanism in common, or plaintext without the operator's leave.
        Refused: the server said no.
    """
    assert account.credentials is not None  # noqa: S101 - every maildrop has them
    if account.server.security is Security.PLAINTEXT and not account.allow_plaintext_auth:
        raise AuthenticationUnavailable("credentials do not travel in plaintext", stage=Stage.AUTHENTICATE)
    credentials = account.credentials
    notes.mechanism = mechanism = _choose(account, capabilities)
    why = None
    if isinstance(credentials, TokenCredentials):
        status, why = yield from _bearer(mechanism, account)
    elif mechanism is Mechanism.PLAIN:
        status = yield from _plain(credentials)
    else:
        status = yield from _user(credentials)
    if not status.ok:
        raise with_status(pop3_refusal(status, Stage.AUTHENTICATE), why)


def _choose(account: Account, capabilities: Capabilities | None) -> Mechanism:
    offered = offered_in(capabilities)
    best = mechanisms_of(account, (Mechanism.PLAIN, Mechanism.USER))
    fitting = [mechanism for mechanism in best if mechanism in offered]
    credentials = account.credentials
    if isinstance(credentials, Credentials) and not (credentials.username + credentials.password.reveal()).isascii():
        fitting = [mechanism for mechanism in fitting if mechanism is not Mechanism.USER]
    wanted = account.mechanism
    if wanted and (wanted in fitting or capabilities is None):
        return wanted
    if wanted or not fitting:
        raise AuthenticationUnavailable(
            f"no mechanism in common; the server offers {', '.join(sorted(offered))[:100] or 'none'}",
            stage=Stage.AUTHENTICATE,
        )
    return fitting[0]


def offered_in(capabilities: Capabilities | None) -> frozenset[str]:
    """Return the mechanisms; where the server knows no CAPA, what every POP3 server has."""
    if capabilities is None:
        return frozenset({Mechanism.USER})
    user = {Mechanism.USER.value} if "USER" in capabilities else set()
    return frozenset(user | set(capabilities.get("SASL", ())))


def _plain(credentials: Credentials) -> Dialogue[Status]:
    response = sasl.plain(credentials.username, credentials.password.reveal())
    status = yield from _at_once(Mechanism.PLAIN, response)
    if status.continues:
        yield from _cancel_surplus()
    return status


def _bearer(mechanism: Mechanism, account: Account) -> Dialogue[tuple[Status, str | None]]:
    """Show the access token; return the last answer, and the status by which the server refused it before."""
    response, acknowledgement = bearer(mechanism, account)
    status = yield from _at_once(mechanism, response)
    if not status.continues:
        return status, None
    why = sasl.bearer_status(status.argument.strip())
    status = yield from ask(Stage.AUTHENTICATE, acknowledgement, read_status, veil=Veil("***"))
    if status.continues:
        yield from _cancel_surplus()
    if status.ok:
        raise ProtocolViolation("the server refused the token and then took it", stage=Stage.AUTHENTICATE)
    return status, why


def _at_once(mechanism: Mechanism, response: bytes) -> Dialogue[Status]:
    """Give the one response with the command, or after an empty challenge where it makes the line too long."""
    encoded = sasl.encode(response)
    begin = f"AUTH {mechanism}"
    line = f"{begin} {encoded}"
    if len(line) + 2 <= COMMAND_LINE_LIMIT:
        return (yield from ask(Stage.AUTHENTICATE, line, read_status, veil=Veil(f"{begin} ***", (encoded,))))
    status = yield from ask(Stage.AUTHENTICATE, begin, read_status, veil=Veil(begin))
    if not status.continues:
        return status
    return (yield from ask(Stage.AUTHENTICATE, encoded, read_status, veil=Veil("***", (encoded,))))


def _cancel_surplus() -> Dialogue[None]:
    with suppress(MailSonarError):
        yield from ask(Stage.AUTHENTICATE, "*", read_status, Patience.QUIT, Veil("*"))
    raise ProtocolViolation("one challenge more than the mechanism has", stage=Stage.AUTHENTICATE)


def _user(credentials: Credentials) -> Dialogue[Status]:
    user, password = f"USER {credentials.username}", credentials.password.reveal()
    status = yield from ask(Stage.AUTHENTICATE, user, read_status, veil=Veil(user))
    if not status.ok:
        return status
    veil = Veil("PASS ***", (password,))
    return (yield from ask(Stage.AUTHENTICATE, f"PASS {password}", read_status, veil=veil))
