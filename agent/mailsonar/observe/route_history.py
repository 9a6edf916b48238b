"""The entries of one route.

One per attempt, from its start on: pending, then with its verdict, then with its outcome. An entry is never dropped
while it is pending, and failures outlive successes: they are what people look for the next morning. What was said on
them is kept of the last few. Where a journal has all that, only the newest entry stays here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mailsonar.model.provenance import NOTHING_TOLD
from mailsonar.model.result import Attempt, Outcome, Result
from mailsonar.model.route import Route
from mailsonar.observe.route_view import KEPT_RESULTS, RouteView, worth_keeping
from mailsonar.observe.trend import Trend

KEPT_TRANSCRIPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What an earlier process left of a route: its last result of each kind, the oldest first, and its verdicts."""

    results: Sequence[Result]
    trend: Trend


class RouteHistory:
    """The entries of one route by token, the oldest first; with `in_journal` only what no journal has, and the newest.

    The last result of each kind is kept apart, since it may be older than all entries.
    """

    __slots__ = (
        "_entries",
        "_failure",
        "_in_journal",
        "_late_duplicates",
        "_latest",
        "_seen",
        "_success",
        "_trend",
        "changed",
        "route",
    )

    def __init__(self, route: Route, *, in_journal: bool) -> None:
        self.route = route
        self.changed = 0
        self._in_journal = in_journal
        self._entries: dict[str, Result] = {}
        self._trend = Trend()
        self._late_duplicates: dict[str, int] | None = None
        self._latest: Result | None = None
        self._seen: Result | None = None
        self._failure: Result | None = None
        self._success: Result | None = None

    def start(self, attempt: Attempt) -> None:
        """Enter an attempt as pending."""
        self._entries.setdefault(attempt.token_id, Result(attempt=attempt, outcome=Outcome.PENDING, success=None))
        self._forget_old()

    def update(self, result: Result) -> None:
        """Enter the verdict or the outcome of an attempt that is pending."""
        token = result.attempt.token_id
        if token not in self._entries or self._entries[token].outcome is not Outcome.PENDING:
            return
        if self._in_journal and result.outcome is not Outcome.PENDING:
            result = replace(result, transcripts=())
        self._entries[token] = result
        if result.transcripts:
            self._forget_transcripts()
        self._trend = self._trend.with_result(result)
        self._note(result)
        self._forget_old()

    def _note(self, result: Result) -> None:
        """Keep the result as the last of each kind that it is of, unless that has one of a later start."""
        kept = _outline(result) if self._in_journal else result
        if result.success is not None:
            self._latest = _later(self._latest, result)
            if result.success:
                self._success = _later(self._success, kept)
            else:
                self._failure = _later(self._failure, kept)
        if result.round_trip_seconds is not None:
            self._seen = _later(self._seen, kept)

    def count_duplicate(self, token: str) -> None:
        """Count a further copy of an attempt's message."""
        if entry := self._entries.get(token):
            entry = self._entries[token] = replace(entry, duplicates=entry.duplicates + 1)
            self._note(entry)
        if self._in_journal and (entry is None or entry.outcome is not Outcome.PENDING):
            late = dict(self._late_duplicates or {})  # views hold the old one
            late[token] = late.pop(token, 0) + 1
            self._late_duplicates = dict(list(late.items())[-KEPT_RESULTS:])

    def recall(self, past: Past) -> None:
        """Take in what an earlier process left, however late that comes."""
        results = {result.attempt.token_id: replace(result, transcripts=()) for result in past.results}
        self._entries = results | self._entries
        for result in results.values():
            self._note(result)
        points = self._trend.points()
        self._trend = past.trend.with_points(points) if points else past.trend
        self._forget_old()

    def _forget_transcripts(self) -> None:
        """Drop what was said on failures of long ago."""
        told = [token for token, result in self._entries.items() if result.transcripts]
        for token in told[:-KEPT_TRANSCRIPTS]:
            self._entries[token] = replace(self._entries[token], transcripts=())

    def _forget_old(self) -> None:
        """Drop what is neither worth keeping, nor pending."""
        newest_first = list(reversed(self._entries.values()))
        kept = _not_in_journal(newest_first) if self._in_journal else worth_keeping(newest_first)
        if len(kept) < len(newest_first):
            self._entries = {result.attempt.token_id: result for result in reversed(kept)}

    def view(self) -> RouteView:
        """Return what is known, but for logins."""
        return RouteView(
            route=self.route,
            results=tuple(reversed(self._entries.values())),
            latest=self._latest,
            seen=self._seen,
            failure=self._failure,
            last_success=self._success,
            trend=self._trend,
            changed=self.changed,
            duplicates=self._late_duplicates,
        )


def _later(known: Result | None, result: Result) -> Result:
    return result if known is None or known.attempt.started <= result.attempt.started else known


def _outline(result: Result) -> Result:
    """Return the result without what only its own page shows."""
    return replace(result, stages=(), tls=(), provenance=NOTHING_TOLD, transcripts=())


def _not_in_journal(newest_first: Sequence[Result]) -> list[Result]:
    """Return what is pending, and the newest of those that have ended."""
    newest = next((result for result in newest_first if result.outcome is not Outcome.PENDING), None)
    return [result for result in newest_first if result.outcome is Outcome.PENDING or result is newest]
