"""The last results of each route, for the page and the API.

One entry per attempt, from its start on: pending, then with its verdict, then with its outcome. An entry is never
dropped while it is pending, and failures outlive successes: they are what people look for the next morning. What was
said on them is kept of the last few.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mailsonar.model.oauth2 import TokenNews
from mailsonar.model.observer import Login, Look
from mailsonar.model.result import Attempt, Outcome, Result
from mailsonar.model.route import Route, accounts_of
from mailsonar.observe.logins import newer

KEPT_RESULTS = 50
KEPT_FAILURES = 20
KEPT_TRANSCRIPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteView:
    """What is known of a route at one moment; `results` holds the newest attempt first.

    `latest` is the result of the most recently started attempt that has a verdict, `seen` of the one whose message was
    seen; `last_success` may be older than all of `results`. `logins` holds what is known of each account that the route
    uses, its sender's first. `changed` is the history's revision at which the results last did.
    """

    route: Route
    results: tuple[Result, ...]
    latest: Result | None
    seen: Result | None
    last_success: Result | None
    logins: tuple[Login, ...] = ()
    changed: int = 0

    @property
    def pending(self) -> tuple[Attempt, ...]:
        """Return the attempts under way, the newest first."""
        return tuple(result.attempt for result in self.results if result.outcome is Outcome.PENDING)

    @property
    def last_attempt(self) -> Attempt | None:
        """Return the most recently started attempt."""
        return self.results[0].attempt if self.results else None


class _RouteHistory:
    """The entries of one route by token, the oldest first."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.changed = 0
        self._entries: dict[str, Result] = {}
        self._last_success: Result | None = None

    def start(self, attempt: Attempt) -> None:
        self._entries.setdefault(attempt.token_id, Result(attempt=attempt, outcome=Outcome.PENDING, success=None))
        self._forget_old()

    def update(self, result: Result) -> None:
        token = result.attempt.token_id
        if token not in self._entries or self._entries[token].outcome is not Outcome.PENDING:
            return
        self._entries[token] = result
        if result.transcripts:
            self._forget_transcripts()
        newest = self._last_success
        if result.success and (newest is None or newest.attempt.started <= result.attempt.started):
            self._last_success = result

    def count_duplicate(self, token: str) -> None:
        if entry := self._entries.get(token):
            self._entries[token] = replace(entry, duplicates=entry.duplicates + 1)

    def _forget_transcripts(self) -> None:
        """Drop what was said on failures of long ago."""
        told = [token for token, result in self._entries.items() if result.transcripts]
        for token in told[:-KEPT_TRANSCRIPTS]:
            self._entries[token] = replace(self._entries[token], transcripts=())

    def _forget_old(self) -> None:
        """Drop what is neither recent, nor pending, nor one of the last failures."""
        beyond = list(self._entries.items())[:-KEPT_RESULTS]
        failures = [token for token, result in beyond if _is_failure(result)]
        kept = {token for token, result in beyond if result.outcome is Outcome.PENDING} | set(failures[-KEPT_FAILURES:])
        for token, _ in beyond:
            if token not in kept:
                del self._entries[token]

    def view(self) -> RouteView:
        results = tuple(reversed(self._entries.values()))
        return RouteView(
            route=self.route,
            results=results,
            latest=next((result for result in results if result.success is not None), None),
            seen=next((result for result in results if result.round_trip_seconds is not None), None),
            last_success=self._last_success,
            changed=self.changed,
        )


def _is_failure(result: Result) -> bool:
    return result.outcome is not Outcome.PENDING and not result.success


class History:
    """Keeps the results of the routes of the current config, and of no others.

    `revision` counts what changed, so that a page can ask for what is new; `configured` is that of the last config.
    """

    def __init__(self) -> None:
        self.revision = 0
        self.configured = 0
        self._routes: dict[str, _RouteHistory] = {}
        self._logins: dict[str, Login | None] = {}  # by account; None until a session told something

    def set_routes(self, routes: Sequence[Route]) -> None:
        """Keep these routes from now on; those that stay keep their results."""
        self.revision += 1
        self.configured = self.revision
        old, self._routes = self._routes, {}
        for route in routes:
            history = old.get(route.name) or _RouteHistory(route)
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

    def _view(self, history: _RouteHistory) -> RouteView:
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

    def restore(self, results: Iterable[Result]) -> None:
        """Enter results of an earlier process, the oldest first."""
        for result in results:
            self.attempt_started(result.attempt)
            self.attempt_ended(result)

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

    def _change(self, attempt: Attempt) -> _RouteHistory | None:
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
