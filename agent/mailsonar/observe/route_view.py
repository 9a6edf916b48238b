"""What is known of a route at one moment, for the page and the API; it never changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mailsonar.model.observer import Login
from mailsonar.model.result import Attempt, Outcome, Result
from mailsonar.model.route import Route
from mailsonar.observe.trend import Trend

KEPT_RESULTS = 50
KEPT_FAILURES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteView:
    """What is known of a route at one moment; `results` holds the newest attempt first.

    `latest` is the result of the most recently started attempt that has a verdict, `seen` of the one whose message was
    seen, `failure` of the one that failed, `last_success` of the one that did not; each may be older than all of
    `results`. Where a journal has the rest, only `latest` has stages and what servers told.

    `logins` holds what is known of each account that the route uses, its sender's first. `changed` is the history's
    revision at which the results last did. `duplicates` counts further copies that came after the outcome, by token.
    `is_cut_short` tells that a journal should have added to `results` and could not.
    """

    route: Route
    results: tuple[Result, ...]
    latest: Result | None
    seen: Result | None
    failure: Result | None
    last_success: Result | None
    trend: Trend
    logins: tuple[Login, ...] = ()
    changed: int = 0
    duplicates: Mapping[str, int] | None = None
    is_cut_short: bool = False

    @property
    def pending(self) -> tuple[Attempt, ...]:
        """Return the attempts under way, the newest first."""
        return tuple(result.attempt for result in self.results if result.outcome is Outcome.PENDING)

    @property
    def last_attempt(self) -> Attempt | None:
        """Return the most recently started attempt."""
        return self.results[0].attempt if self.results else None

    def with_past(self, past: Iterable[Result]) -> RouteView:
        """Return the view with results from a journal as well, which knows more of each that both have."""
        late = self.duplicates or {}
        told = {
            one.attempt.token_id: replace(one, duplicates=one.duplicates + late.get(one.attempt.token_id, 0))
            for one in past
        }
        results = {one.attempt.token_id: one for one in self.results} | told
        newest_first = sorted(results.values(), key=lambda one: one.attempt.started_wall, reverse=True)
        return replace(self, results=tuple(worth_keeping(newest_first)))


def worth_keeping(newest_first: Sequence[Result]) -> list[Result]:
    """Return what is recent, or pending, or one of the last failures."""
    if len(newest_first) <= KEPT_RESULTS:
        return list(newest_first)
    recent, beyond = newest_first[:KEPT_RESULTS], newest_first[KEPT_RESULTS:]
    failures = [result.attempt.token_id for result in beyond if _is_failure(result)][:KEPT_FAILURES]
    kept = set(failures)
    return [
        *recent,
        *(one for one in beyond if one.outcome is Outcome.PENDING or one.attempt.token_id in kept),
    ]


def _is_failure(result: Result) -> bool:
    return result.outcome is not Outcome.PENDING and not result.success
