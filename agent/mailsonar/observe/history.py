"""The last results of each route, for the page and the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mailsonar.model.oauth2 import TokenNews
from mailsonar.model.observer import Login, Look
from mailsonar.model.result import Attempt, Result
from mailsonar.model.route import Route, accounts_of
from mailsonar.observe.logins import newer
from mailsonar.observe.route_history import Past, RouteHistory
from mailsonar.observe.route_view import RouteView


class History:
    """Keeps the results of the routes of the current config, and of no others.

    `revision` counts what changed, so that a page can ask for what is new; `configured` is that of the last config.
    `in_journal` tells that what has ended is to be had from a journal: only the newest result of each route stays here.
    """

    def __init__(self, *, in_journal: bool = False) -> None:
        self.in_journal = in_journal
        self.revision = 0
        self.configured = 0
        self._routes: dict[str, RouteHistory] = {}
        self._logins: dict[str, Login | None] = {}  # by account; None until a session told something

    def set_routes(self, routes: Sequence[Route]) -> None:
        """Keep these routes from now on; those that stay keep their results."""
        self.revision += 1
        self.configured = self.revision
        old, self._routes = self._routes, {}
        for route in routes:
            history = old.get(route.name) or RouteHistory(route, in_journal=self.in_journal)
            history.route, history.changed = route, self.revision
            self._routes[route.name] = history
        accounts = (account for route in routes for account in accounts_of(route))
        self._logins = {account.key: self._logins.get(account.key) for account in accounts}

    def routes(self) -> tuple[RouteView, ...]:
        """Return what is known of each route, in the order of the config."""
        return tuple(self._view(history) for history in self._routes.values())

    def route(self, name: str) -> RouteView | None:
        """Return what is known of one route, None if there is no such route."""
        history = self._routes.get(name)
        return self._view(history) if history else None

    def _view(self, history: RouteHistory) -> RouteView:
        keys = dict.fromkeys(account.key for account in accounts_of(history.route))
        logins = (self._logins.get(key) for key in keys)
        return replace(history.view(), logins=tuple(login for login in logins if login))

    def attempt_started(self, attempt: Attempt) -> None:
        """Enter an attempt as pending."""
        if history := self._change(attempt):
            history.start(attempt)

    def attempt_resumed(self, attempt: Attempt) -> None:
        """Enter an attempt of an earlier process as pending."""
        self.attempt_started(attempt)

    def recall(self, pasts: Mapping[str, Past]) -> None:
        """Enter what an earlier process left of each route; what has come since then goes before it."""
        for name, past in pasts.items():
            if history := self._routes.get(name):
                self.revision += 1
                history.changed = self.revision
                history.recall(past)

    def verdict_fell(self, result: Result) -> None:
        """Enter the verdict of an attempt that stays pending."""
        if history := self._change(result.attempt):
            history.update(result)

    def attempt_ended(self, result: Result) -> None:
        """Enter the outcome of an attempt."""
        if history := self._change(result.attempt):
            history.update(result)

    def duplicate_seen(self, attempt: Attempt) -> None:
        """Count a further copy in the attempt's entry."""
        if history := self._change(attempt):
            history.count_duplicate(attempt.token_id)

    def _change(self, attempt: Attempt) -> RouteHistory | None:
        """Return the history that an attempt belongs to, which is about to change; None if its route is gone."""
        history = self._routes.get(attempt.route.name)
        if history:
            self.revision += 1
            history.changed = self.revision
        return history

    def maildrop_looked(self, look: Look) -> None:
        """Note nothing: what a look finds reaches the page with the result."""

    def account_used(self, login: Login) -> None:
        """Note what is known of the account and its server now; what a glimpse showed comes only this way."""
        key = login.account.key
        if key in self._logins:
            self._logins[key] = newer(self._logins[key], login)

    def token_changed(self, news: TokenNews) -> None:
        """Note nothing: a token that could not be had is the fault of a result."""
