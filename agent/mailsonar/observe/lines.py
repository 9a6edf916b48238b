"""How numbers become lines of Prometheus' text formats, the same as its client library writes them.

The two formats differ in a sample's line only by the exemplar, so a line is written once, with a mark before it: a byte
that UTF-8 has no use for, so that nothing else can be taken for it. In Python's text it is a lone surrogate.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeAlias

from prometheus_client.utils import floatToGoString

from mailsonar.observe.families import FAMILIES_OF, Family, Subject
from mailsonar.observe.histogram import Exemplar, Histogram

Text: TypeAlias = tuple[bytes, ...]
"""The lines of one tally: one element for each family of its subject, in the order of their declaration."""

_figure: Callable[[float], str] = floatToGoString

_MARK = b"\xff"
_MARK_AS_TEXT = _MARK.decode(errors="surrogateescape")
_MARKED = re.compile(rb"\xff[^\n]*")


class Tally(ABC):
    """What has numbers to show; `text` is what they were last written as, None once they changed.

    Args:
        labels: the values of those labels that all samples have.
    """

    subject: ClassVar[Subject]

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.labels = labels
        self.text: Text | None = None

    @abstractmethod
    def show(self, lines: Lines) -> None:
        """Add all samples."""

    def write(self, templates: Mapping[str, str]) -> Text:
        """Return the numbers as text, which is made only if they changed since the last time.

        Args:
            templates: those of all families, by sample name.
        """
        if self.text is None:
            lines = Lines(templates, self.labels)
            self.show(lines)
            self.text = lines.text(FAMILIES_OF[self.subject])
        return self.text


class Lines:
    """Collects the samples of one tally as lines, by family.

    Args:
        templates: those of all families, by sample name.
        labels: the values of those labels that all samples have.
    """

    def __init__(self, templates: Mapping[str, str], labels: Sequence[str]) -> None:
        self._templates = templates
        self._labels = tuple(map(_escaped, labels))
        self._lines: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, family: Family, value: float | None, *labels: str) -> None:
        """Add a sample to a gauge or counter; None is a figure that does not exist, and adds nothing."""
        if value is not None:
            template = self._templates[family.name]
            self._lines[family.name].append(template.format(*self._labels, *map(_escaped, labels), _figure(value)))

    def add_histogram(self, family: Family, histogram: Histogram) -> None:
        """Add all series of one histogram."""
        bucket, count, total = (self._templates[name] for name in family.sample_names)
        lines, number = self._lines[family.name], "0.0"
        for bound, seen, exemplar in histogram.buckets():
            number = _figure(seen)
            line = bucket.format(*self._labels, bound, number)
            lines.append(line if exemplar is None else f"{line[:-1]}{_MARK_AS_TEXT}{_written(exemplar)}")
        lines.append(count.format(*self._labels, number))
        lines.append(total.format(*self._labels, _figure(histogram.sum)))

    def text(self, families: Sequence[Family]) -> Text:
        """Return the lines of each of these families."""
        written = ("".join(self._lines.get(family.name, ())) for family in families)
        return tuple(lines.encode(errors="surrogateescape") for lines in written)


def finished(lines: bytes, *, openmetrics: bool) -> bytes:
    """Return lines of a text as a format has them: only OpenMetrics has exemplars."""
    return lines.replace(_MARK, b"") if openmetrics else _MARKED.sub(b"", lines)


def _escaped(value: str) -> str:
    if value.isalnum():
        return value
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _written(exemplar: Exemplar) -> str:
    return f' # {{token="{_escaped(exemplar.token_id)}"}} {_figure(exemplar.value)} {exemplar.wall}\n'
