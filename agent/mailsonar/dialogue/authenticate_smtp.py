"""AUTH over SMTP (RFC 4954): one mechanism, tried once; an authoritative no is final.

A server that refuses an access token says why in one more challenge, which has its own answer; the refusal follows.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from mailsonar.dialogue.bearer import bearer, mechanisms_of, with_status
from mailsonar.dialogue.command_smtp import ask_smtp
from mailsonar.dialogue.refusals import smtp_refusal
from mailsonar.dialogue.steps import Dialogue, Patience, Veil
from mailsonar.model.fault import AuthenticationUnavailable, MailSonarError, ProtocolViolation
from mailsonar.model.server import Account, Credentials, Mechanism, Security, TokenCredentials
from mailsonar.model.stage import Stage
from mailsonar.wire import sasl
from mailsonar.wire.smtp import SmtpReply

COMMAND_LINE_LIMIT = 512

_BEST_UNDER_TLS = (Mechanism.PLAIN, Mechanism.LOGIN, Mechanism.CRAM_MD5)
_BEST_IN_THE_CLEAR = (Mechanism.CRAM_MD5, Mechanism.PLAIN, Mechanism.LOGIN)


class Notes(Protocol):
    """Where the mechanism and the outcome of the authentication, and the last reply, are noted."""

    authenticated: bool | None
    mechanism: Mechanism | None

    def hear(self, reply: SmtpReply) -> SmtpReply:
        """Keep the reply."""


def authenticate(account: Account, offered: frozenset[str], notes: Notes) -> Dialogue[None]:
    """Log in with the configured mechanism, else with the best one offered.

    Raises:
        AuthenticationUnavailable: no mechanism in common, or plaintext without the operator's leave.
        Refused: the server said no.
        ProtocolViolation: a challenge that makes no sense; the exchange was cancelled with `*`.
        LimitExceeded: a challenge beyond our bounds; cancelled, too.
    """
    mechanism = notes.mechanism = _choose(account, offered)
    assert account.credentials is not None  # noqa: S101 - the caller asked before
    status = None
    if isinstance(account.credentials, TokenCredentials):
        reply, status = yield from _bearer(mechanism, account)
    else:
        reply = yield from _exchange(mechanism, account.credentials)
    notes.hear(reply)
    notes.authenticated = reply.code == 235
    if reply.code != 235:
        raise with_status(smtp_refusal(reply, Stage.AUTHENTICATE), status)


def _choose(account: Account, offered: frozenset[str]) -> Mechanism:
    in_the_clear = account.server.security is Security.PLAINTEXT
    if in_the_clear and not account.allow_plaintext_auth:
        raise AuthenticationUnavailable("credentials do not travel in plaintext", stage=Stage.AUTHENTICATE)
    best = mechanisms_of(account, _BEST_IN_THE_CLEAR if in_the_clear else _BEST_UNDER_TLS)
    for mechanism in (account.mechanism,) if account.mechanism else best:
        if mechanism in offered:
            return mechanism
    raise AuthenticationUnavailable(
        f"no mechanism in common; the server offers {', '.join(sorted(offered))[:100] or 'none'}",
        stage=Stage.AUTHENTICATE,
    )


def _exchange(mechanism: Mechanism, credentials: Credentials) -> Dialogue[SmtpReply]:
    if mechanism is Mechanism.PLAIN:
        reply = yield from _plain(credentials)
    elif mechanism is Mechanism.LOGIN:
        reply = yield from _login(credentials)
    else:
        reply = yield from _cram_md5(credentials)
    if reply.code == 334:
        yield from _cancel_surplus()
    return reply


def _bearer(mechanism: Mechanism, account: Account) -> Dialogue[tuple[SmtpReply, str | None]]:
    """Show the access token; return the last reply, and the status by which the server refused it before."""
    response, acknowledgement = bearer(mechanism, account)
    reply = yield from _at_once(mechanism, response)
    if reply.code != 334:
        return reply, None
    status = sasl.bearer_status("".join(reply.lines).strip())
    reply = yield from ask_smtp(Stage.AUTHENTICATE, acknowledgement, veil=Veil("***"))
    if reply.code == 334:
        yield from _cancel_surplus()
    if reply.code == 235:
        raise ProtocolViolation("the server refused the token and then took it", stage=Stage.AUTHENTICATE)
    return reply, status


def _plain(credentials: Credentials) -> Dialogue[SmtpReply]:
    return (yield from _at_once(Mechanism.PLAIN, sasl.plain(credentials.username, credentials.password.reveal())))


def _at_once(mechanism: Mechanism, response: bytes) -> Dialogue[SmtpReply]:
    """Give the one response with the command, or after an empty challenge where the line or the server is too short."""
    encoded = sasl.encode(response)
    line = f"AUTH {mechanism} {encoded}"
    if len(line) + 2 <= COMMAND_LINE_LIMIT:
        reply = yield from ask_smtp(Stage.AUTHENTICATE, line, veil=Veil(f"AUTH {mechanism} ***", (encoded,)))
        if reply.code != 501:
            return reply
    reply = yield from _begin(mechanism)
    return (yield from _answer(reply, lambda _challenge: response))


def _begin(mechanism: Mechanism) -> Dialogue[SmtpReply]:
    line = f"AUTH {mechanism}"
    return (yield from ask_smtp(Stage.AUTHENTICATE, line, veil=Veil(line)))


def _login(credentials: Credentials) -> Dialogue[SmtpReply]:
    reply = yield from _begin(Mechanism.LOGIN)
    reply = yield from _answer(reply, lambda _challenge: credentials.username.encode())
    return (yield from _answer(reply, lambda _challenge: credentials.password.reveal().encode()))


def _cram_md5(credentials: Credentials) -> Dialogue[SmtpReply]:
    def respond(challenge: bytes) -> bytes:
        if not challenge:
            raise ProtocolViolation("an empty challenge")
        return sasl.cram_md5(credentials.username, credentials.password.reveal(), challenge)

    reply = yield from _begin(Mechanism.CRAM_MD5)
    return (yield from _answer(reply, respond, _proof))


def _proof(response: bytes) -> str:
    """Return what of CRAM-MD5's response is worth guessing passwords against."""
    return response.decode().rpartition(" ")[2]


def _answer(
    reply: SmtpReply, respond: Callable[[bytes], bytes], proof: Callable[[bytes], str] = sasl.encode
) -> Dialogue[SmtpReply]:
    """Answer a challenge, if it is one; `proof` returns what of the response must not show, besides its base64."""
    if reply.code != 334:
        return reply
    try:
        response = respond(sasl.decode("".join(reply.lines).strip()))
    except MailSonarError as senseless:
        senseless.stage = Stage.AUTHENTICATE
        yield from _cancel()
        raise
    encoded = sasl.encode(response)
    return (yield from ask_smtp(Stage.AUTHENTICATE, encoded, veil=Veil("***", (encoded, proof(response)))))


def _cancel_surplus() -> Dialogue[None]:
    yield from _cancel()
    raise ProtocolViolation("one challenge more than the mechanism has", stage=Stage.AUTHENTICATE)


def _cancel() -> Dialogue[None]:
    with suppress(MailSonarError):
        yield from ask_smtp(Stage.AUTHENTICATE, "*", Patience.QUIT, Veil("*"))
