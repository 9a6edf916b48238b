"""Builds what probes work with, from a config."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from mailsonar.app.state import State
from mailsonar.clock import Clock
from mailsonar.config.load import Config
from mailsonar.model.oauth2 import OAuth2, TokenNews
from mailsonar.model.observer import Login, Observer
from mailsonar.model.route import maildrops_of
from mailsonar.model.server import Account, Secret, TokenCredentials
from mailsonar.net.converse import Network
from mailsonar.net.resolve import Resolver
from mailsonar.net.tls import TlsContexts
from mailsonar.net.tokens import TokenSource
from mailsonar.probe.examination import Identity
from mailsonar.probe.glimpses import Glimpses
from mailsonar.probe.ledger import NoLedger
from mailsonar.probe.prober import new_instance
from mailsonar.probe.retreat import Retreats
from mailsonar.probe.telling import tell
from mailsonar.probe.turns import Turns
from mailsonar.probe.workshop import Workshop

LEFTOVER_GIVE_UPS = 2


class Tools:
    """What outlives a config: clock, resolver, turns, glimpses, state, access tokens and observers."""

    def __init__(self, clock: Clock, resolver: Resolver, observers: Sequence[Observer], state: State) -> None:
        self.clock = clock
        self._resolver = resolver
        self._observers = tuple(observers)
        self._turns = Turns(clock)
        self._retreats = Retreats(random.random, state.breakers)
        self.glimpses = Glimpses()
        self._state = state
        self._tokens = TokenSource(clock, resolver, random.random, self._tell_of_token)

    def workshop(self, config: Config, keys: Sequence[Secret]) -> Workshop:
        """Return the tools for a config, its TLS contexts made anew from the files as they are now.

        Args:
            config: what they are for.
            keys: the signing key, and those before it.

        Raises:
            TlsFailed: a file named under `tls` cannot be used.
        """
        contexts = TlsContexts()
        accounts = [route.sender.account for route in config.routes]
        accounts += [maildrop.account for maildrop in maildrops_of(config.routes)]
        for account in accounts:
            contexts.of(account.server.tls)
        self._tokens.serve(_clients(accounts))
        if self._state.breakers:
            self._state.breakers.sign_with(keys[0])
        longest = max((route.give_up_seconds for route in config.routes), default=0.0)
        identity = Identity(
            signing_key=keys[0],
            past_keys=tuple(keys[1:]),
            instance=self._state.instance,
            leftover_seconds=LEFTOVER_GIVE_UPS * longest,
        )
        network = Network(self.clock, self._resolver, contexts)
        ledger = self._state.ledger or NoLedger()
        return Workshop(
            network, identity, self._turns, self._observers, self._retreats, ledger, self.glimpses, self._tokens
        )

    def close(self) -> None:
        """Give up what is under way besides the probes."""
        self.glimpses.cancel()
        self._tokens.close()
        self._resolver.close()

    def _tell_of_token(self, news: TokenNews) -> None:
        tell(self._observers, lambda observer: observer.token_changed(news))

    def recall_breakers(self, config: Config) -> list[Login]:
        """Leave those accounts alone that an earlier process left alone; return what observers should hear of them."""
        accounts = [route.sender.account for route in config.routes]
        accounts += [maildrop.account for maildrop in maildrops_of(config.routes)]
        holds = list(self._state.breakers.holds(accounts)) if self._state.breakers else []
        for account, hold in holds:
            self._retreats.restore(account, hold)
        return [Login(account=account, authenticated=None, held_back=True) for account, _ in holds]


@contextmanager
def opened_tools(clock: Clock, observers: Sequence[Observer] = (), state: State | None = None) -> Iterator[Tools]:
    """Provide tools, and close them in the end."""
    tools = Tools(clock, Resolver(), observers, state or State(instance=new_instance()))
    try:
        yield tools
    finally:
        tools.close()


def _clients(accounts: Iterable[Account]) -> Iterator[OAuth2]:
    for account in accounts:
        if isinstance(account.credentials, TokenCredentials):
            yield account.credentials.oauth2
