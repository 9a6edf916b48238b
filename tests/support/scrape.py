"""What one scrape of an agent's /metrics said, asked by name and labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of a scrape; `labels` holds every label of the series."""

    name: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Scrape:
    """The samples of one scrape, in their order; `text` is the page as it came."""

    text: str
    samples: tuple[Sample, ...]

    @classmethod
    def parse(cls, text: str) -> Scrape:
        """Read a page in Prometheus' text format.

        Raises:
            ValueError: the page is not in that format.
        """
        return cls(
            text,
            tuple(
                Sample(sample.name, dict(sample.labels), sample.value)
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            ),
        )

    def matching(self, name: str, **labels: str) -> Iterator[Sample]:
        """Yield the samples of that name whose labels include the given ones."""
        for sample in self.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                yield sample

    def value(self, name: str, **labels: str) -> float | None:
        """Return the value of the one sample that matches, None where there is none.

        Raises:
            LookupError: several match, so that the question is ambiguous.
        """
        found = list(self.matching(name, **labels))
        if len(found) > 1:
            raise LookupError(f"{len(found)} samples match {name} {labels}")
        return found[0].value if found else None

    def total(self, name: str, **labels: str) -> float:
        """Return the sum over all samples that match, 0 where there is none."""
        return sum(sample.value for sample in self.matching(name, **labels))
