"""The page that a scrape gets: the client library's own bytes, and one moment however long it took to write down."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector
from tests.support.observed import HandClock, all_stages, failed, make_attempt, make_route, on_time
from tests.support.scraped import our_page

from mailsonar.observe.histogram import Exemplar, Histogram
from mailsonar.observe.metrics import Metrics
from mailsonar.observe.page import CHUNK_BYTES
from mailsonar.observe.tally import ROUND_TRIP_BOUNDS

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Parsed(Collector):
    """What a parser of the client library made of a page."""

    def __init__(self, families):
        self.families = list(families)

    def collect(self):
        for family in self.families:
            family.samples = [with_plain_time(sample) for sample in family.samples]
        return self.families


def with_plain_time(sample):
    """Return a sample whose exemplar has its time as a number, as ours have, and not as the parser gives it."""
    exemplar = sample.exemplar
    return sample._replace(exemplar=exemplar and exemplar._replace(timestamp=float(exemplar.timestamp)))


def as_the_library_writes(page, *, openmetrics):
    """Return the page, read and written again by the client library."""
    text = page.decode()
    families = parse_openmetrics(text + "# EOF\n") if openmetrics else parse_text(text)
    registry = CollectorRegistry()
    registry.register(Parsed(families))
    return choose_encoder(OPENMETRICS if openmetrics else "")[0](registry).removesuffix(b"# EOF\n")


def busy_metrics(names, clock=None):
    """Return metrics of routes with these names, each with a success and a failure."""
    metrics, routes = Metrics(clock or HandClock()), [make_route(name, (("customer", name),)) for name in names]
    metrics.set_routes(routes, ["customer"])
    for number, route in enumerate(routes):
        first, second = make_attempt(route, 0.0, f"a{number}"), make_attempt(route, 60.0, f"b{number}")
        metrics.attempt_started(first)
        metrics.attempt_ended(on_time(first, stages=all_stages()))
        metrics.attempt_started(second)
        metrics.attempt_ended(failed(second))
    metrics.config_reloaded(successful=True)
    return metrics, routes


@pytest.mark.parametrize("openmetrics", [False, True])
@given(names=st.lists(st.text(min_size=1, max_size=20).filter(lambda text: "\r" not in text), min_size=1, unique=True))
def test_page_is_what_the_library_would_write(openmetrics, names):
    """Whatever the names: the client library reads the page, and writes the very same bytes."""
    page = our_page(busy_metrics(names)[0], openmetrics=openmetrics)
    assert as_the_library_writes(page, openmetrics=openmetrics) == page


@given(values=st.lists(st.floats(min_value=0, allow_infinity=False, allow_nan=False)))
def test_figures_are_what_the_library_would_write(values):
    """Numbers of any size, and their exemplars, come out as the client library writes them."""
    metrics, (route,) = busy_metrics(["acme"])
    tally = metrics._changing(metrics._routes[route.name])
    tally.round_trips = Histogram(ROUND_TRIP_BOUNDS)
    for number, value in enumerate(values):
        tally.round_trips.observe(value, Exemplar(f"t{number}", value, 1e9))
    for openmetrics in (False, True):
        page = our_page(metrics, openmetrics=openmetrics)
        if math.isfinite(tally.round_trips.sum):
            assert as_the_library_writes(page, openmetrics=openmetrics) == page


def sums(page):
    """Return how many attempts were started, and how many have ended or are under way, by route."""
    started, others = {}, {}
    for sample in (one for family in parse_text(page.decode()) for one in family.samples):
        if sample.name == "mailsonar_probes_started_total":
            started[sample.labels["route"]] = sample.value
        elif sample.name in {"mailsonar_probes_total", "mailsonar_probes_pending"}:
            others[sample.labels["route"]] = others.get(sample.labels["route"], 0) + sample.value
    return started, others


def test_changes_while_it_is_written_do_not_show():
    """A page shows the moment in which it was asked for: nothing that came after it, and nothing of it twice."""
    clock = HandClock()
    metrics, routes = busy_metrics([f"route{number}" for number in range(200)], clock)
    wanted = our_page(metrics)
    for tally in metrics._routes.values():
        tally.text = None
    with metrics.moment() as moment:
        steps = 0
        while moment.go_on():
            steps += 1
            for route in (routes[steps], routes[-steps]):
                attempt = make_attempt(route, 120.0, f"c{steps}-{route.name}")
                metrics.attempt_started(attempt)
                if steps % 2:
                    metrics.attempt_ended(on_time(attempt))
            metrics.loop_lagged(0.5)
    assert steps > 10
    assert b"".join(moment.page().chunks(openmetrics=False)) == wanted
    after = our_page(metrics)
    assert after != wanted
    started, others = sums(after)
    assert started == others
    assert sum(started.values()) == 400 + 2 * steps


def test_routes_that_change_while_it_is_written_show_as_they_are_then():
    """A reload in the middle of a scrape makes it a scrape of the new config, whole."""
    metrics, routes = busy_metrics([f"route{number}" for number in range(50)])
    for tally in metrics._routes.values():
        tally.text = None
    with metrics.moment() as moment:
        assert moment.go_on()
        metrics.set_routes(routes[:10], ["customer"])
        while moment.go_on():
            pass
    assert b"".join(moment.page().chunks(openmetrics=False)) == our_page(metrics)


def test_what_did_not_change_is_not_written_again(monkeypatch):
    """A scrape costs what changed since the one before."""
    metrics, routes = busy_metrics([f"route{number}" for number in range(20)])
    our_page(metrics)
    written = []
    monkeypatch.setattr("mailsonar.observe.tally.show_route", lambda _, tally: written.append(tally.route.name))
    metrics.attempt_started(make_attempt(routes[3], 120.0, "new"))
    our_page(metrics)
    our_page(metrics)
    assert written == ["route3"]


def test_chunks_are_small():
    """No chunk is so large that to make it would hold the event loop."""
    metrics, _ = busy_metrics([f"route{number}" for number in range(300)])
    our_page(metrics)
    with metrics.moment() as moment:
        while moment.go_on():
            pass
    sizes = [len(chunk) for chunk in moment.page().chunks(openmetrics=True)]
    assert len(sizes) > 5
    assert max(sizes) < 3 * CHUNK_BYTES
