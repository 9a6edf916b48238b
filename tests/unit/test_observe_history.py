"""What the page can know of a route's past."""

from __future__ import annotations

import pytest
from tests.support.observed import NOT_ARRIVED, failed, make_attempt, make_route, on_time, transcript

from mailsonar.model.result import Outcome
from mailsonar.observe.history import History
from mailsonar.observe.route_history import KEPT_TRANSCRIPTS
from mailsonar.observe.route_view import KEPT_FAILURES, KEPT_RESULTS


@pytest.fixture
def route():
    """Give a route."""
    return make_route()


@pytest.fixture
def history(route):
    """Give a history of the route."""
    history = History()
    history.set_routes([route])
    return history


def run(history, route, start, *, good=True):
    """Start and end an attempt."""
    attempt = make_attempt(route, start)
    history.attempt_started(attempt)
    history.attempt_ended(on_time(attempt) if good else failed(attempt))
    return attempt


def test_an_attempt_has_one_entry(history, route):
    """From start over verdict to outcome an attempt is one entry, which says no more than is known."""
    attempt = make_attempt(route)
    history.attempt_started(attempt)
    view = history.route(route.name)
    assert (view.pending, view.last_attempt, view.latest) == ((attempt,), attempt, None)
    assert [(r.outcome, r.success) for r in view.results] == [(Outcome.PENDING, None)]
    verdict = failed(attempt, Outcome.PENDING, NOT_ARRIVED)
    history.verdict_fell(verdict)
    assert history.route(route.name).latest is verdict
    assert history.route(route.name).pending == (attempt,)
    end = failed(attempt, Outcome.LOST, NOT_ARRIVED)
    history.attempt_ended(end)
    assert history.route(route.name).results == (end,)
    assert history.route(route.name).pending == ()


def test_latest_is_by_start(history, route):
    """The latest verdict is that of the attempt that was started last, whoever ends last."""
    old, new = make_attempt(route, 0.0), make_attempt(route, 60.0)
    history.attempt_started(old)
    history.attempt_started(new)
    history.attempt_ended(failed(new))
    history.attempt_ended(on_time(old))
    view = history.route(route.name)
    assert [result.attempt for result in view.results] == [new, old]
    assert view.latest.attempt is new
    assert view.last_success.attempt is view.seen.attempt is old


def test_failures_outlive_successes(history, route):
    """The last failures stay when many successes have passed, and so does the time of the last success."""
    failures = [run(history, route, float(start), good=False) for start in range(KEPT_FAILURES + 5)]
    for start in range(100, 100 + 3 * KEPT_RESULTS):
        run(history, route, float(start))
    results = history.route(route.name).results
    assert len(results) == KEPT_RESULTS + KEPT_FAILURES
    assert [r.attempt for r in results if not r.success] == failures[: -KEPT_FAILURES - 1 : -1]
    for start in range(1000, 1000 + KEPT_RESULTS + KEPT_FAILURES):
        run(history, route, float(start), good=False)
    assert history.route(route.name).last_success.attempt.started == 100 + 3 * KEPT_RESULTS - 1


def test_what_was_said_is_kept_of_the_last_failures(history, route):
    """A transcript is large: each route keeps those of its last failures, however few its successes are."""
    for start in range(KEPT_TRANSCRIPTS + 5):
        attempt = make_attempt(route, float(start))
        history.attempt_started(attempt)
        history.verdict_fell(failed(attempt, Outcome.PENDING, transcripts=(transcript("220 hello"),)))
        history.attempt_ended(failed(attempt, Outcome.LOST, transcripts=(transcript("220 hello"),)))
    told = [bool(result.transcripts) for result in history.route(route.name).results]
    assert told == [True] * KEPT_TRANSCRIPTS + [False] * 5


def test_pending_attempts_are_never_forgotten(history, route):
    """An attempt waits for its message however many others pass it by."""
    waiting = make_attempt(route, 0.0)
    history.attempt_started(waiting)
    for start in range(1, 3 * KEPT_RESULTS):
        run(history, route, float(start), good=False)
    assert history.route(route.name).pending == (waiting,)
    history.attempt_ended(on_time(waiting))
    assert history.route(route.name).last_success.attempt is waiting


def test_duplicates_are_added_to_the_entry(history, route):
    """A copy that comes after the end still shows."""
    attempt = run(history, route, 0.0)
    history.duplicate_seen(attempt)
    assert history.route(route.name).results[0].duplicates == 1


def test_reload(history, route):
    """A route that stays keeps its results under its new definition; one that goes is unknown, its late news too."""
    attempt = run(history, route, 0.0)
    changed = make_route(interval_seconds=300.0)
    history.set_routes([changed])
    assert history.route(route.name).route is changed
    assert history.route(route.name).last_attempt is attempt
    history.set_routes([])
    history.attempt_started(make_attempt(route, 60.0))
    history.attempt_ended(on_time(attempt))
    assert history.route(route.name) is None
    assert history.routes() == ()
