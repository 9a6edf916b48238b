"""From the keys of routes and matrices to `Route` values: names, references, timing and labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mailsonar.config.document import Document
from mailsonar.config.labels import check_route_labels, label_pairs
from mailsonar.config.loading import Loading
from mailsonar.config.problem import Place
from mailsonar.config.schema import MatrixPart, RoutePart, RouteSettingsPart
from mailsonar.config.sections import Named, listed_entries, named_entries
from mailsonar.config.timing import Timing, check_timing
from mailsonar.config.wording import listing, printable
from mailsonar.model.route import Content, Expectation, Maildrop, Route, Sender

_LARGEST_MATRIX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Makes the routes of all files out of what they may refer to."""

    senders: Named[Sender]
    maildrops: Named[Maildrop]
    label_names: Sequence[str]
    defaults: Timing
    loading: Loading
    routes: Named[Route] = field(default_factory=Named)

    def read(self, documents: Iterable[Document]) -> Named[Route]:
        """Return the routes in the order of the files; within a file, those of the matrices come last."""
        for document in documents:
            for name, value, place in named_entries(document, "routes", self.loading.report):
                self._read_route(name, value, place)
            for value, place in listed_entries(document, "matrix", self.loading.report):
                self._read_matrix(value, place)
        return self.routes

    def _read_route(self, name: str, value: object, place: Place) -> None:
        """Make one route."""
        claimed = self.routes.claim(name, place, self.loading.report)
        self._check(value, place)
        part = self.loading.part(RoutePart, value, place)
        if part and claimed:
            self._make(name, (part.sender, part.maildrop), part)

    def _read_matrix(self, value: object, place: Place) -> None:
        """Make a route from each sender to each maildrop."""
        self._check(value, place)
        part = self.loading.part(MatrixPart, value, place)
        if part is None:
            return
        count = len(part.senders) * len(part.maildrops)
        if count > _LARGEST_MATRIX:
            self.loading.report.wrong(place, f"makes {count} routes; at most {_LARGEST_MATRIX} are allowed")
            return
        for pair in ((sender, maildrop) for sender in part.senders for maildrop in part.maildrops):
            name = "--".join(pair)
            if self.routes.claim(name, place, self.loading.report, clash=f"makes the route {printable(name)} again"):
                self._make(name, pair, part)

    def _check(self, keys: object, place: Place) -> None:
        """Report what is wrong with the keys as they were written, so that it comes together with their types."""
        if not isinstance(keys, dict):
            return
        report = self.loading.report
        check_timing(keys, self.defaults, place, report)
        check_route_labels(keys.get("labels"), self.label_names, place / "labels", report)
        for key, kind, known in (
            ("from", "sender", self.senders.places),
            ("to", "maildrop", self.maildrops.places),
        ):
            for name, at in _names(keys.get(key), place / key):
                if name not in known:
                    report.wrong(at, f"there is no {kind} {printable(name)}; {kind}s: {listing(known)}")

    def _make(self, name: str, ends: tuple[str, str], part: RouteSettingsPart) -> None:
        """Add a route, if both its ends are good."""
        sender, maildrop = self.senders.values.get(ends[0]), self.maildrops.values.get(ends[1])
        if sender is None or maildrop is None:
            return
        timing = self.defaults.with_keys(part)
        self.routes.values[name] = Route(
            name=name,
            sender=sender,
            maildrop=maildrop,
            interval_seconds=timing.interval,
            deadline_seconds=timing.deadline,
            give_up_seconds=timing.give_up,
            labels=label_pairs(part.labels, self.label_names),
            size_bytes=timing.size,
            expect=Expectation(part.expect),
            content=Content(part.content),
            hops=part.hops,
            enabled=part.enabled,
        )


def _names(value: object, place: Place) -> Iterator[tuple[str, Place]]:
    """Yield the names at a key, with their places: one name, or a list of them."""
    if isinstance(value, str):
        yield value, place
    elif isinstance(value, list):
        yield from ((name, place / index) for index, name in enumerate(value) if isinstance(name, str))
