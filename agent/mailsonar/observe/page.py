"""One moment of all tallies, written down bit by bit while they go on changing, and the page that shows it.

The rule: of every tally a moment has either the text already, or the tally is as it was in that moment. It is kept by
whoever changes a tally, by telling the moments under way first. Texts never change, so a page needs no lock, and no
more memory than what changed since.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from mailsonar.observe.families import FAMILIES, FAMILIES_OF, Family, Kind, Subject
from mailsonar.observe.lines import Tally, Text, finished

CHUNK_BYTES = 128 * 1024
_WRITTEN_AT_ONCE = 10  # about a millisecond for as many routes
_PASSED_AT_ONCE = 2000  # those whose text is there already
_JOINED_AT_ONCE = 100


class Moment:
    """All tallies as they are now.

    Args:
        templates: how lines are written, by sample name.
        tallies: all that are shown, by subject.
    """

    def __init__(self, templates: Mapping[str, str], tallies: Mapping[Subject, Sequence[Tally]]) -> None:
        self.begin(templates, tallies)

    def begin(self, templates: Mapping[str, str], tallies: Mapping[Subject, Sequence[Tally]]) -> None:
        """Be the moment that is now, whatever was written so far: it is another set of tallies that is shown."""
        self._templates, self._tallies = templates, tallies
        self._texts: dict[Tally, Text] = {}
        self._rest = chain.from_iterable(tallies.values())

    def keep(self, tally: Tally) -> None:
        """Write a tally down, before it changes, unless that was done."""
        if tally not in self._texts:
            self._texts[tally] = tally.write(self._templates)

    def go_on(self) -> bool:
        """Write some more down, in about a millisecond; tell whether there may be more to come."""
        written = 0
        for passed, tally in enumerate(self._rest, start=1):
            written += tally.text is None
            self.keep(tally)
            if written == _WRITTEN_AT_ONCE or passed == _PASSED_AT_ONCE:
                return True
        return False

    def page(self) -> Page:
        """Return the page, once all is written down."""
        texts = {subject: [self._texts[one] for one in tallies] for subject, tallies in self._tallies.items()}
        return Page(texts=texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a scrape gets of our families, the texts of all tallies by subject."""

    texts: Mapping[Subject, Sequence[Text]]

    def chunks(self, *, openmetrics: bool, names: Iterable[str] = ()) -> Iterator[bytes]:
        """Yield the page in pieces of about `CHUNK_BYTES`, each made in well under a millisecond.

        Args:
            openmetrics: whether it is to be in that format, without its end, rather than in the plain one.
            names: those of the samples that are asked for, all if there are none.
        """
        gathered, size = [], 0
        for part in self._parts(openmetrics=openmetrics, names=frozenset(names)):
            gathered.append(part)
            size += len(part)
            if size >= CHUNK_BYTES:
                yield b"".join(gathered)
                gathered, size = [], 0
        yield b"".join(gathered)

    def _parts(self, *, openmetrics: bool, names: frozenset[str]) -> Iterator[bytes]:
        for family in FAMILIES:
            wanted = names.intersection(family.sample_names) if names else frozenset(family.sample_names)
            if not (wanted and family.fed):
                continue
            head = family.head(openmetrics=openmetrics).encode()
            for lines in self._lines(family):
                shown = lines if len(wanted) == len(family.sample_names) else _only(wanted, lines)
                yield head if shown else b""
                yield finished(shown, openmetrics=openmetrics) if family.kind is Kind.HISTOGRAM else shown
                head = b"" if shown else head

    def _lines(self, family: Family) -> Iterator[bytes]:
        """Yield the lines of a family, those of many tallies at once."""
        texts, column = self.texts[family.subject], FAMILIES_OF[family.subject].index(family)
        for start in range(0, len(texts), _JOINED_AT_ONCE):
            yield b"".join([text[column] for text in texts[start : start + _JOINED_AT_ONCE]])


def _only(names: Iterable[str], lines: bytes) -> bytes:
    """Return the lines that are of these samples."""
    return b"".join(re.findall(rb"^(?:%b)[{ ].*\n" % "|".join(names).encode(), lines, re.MULTILINE))
