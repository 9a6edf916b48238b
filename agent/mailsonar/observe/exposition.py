"""One scrape in the making: samples are added by family, and come out in the order of the declarations.

Everything is added in one go in the event loop's thread, so a scrape shows one consistent moment.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from math import inf

from prometheus_client.core import CounterMetricFamily, Exemplar, GaugeMetricFamily, HistogramMetricFamily, Metric

from mailsonar.observe.families import FAMILIES, Family


class Histogram:
    """Counts values into buckets; each bucket keeps the last exemplar that fell into it.

    Args:
        bounds: the upper bounds in ascending order, without the infinite one.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = (*bounds, inf)
        self._counts = [0] * len(self._bounds)
        self._exemplars: list[Exemplar | None] = [None] * len(self._bounds)
        self.sum = 0.0

    def observe(self, value: float, exemplar: Exemplar | None = None) -> None:
        """Count a value; a value on a bound falls below it."""
        index = bisect_left(self._bounds, value)
        self._counts[index] += 1
        self.sum += value
        if exemplar is not None:
            self._exemplars[index] = exemplar

    def buckets(self) -> list[tuple[str, float, Exemplar | None]]:
        """Return bound, cumulative count and exemplar of each bucket."""
        total, buckets = 0, []
        for bound, count, exemplar in zip(self._bounds, self._counts, self._exemplars, strict=True):
            total += count
            buckets.append(("+Inf" if bound == inf else str(bound), float(total), exemplar))
        return buckets


class Exposition:
    """Collects the samples of one scrape.

    Args:
        declared: the label names that the config declares for routes.
    """

    def __init__(self, declared: Sequence[str]) -> None:
        self._families = {family.name: family.empty(declared) for family in FAMILIES if family.fed}

    def add(self, family: Family, labels: Sequence[str], value: float | None) -> None:
        """Add a sample to a gauge or counter; None is a figure that does not exist, and adds nothing."""
        metrics = self._families[family.name]
        if value is not None and isinstance(metrics, GaugeMetricFamily | CounterMetricFamily):
            metrics.add_metric(labels, value)

    def add_histogram(self, family: Family, labels: Sequence[str], histogram: Histogram) -> None:
        """Add all series of one histogram."""
        metrics = self._families[family.name]
        if isinstance(metrics, HistogramMetricFamily):
            metrics.add_metric(labels, histogram.buckets(), histogram.sum)  # type: ignore[arg-type]  # None is allowed

    def metrics(self) -> Iterator[Metric]:
        """Yield the families that have samples."""
        return (metrics for metrics in self._families.values() if metrics.samples)
