"""What a scrape says of each route's attempts, and the rule that they all are accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.scrape import Scrape


@dataclass(slots=True)
class Tally:
    """The attempts of one route: started, still under way, ended by outcome."""

    started: float = 0.0
    pending: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)


def tallies(scrape: Scrape) -> dict[str, Tally]:
    """Return the attempts by route; in one pass, because scrapes of many routes are long."""
    found: dict[str, Tally] = {}
    for sample in scrape.samples:
        if sample.name not in {"mailsonar_probes_started_total", "mailsonar_probes_pending", "mailsonar_probes_total"}:
            continue
        tally = found.setdefault(sample.labels["route"], Tally())
        if sample.name == "mailsonar_probes_started_total":
            tally.started = sample.value
        elif sample.name == "mailsonar_probes_pending":
            tally.pending = sample.value
        else:
            tally.outcomes[sample.labels["outcome"]] = int(sample.value)
    return found


def outcomes_of(scrape: Scrape) -> dict[str, int]:
    """Return how all attempts ended, without the outcomes that there were none of."""
    return dict(sum((tally.outcomes for tally in tallies(scrape).values()), Counter()))


def assert_all_accounted_for(now: Mapping[str, Tally]) -> None:
    """Insist that on every route started = sum of outcomes + pending."""
    for route, tally in now.items():
        assert tally.started == tally.outcomes.total() + tally.pending, (route, tally)


def assert_nothing_taken_back(before: Mapping[str, Tally], now: Mapping[str, Tally]) -> None:
    """Insist that no counter of a route that is still there went backwards."""
    for route in before.keys() & now.keys():
        old, new = before[route], now[route]
        assert new.started >= old.started, (route, old, new)
        assert all(new.outcomes[outcome] >= count for outcome, count in old.outcomes.items()), (route, old, new)
