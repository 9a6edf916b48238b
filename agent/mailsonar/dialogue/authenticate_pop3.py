"""Logging in to a maildrop (RFC 1939, 5034): USER and PASS, or AUTH PLAIN; APOP never, it rests on bare MD5."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from mailsonar.dialogue.notes import LoginNotes
from mailsonar.dialogue.refusals import pop3_refusal
from mailsonar.dialogue.steps import Dialogue, Patience, ask
from mailsonar.model.fault import AuthenticationUnavailable, MailSonarError, ProtocolViolation
from mailsonar.model.server import Account, Credentials, Mechanism, Security
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
    notes.mechanism = _choose(account, account.credentials, capabilities)
    if notes.mechanism is Mechanism.PLAIN:
        status = yield from _plain(account.credentials)
    else:
        status = yield from _user(account.credentials)
    if not status.ok:
        raise pop3_refusal(status, Stage.AUTHENTICATE)


def _choose(account: Account, credentials: Credentials, capabilities: Capabilities | None) -> Mechanism:
    offered = mechanisms_of(capabilities)
    fitting = [mechanism for mechanism in (Mechanism.PLAIN, Mechanism.USER) if mechanism in offered]
    if not (credentials.username + credentials.password.reveal()).isascii():
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


def mechanisms_of(capabilities: Capabilities | None) -> frozenset[str]:
    """Return the mechanisms; where the server knows no CAPA, what every POP3 server has."""
    if capabilities is None:
        return frozenset({Mechanism.USER})
    user = {Mechanism.USER.value} if "USER" in capabilities else set()
    return frozenset(user | set(capabilities.get("SASL", ())))


def _plain(credentials: Credentials) -> Dialogue[Status]:
    response = sasl.encode(sasl.plain(credentials.username, credentials.password.reveal()))
    line = f"AUTH PLAIN {response}"
    if len(line) + 2 <= COMMAND_LINE_LIMIT:
        status = yield from ask(Stage.AUTHENTICATE, line, read_status)
    else:
        status = yield from ask(Stage.AUTHENTICATE, "AUTH PLAIN", read_status)
        if status.continues:
            status = yield from ask(Stage.AUTHENTICATE, response, read_status)
    if status.continues:
        with suppress(MailSonarError):
            yield from ask(Stage.AUTHENTICATE, "*", read_status, Patience.QUIT)
        raise ProtocolViolation("one challenge more than the mechanism has", stage=Stage.AUTHENTICATE)
    return status


def _user(credentials: Credentials) -> Dialogue[Status]:
    status = yield from ask(Stage.AUTHENTICATE, f"USER {credentials.username}", read_status)
    if not status.ok:
        return status
    return (yield from ask(Stage.AUTHENTICATE, f"PASS {credentials.password.reveal()}", read_status))
