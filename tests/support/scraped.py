"""Metrics on a registry of their own, and what a scrape shows of them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from tests.support.observed import HandClock, make_route

from mailsonar.observe.metrics import Metrics


class Scraped:
    """Metrics on a registry of their own, with one route, and what a scrape shows of them."""

    def __init__(self, *routes, labels=()):
        self.clock = HandClock()
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry, self.clock)
        self.routes = routes or (make_route(),)
        self.metrics.set_routes(self.routes, labels)

    def value(self, name, /, **labels):
        return self.registry.get_sample_value(f"mailsonar_{name}", labels)

    def of_route(self, name, /, **labels):
        return self.value(name, route=self.routes[0].name, **labels)

    def samples(self, **labels):
        """Return (name, labels) of our samples that have all these labels."""
        found = [sample for family in self.registry.collect() for sample in family.samples]
        return [(s.name, s.labels) for s in found if labels.items() <= s.labels.items()]

    def text(self, accept=""):
        render, _ = choose_encoder(accept)
        return render(self.registry).decode()
