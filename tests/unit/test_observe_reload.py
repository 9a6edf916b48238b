"""Routes that leave the config and return, with attempts under way: conservation holds at every scrape."""

from __future__ import annotations

from tests.support.observed import HandClock, make_attempt, make_route, on_time
from tests.support.scraped import sample_value

from mailsonar.observe.metrics import Metrics


def test_route_that_leaves_and_returns_with_an_attempt_under_way_keeps_its_books() -> None:
    """Conservation holds although the attempt ended while the route was away."""
    metrics = Metrics(HandClock())
    route = make_route()
    metrics.set_routes([route], [])
    attempt = make_attempt(route, started=1.0)
    metrics.attempt_started(attempt)
    metrics.set_routes([], [])
    metrics.attempt_ended(on_time(attempt))
    metrics.set_routes([route], [])
    labels = {"route": route.name}
    started = sample_value(metrics, "mailsonar_probes_started_total", labels)
    pending = sample_value(metrics, "mailsonar_probes_pending", labels)
    ended = sample_value(metrics, "mailsonar_probes_total", {**labels, "outcome": "on_time"})
    assert (started, ended, pending) == (1.0, 1.0, 0.0)


def test_route_that_returns_before_its_attempt_ends_counts_it_once() -> None:
    """The tally of a route that left waits for what is under way."""
    metrics = Metrics(HandClock())
    metrics.counts_of = lambda _route: {"started": 1}
    route = make_route()
    attempt = make_attempt(route, started=1.0)
    metrics.set_routes([route], [])
    metrics.attempt_started(attempt)
    metrics.set_routes([], [])
    metrics.set_routes([route], [])
    metrics.attempt_ended(on_time(attempt))
    labels = {"route": route.name}
    assert sample_value(metrics, "mailsonar_probes_started_total", labels) == 2.0
    assert sample_value(metrics, "mailsonar_probes_total", {**labels, "outcome": "on_time"}) == 1.0
    assert sample_value(metrics, "mailsonar_probes_pending", labels) == 0.0
