"""How a session is let in: with an access token where the account needs one, which is got before any clock runs.

A token that the mail server finds expired or revoked is replaced once; an account with a password is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from mailsonar.dialogue.steps import Dialogue
from mailsonar.model.fault import TokenExpired, TokenUnavailable
from mailsonar.model.oauth2 import OAuth2
from mailsonar.model.server import Account, TokenCredentials
from mailsonar.net.converse import Session

T = TypeVar("T")
Script = Callable[[Account, str], Dialogue[T]]


class Tokens(Protocol):
    """Where access tokens come from."""

    async def get(self, oauth2: OAuth2, username: str, instead_of: str | None = None) -> str:
        """Return a token, another one than that which a server refused.

        Raises:
            TokenUnavailable: there is none.
        """

    def shown(self, oauth2: OAuth2) -> list[str]:
        """Return the tokens that servers may quote."""


class NoTokens:
    """Has none: for accounts with passwords."""

    async def get(self, oauth2: OAuth2, username: str, instead_of: str | None = None) -> str:  # noqa: ARG002 - a protocol's
        """Raise TokenUnavailable."""
        raise TokenUnavailable("nobody gets access tokens here")

    def shown(self, oauth2: OAuth2) -> list[str]:  # noqa: ARG002 - a protocol's
        """Return none."""
        return []


async def have_token(account: Account, tokens: Tokens) -> None:
    """Have a token at hand, so that no session waits for it; a failure, of ours even, is the session's to tell."""
    with suppress(Exception):
        await _admitted(account, tokens)


async def hold_admitted(session: Session, account: Account, tokens: Tokens, script: Script[T]) -> T:
    """Hold a session as an account.

    Args:
        session: with the account's server.
        account: as whom.
        tokens: where its access token comes from.
        script: given the account with its token, and our own address as a literal, starts the dialogue.

    Returns:
        What the dialogue returned.

    Raises:
        TokenUnavailable: there is no access token.
        MailSonarError: a stage failed.
    """
    admitted = await _let_in(session, account, tokens)
    try:
        return await session.hold(lambda name: script(admitted, name))
    except TokenExpired:
        renewed = await _let_in(session, account, tokens, refused=admitted)
        return await session.hold(lambda name: script(renewed, name))


async def _let_in(session: Session, account: Account, tokens: Tokens, refused: Account | None = None) -> Account:
    try:
        return await _admitted(account, tokens, refused)
    except TokenUnavailable as error:
        session.fail(error)
        raise


async def _admitted(account: Account, tokens: Tokens, refused: Account | None = None) -> Account:
    credentials = account.credentials
    if not isinstance(credentials, TokenCredentials):
        return account
    instead_of = _token_of(refused) if refused else None
    return account.with_token(await tokens.get(credentials.oauth2, credentials.username, instead_of))


def _token_of(account: Account) -> str | None:
    credentials = account.credentials
    shown = credentials.token if isinstance(credentials, TokenCredentials) else None
    return shown.reveal() if shown else None


def secrets_of(account: Account, tokens: Tokens) -> list[str]:
    """Return the plain values that must not show in what an account's server says."""
    credentials = account.credentials
    if not isinstance(credentials, TokenCredentials):
        return [credentials.password.reveal()] if credentials else []
    return tokens.shown(credentials.oauth2)
