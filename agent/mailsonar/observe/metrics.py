"""The observer that Prometheus scrapes: keeps tallies, and writes down for each scrape those that changed.

Series exist exactly for the routes, servers, accounts and maildrops of the current config. Events of anything else are
dropped: an attempt may outlive its route by a reload. Moments under way are told before a tally changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from mailsonar.clock import Clock
from mailsonar.model.oauth2 import TokenNews
from mailsonar.model.observer import Login, Look
from mailsonar.model.result import Attempt, Result
from mailsonar.model.route import Route, maildrops_of
from mailsonar.model.server import TokenCredentials
from mailsonar.model.shard import ALONE, Shard
from mailsonar.observe.agent_health import AgentHealth
from mailsonar.observe.endpoints import (
    AccountTally,
    MaildropTally,
    ServerTally,
    TokenTally,
    account_labels,
    server_labels,
)
from mailsonar.observe.families import FAMILIES, Subject
from mailsonar.observe.lines import Tally
from mailsonar.observe.page import Moment
from mailsonar.observe.tally import RouteTally

_Key = TypeVar("_Key")
_Tally = TypeVar("_Tally", bound=Tally)


class Metrics:
    """Counts what observers are told, and shows it as it was in one moment.

    `counts_of` tells with which counts a route starts that is new here: those of earlier processes.

    Args:
        clock: gives the times of successes, reloads and exemplars.
        shard: which of several agents this is.
    """

    def __init__(self, clock: Clock, shard: Shard = ALONE) -> None:
        self.counts_of: Callable[[str], Mapping[str, int]] = lambda _route: {}
        self._clock = clock
        self._templates = _templates(())
        self._routes: dict[str, RouteTally] = {}
        self._left: dict[str, RouteTally] = {}  # of routes that left the config with attempts under way
        self._servers: dict[tuple[str, str], ServerTally] = {}
        self._accounts: dict[tuple[str, str, str], AccountTally] = {}
        self._maildrops: dict[str, MaildropTally] = {}
        self._tokens: dict[str, TokenTally] = {}
        self._agent = AgentHealth(shard)
        self._moments: list[Moment] = []

    @contextmanager
    def moment(self) -> Iterator[Moment]:
        """Show all numbers as they are in one moment, however long it takes to write them down."""
        moment = Moment(self._templates, self._tallies())
        self._moments.append(moment)
        try:
            yield moment
        finally:
            self._moments.remove(moment)

    def _tallies(self) -> Mapping[Subject, Sequence[Tally]]:
        """Return all that is shown."""
        return {
            Subject.ROUTE: tuple(self._routes.values()),
            Subject.SERVER: tuple(self._servers.values()),
            Subject.ACCOUNT: tuple(self._accounts.values()),
            Subject.TOKEN: tuple(self._tokens.values()),
            Subject.MAILDROP: tuple(self._maildrops.values()),
            Subject.AGENT: (self._agent,),
        }

    def _changing(self, tally: _Tally) -> _Tally:
        """Return a tally that is about to change; moments under way keep it as it is."""
        for moment in self._moments:
            moment.keep(tally)
        tally.text = None
        return tally

    def set_routes(self, routes: Sequence[Route], label_names: Sequence[str]) -> None:
        """Show these routes from now on, with all that they use; what stays keeps its numbers.

        Args:
            routes: the routes that run.
            label_names: the label names that the config declares, in order.
        """
        self._templates = _templates(label_names)
        maildrops = {maildrop.name: maildrop for maildrop in maildrops_of(routes)}
        accounts = [route.sender.account for route in routes] + [maildrop.account for maildrop in maildrops.values()]
        before, known = self._routes, self._left | self._routes
        self._routes = {route.name: known.get(route.name) or self._fresh(route) for route in routes}
        self._left = {name: tally for name, tally in known.items() if name not in self._routes}
        for route in routes:
            self._routes[route.name].configure(route)
            if route.name not in before:
                self._routes[route.name].forget_verdict()
        self._servers = _kept(self._servers, {server_labels(a.server): ServerTally(a.server) for a in accounts})
        self._accounts = _kept(
            self._accounts, {account_labels(a): AccountTally(a) for a in accounts if a.credentials is not None}
        )
        self._maildrops = _kept(self._maildrops, {name: MaildropTally(one) for name, one in maildrops.items()})
        with_tokens = [account.name for account in accounts if isinstance(account.credentials, TokenCredentials)]
        self._tokens = _kept(self._tokens, {name: TokenTally(name) for name in with_tokens})
        for moment in self._moments:
            moment.begin(self._templates, self._tallies())

    def _fresh(self, route: Route) -> RouteTally:
        tally = RouteTally(route)
        tally.restore(self.counts_of(route.name))
        return tally

    def _tally(self, route: str) -> RouteTally | None:
        return self._routes.get(route) or self._left.get(route)

    def attempt_started(self, attempt: Attempt) -> None:
        """Count an attempt as started and pending."""
        if tally := self._tally(attempt.route.name):
            self._changing(tally).start(attempt)

    def attempt_resumed(self, attempt: Attempt) -> None:
        """Count an attempt of an earlier process as pending."""
        if tally := self._tally(attempt.route.name):
            self._changing(tally).resume(attempt)

    def verdict_fell(self, result: Result) -> None:
        """Show the verdict of an attempt that stays pending."""
        if tally := self._tally(result.attempt.route.name):
            self._changing(tally).judge(result, self._clock.wall())

    def attempt_ended(self, result: Result) -> None:
        """Move an attempt from pending to its outcome."""
        if tally := self._tally(result.attempt.route.name):
            self._changing(tally).end(result, self._clock.wall())

    def duplicate_seen(self, attempt: Attempt) -> None:
        """Count a further copy."""
        if tally := self._tally(attempt.route.name):
            self._changing(tally).duplicates += 1

    def maildrop_looked(self, look: Look) -> None:
        """Count a look at a maildrop."""
        if tally := self._maildrops.get(look.maildrop.name):
            self._changing(tally).note(look)

    def account_used(self, login: Login) -> None:
        """Take over what a session told about its server and account."""
        if server := self._servers.get(server_labels(login.account.server)):
            self._changing(server).note(login)
        if account := self._accounts.get(account_labels(login.account)):
            self._changing(account).note(login)

    def token_changed(self, news: TokenNews) -> None:
        """Take over what there is to tell of an access token."""
        if tally := self._tokens.get(news.username):
            self._changing(tally).note(news)

    def schedule_lagged(self, seconds: float) -> None:
        """Note by how many seconds an attempt was started late."""
        self._changing(self._agent).schedule_lag.observe(seconds)

    def loop_lagged(self, seconds: float) -> None:
        """Note by how many seconds the event loop ran a timer late."""
        self._changing(self._agent).loop_lag.observe(seconds)

    def task_restarted(self, task: str) -> None:
        """Count the restart of a task; `task` is one of a few names in our code."""
        self._changing(self._agent).task_restarts[task] += 1

    def journal_failed(self) -> None:
        """Count a write to the journal that failed."""
        self._changing(self._agent).journal_failures += 1

    def config_reloaded(self, *, successful: bool) -> None:
        """Note that the config was read, at the start or later, and whether it was accepted."""
        self._changing(self._agent).config_reloaded(successful=successful, now_wall=self._clock.wall())


def _templates(declared: Sequence[str]) -> Mapping[str, str]:
    """Return how the lines of all families are written, by sample name."""
    return {name: template for family in FAMILIES for name, template in family.templates(declared).items()}


def _kept(old: Mapping[_Key, _Tally], new: Mapping[_Key, _Tally]) -> dict[_Key, _Tally]:
    """Return the new tallies, each replaced by the old one of the same key where there is one."""
    return {key: old.get(key, value) for key, value in new.items()}
