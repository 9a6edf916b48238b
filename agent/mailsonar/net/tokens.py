"""Access tokens at hand: cached, shared by all accounts of a client, and renewed ahead of their end.

One question is under way for a client at a time. While a token is good nobody waits for the next one; while the
endpoint fails it is asked again with growing pauses, and whoever needs a token is told the last failure at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from math import inf

from mailsonar.clock import Clock
from mailsonar.model.fault import TlsFailed, TokenUnavailable
from mailsonar.model.oauth2 import OAuth2, TokenNews, TokenResult
from mailsonar.model.secret import SecretUnreadable
from mailsonar.model.server import TlsPolicy
from mailsonar.net.assertions import KeyUnusable, form_of
from mailsonar.net.resolve import Resolver
from mailsonar.net.tls import TlsContexts
from mailsonar.net.token_endpoint import Granted, Grounds, NoToken, ask

FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
LONGEST_ASKED_FOR_SECONDS = 600.0
JITTER = 0.25
RENEWED_AHEAD_SECONDS = 300.0
RENEWED_AHEAD_SHARE = 0.2
UNUSED_SHARE = 0.02  # of its life, at whose end a token is not shown any more
UNTOLD_LIFETIME_SECONDS = 300.0  # of a token whose endpoint does not tell (RFC 6749 section 5.1 allows that)
REMEMBERED = 4
DETAIL_KEPT = 160  # of the 200 characters that a detail may have

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    """An access token, the monotonic instants at which to renew and to drop it, and its end as a POSIX time."""

    value: str = field(repr=False)
    renew_at: float
    ends: float
    expires_wall: float | None


@dataclass(slots=True)
class _Client:
    """What is known of one client; `refreshed` is the refresh token that came last, for the configured one."""

    oauth2: OAuth2
    usernames: dict[str, None] = field(default_factory=dict)
    token: _Token | None = None
    asking: asyncio.Task[None] | None = None
    failure: str | None = None
    failures: int = 0
    not_before: float = -inf
    failed_with: str = field(default="", repr=False)
    refreshed: tuple[str, str] | None = field(default=None, repr=False)
    shown: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED), repr=False)


class TokenSource:
    """Gets access tokens; to be closed.

    Args:
        clock: tokens age by its monotonic time, so that no clock of others matters.
        resolver: gives the addresses of token endpoints.
        random: returns a number from 0 up to 1, for the jitter of pauses.
        told: hears of every token that is got, used or not got.
    """

    def __init__(
        self, clock: Clock, resolver: Resolver, random: Callable[[], float], told: Callable[[TokenNews], None]
    ) -> None:
        self._clock = clock
        self._resolver = resolver
        self._random = random
        self._told = told
        self._contexts = TlsContexts()
        self._served: frozenset[OAuth2] = frozenset()
        self._clients: dict[OAuth2, _Client] = {}

    def serve(self, clients: Iterable[OAuth2]) -> None:
        """Read the CA files of these clients anew, and forget those of two configs ago.

        Sessions of the config before may still be under way, and their servers may quote its tokens.

        Raises:
            TlsFailed: a CA file cannot be used.
        """
        contexts, wanted = TlsContexts(), frozenset(clients)
        for oauth2 in wanted:
            contexts.of(TlsPolicy(ca_file=oauth2.ca_file))
        known = self._served | wanted
        self._contexts, self._served = contexts, wanted
        self._clients = {key: client for key, client in self._clients.items() if key in known or client.asking}

    def close(self) -> None:
        """Give up what is under way."""
        for client in self._clients.values():
            if client.asking:
                client.asking.cancel()

    async def get(self, oauth2: OAuth2, username: str, instead_of: str | None = None) -> str:
        """Return an access token.

        Args:
            oauth2: where it comes from.
            username: for which account, to be told.
            instead_of: the one that a mail server refused just now.

        Raises:
            TokenUnavailable: there is none.
        """
        client = self._clients.setdefault(oauth2, _Client(oauth2))
        client.usernames[username] = None
        if client.token and client.token.value == instead_of:
            client.token = None  # nobody shall knock with it again
        token = self._good(client)
        if token is None:
            await self._asked(client)
            token = self._good(client)
        elif self._clock.monotonic() >= token.renew_at and self._may_ask(client):
            self._ask(client)
        if token is None:
            raise self._unavailable(client)
        self._told(TokenNews(username=username, expires_wall=token.expires_wall))
        return token.value

    def shown(self, oauth2: OAuth2) -> list[str]:
        """Return the access tokens that servers may have seen of late, and may quote."""
        client = self._clients.get(oauth2)
        return list(client.shown) if client else []

    def _good(self, client: _Client) -> _Token | None:
        return client.token if client.token and self._clock.monotonic() < client.token.ends else None

    def _unavailable(self, client: _Client) -> TokenUnavailable:
        if client.failure is None:
            return TokenUnavailable("the token endpoint gave no token that could be used")
        wait = max(0.0, client.not_before - self._clock.monotonic())
        return TokenUnavailable(f"{client.failure[:DETAIL_KEPT]}; asked again in {wait:.0f} s")

    def _may_ask(self, client: _Client) -> bool:
        """Tell whether the endpoint may be asked now: no pause holds, or the secret has changed since."""
        return self._clock.monotonic() >= client.not_before or client.failed_with != _identity(client.oauth2)

    async def _asked(self, client: _Client) -> None:
        """Return once an answer has come, at once where the endpoint is left alone for now."""
        if client.asking is None:
            if not self._may_ask(client):
                return
            self._ask(client)
        if client.asking:
            await asyncio.shield(client.asking)

    def _ask(self, client: _Client) -> None:
        if client.asking is None:
            client.asking = asyncio.create_task(self._renew(client), name="token")
            client.asking.add_done_callback(partial(_ended, client))

    async def _renew(self, client: _Client) -> None:
        asked_at, asked_wall = self._clock.monotonic(), self._clock.wall()
        identity = _identity(client.oauth2)
        try:
            granted = await self._granted(client, identity, asked_wall)
        except NoToken as none:
            self._fail(client, identity, none)
            return
        life = granted.lifetime_seconds or UNTOLD_LIFETIME_SECONDS
        client.token = _Token(
            value=granted.token,
            renew_at=asked_at + life - min(RENEWED_AHEAD_SECONDS, life * RENEWED_AHEAD_SHARE),
            ends=asked_at + life * (1 - UNUSED_SHARE),
            expires_wall=None if granted.lifetime_seconds is None else asked_wall + life,
        )
        client.shown.append(granted.token)
        if granted.refresh_token:
            client.refreshed = (identity, granted.refresh_token)
        client.failure, client.failures, client.not_before = None, 0, -inf
        self._tell(client, TokenResult.OK)

    async def _granted(self, client: _Client, identity: str, now_wall: float) -> Granted:
        oauth2 = client.oauth2
        newest = client.refreshed[1] if client.refreshed and client.refreshed[0] == identity else None
        try:
            fields = form_of(oauth2, now_wall, newest)
            context = self._contexts.of(TlsPolicy(ca_file=oauth2.ca_file))
        except (SecretUnreadable, KeyUnusable) as error:
            raise NoToken(f"a secret of oauth2 cannot be used: it {error}") from None
        except TlsFailed as error:
            raise NoToken(error.detail) from None
        return await ask(
            Grounds(endpoint=oauth2.token_endpoint, fields=fields, now_wall=now_wall), context, self._resolver
        )

    def _fail(self, client: _Client, identity: str, none: NoToken) -> None:
        client.failure, client.failed_with = none.detail, identity
        client.failures += 1
        if none.result is TokenResult.REFUSED:
            client.refreshed = None  # the next question is asked with the configured refresh token
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(client.failures - 1, 10), LONGEST_PAUSE_SECONDS)
        pause *= 1 - JITTER + 2 * JITTER * self._random()
        client.not_before = self._clock.monotonic() + max(
            pause, min(none.retry_after_seconds, LONGEST_ASKED_FOR_SECONDS)
        )
        if token := self._good(client):
            left = token.ends - self._clock.monotonic()
            log.warning("an access token was not renewed, the old one ends in %.0f s: %s", left, none.detail)
        self._tell(client, none.result)

    def _tell(self, client: _Client, result: TokenResult) -> None:
        expires_wall = client.token.expires_wall if client.token else None
        for username in client.usernames:
            self._told(TokenNews(username=username, result=result, expires_wall=expires_wall))


def _ended(client: _Client, task: asyncio.Task[None]) -> None:
    client.asking = None
    if not task.cancelled() and (bug := task.exception()):
        log.error("an access token was not renewed by our own fault", exc_info=bug)


def _identity(oauth2: OAuth2) -> str:
    """Return what changes when the secret does, "" where it cannot be read."""
    try:
        return oauth2.identity()
    except SecretUnreadable:
        return ""
