"""The observer that Prometheus scrapes: keeps tallies, and renders them anew for each scrape.

Series exist exactly for the routes, servers, accounts and maildrops of the current config. Events of anything else are
dropped: an attempt may outlive its route by a reload.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

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
from mailsonar.observe.exposition import Exposition
from mailsonar.observe.families import FAMILIES
from mailsonar.observe.route_series import show_route
from mailsonar.observe.tally import RouteTally

_Key = TypeVar("_Key")
_Tally = TypeVar("_Tally")


class Metrics(Collector):
    """Counts what observers are told, and is a collector on the registry that it is given.

    `counts_of` tells with which counts a route starts that is new here: those of earlier processes.

    Args:
        registry: takes our families, and those of the process and the interpreter.
        clock: gives the times of successes, reloads and exemplars.
        shard: which of several agents this is.
    """

    def __init__(self, registry: CollectorRegistry, clock: Clock, shard: Shard = ALONE) -> None:
        self.counts_of: Callable[[str], Mapping[str, int]] = lambda _route: {}
        self._clock = clock
        self._declared: tuple[str, ...] = ()
        self._routes: dict[str, RouteTally] = {}
        self._left: dict[str, RouteTally] = {}  # of routes that left the config with attempts under way
        self._servers: dict[tuple[str, str], ServerTally] = {}
        self._accounts: dict[tuple[str, str, str], AccountTally] = {}
        self._maildrops: dict[str, MaildropTally] = {}
        self._tokens: dict[str, TokenTally] = {}
        self._agent = AgentHealth(shard)
        registry.register(self)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def set_routes(self, routes: Sequence[Route], label_names: Sequence[str]) -> None:
        """Show these routes from now on, with all that they use; what stays keeps its numbers.

        Args:
            routes: the routes that run.
            label_names: the label names that the config declares, in order.
        """
        self._declared = tuple(label_names)
        maildrops = {maildrop.name: maildrop for maildrop in maildrops_of(routes)}
        accounts = [route.sender.account for route in routes] + [maildrop.account for maildrop in maildrops.values()]
        before, known = self._routes, self._left | self._routes
        self._routes = {route.name: known.get(route.name) or self._fresh(route) for route in routes}
        self._left = {name: tally for name, tally in known.items() if name not in self._routes}
        for route in routes:
            self._routes[route.name].route = route
            if route.name not in before:
                self._routes[route.name].forget_verdict()
        self._servers = _kept(self._servers, {server_labels(a.server): ServerTally(a.server) for a in accounts})
        self._accounts = _kept(
            self._accounts, {account_labels(a): AccountTally(a) for a in accounts if a.credentials is not None}
        )
        self._maildrops = _kept(self._maildrops, {name: MaildropTally(one) for name, one in maildrops.items()})
        with_tokens = [account.name for account in accounts if isinstance(account.credentials, TokenCredentials)]
        self._tokens = _kept(self._tokens, {name: TokenTally(name) for name in with_tokens})

    def _fresh(self, route: Route) -> RouteTally:
        tally = RouteTally(route)
        tally.restore(self.counts_of(route.name))
        return tally

    def _tally(self, route: str) -> RouteTally | None:
        return self._routes.get(route) or self._left.get(route)

    def attempt_started(self, attempt: Attempt) -> None:
        """Count an attempt as started and pending."""
        if tally := self._tally(attempt.route.name):
            tally.start(attempt)

    def attempt_resumed(self, attempt: Attempt) -> None:
        """Count an attempt of an earlier process as pending."""
        if tally := self._tally(attempt.route.name):
            tally.resume(attempt)

    def verdict_fell(self, result: Result) -> None:
        """Show the verdict of an attempt that stays pending."""
        if tally := self._tally(result.attempt.route.name):
            tally.judge(result, self._clock.wall())

    def attempt_ended(self, result: Result) -> None:
        """Move an attempt from pending to its outcome."""
        if tally := self._tally(result.attempt.route.name):
            tally.end(result, self._clock.wall())

    def duplicate_seen(self, attempt: Attempt) -> None:
        """Count a further copy."""
        if tally := self._tally(attempt.route.name):
            tally.duplicates += 1

    def maildrop_looked(self, look: Look) -> None:
        """Count a look at a maildrop."""
        if tally := self._maildrops.get(look.maildrop.name):
            tally.note(look)

    def account_used(self, login: Login) -> None:
        """Take over what a session told about its server and account."""
        if server := self._servers.get(server_labels(login.account.server)):
            server.note(login)
        if account := self._accounts.get(account_labels(login.account)):
            account.note(login)

    def token_changed(self, news: TokenNews) -> None:
        """Take over what there is to tell of an access token."""
        if tally := self._tokens.get(news.username):
            tally.note(news)

    def schedule_lagged(self, seconds: float) -> None:
        """Note by how many seconds an attempt was started late."""
        self._agent.schedule_lag.observe(seconds)

    def loop_lagged(self, seconds: float) -> None:
        """Note by how many seconds the event loop ran a timer late."""
        self._agent.loop_lag.observe(seconds)

    def task_restarted(self, task: str) -> None:
        """Count the restart of a task; `task` is one of a few names in our code."""
        self._agent.task_restarts[task] += 1

    def journal_failed(self) -> None:
        """Count a write to the journal that failed."""
        self._agent.journal_failures += 1

    def config_reloaded(self, *, successful: bool) -> None:
        """Note that the config was read, at the start or later, and whether it was accepted."""
        self._agent.config_reloaded(successful=successful, now_wall=self._clock.wall())

    def collect(self) -> Iterator[Metric]:
        """Render all numbers as they are now."""
        page = Exposition(self._declared)
        for route in self._routes.values():
            show_route(page, route)
        shared: list[ServerTally | AccountTally | MaildropTally | TokenTally]
        shared = [*self._servers.values(), *self._accounts.values(), *self._maildrops.values(), *self._tokens.values()]
        for tally in shared:
            tally.show(page)
        self._agent.show(page)
        return page.metrics()

    def describe(self) -> Iterator[Metric]:
        """Yield all families without samples, so that the registry knows their names."""
        return (family.empty(()) for family in FAMILIES)


def _kept(old: Mapping[_Key, _Tally], new: Mapping[_Key, _Tally]) -> dict[_Key, _Tally]:
    """Return the new tallies, each replaced by the old one of the same key where there is one."""
    return {key: old.get(key, value) for key, value in new.items()}
