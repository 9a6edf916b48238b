"""Metrics with nobody else's, and what a scrape shows of them."""

from __future__ import annotations

from prometheus_client.exposition import choose_encoder
from prometheus_client.parser import text_string_to_metric_families as parse_text
from tests.support.observed import HandClock, make_route

from mailsonar.observe.interpreter import interpreter_registry
from mailsonar.observe.metrics import Metrics


def our_page(metrics, *, openmetrics=False):
    """Return what a scrape gets of our own families."""
    with metrics.moment() as moment:
        while moment.go_on():
            pass
    return b"".join(moment.page().chunks(openmetrics=openmetrics))


def sample_value(metrics, name, labels):
    """Return the figure of the one series of that name with exactly these labels, None where there is none."""
    families = parse_text(our_page(metrics).decode())
    found = [s.value for family in families for s in family.samples if (s.name, s.labels) == (name, labels)]
    assert len(found) <= 1
    return found[0] if found else None


class Scraped:
    """Metrics with one route, and what a scrape shows of them."""

    def __init__(self, *routes, labels=()):
        self.clock = HandClock()
        self.registry = interpreter_registry()
        self.metrics = Metrics(self.clock)
        self.routes = routes or (make_route(),)
        self.metrics.set_routes(self.routes, labels)

    def value(self, name, /, **labels):
        return sample_value(self.metrics, f"mailsonar_{name}", labels)

    def of_route(self, name, /, **labels):
        return self.value(name, route=self.routes[0].name, **labels)

    def samples(self, **labels):
        """Return (name, labels) of the samples that have all these labels."""
        found = [sample for family in parse_text(self.text()) for sample in family.samples]
        return [(s.name, s.labels) for s in found if labels.items() <= s.labels.items()]

    def text(self, accept=""):
        render, content_type = choose_encoder(accept)
        ours = our_page(self.metrics, openmetrics=content_type.startswith("application/openmetrics-text"))
        return (ours + render(self.registry)).decode()
