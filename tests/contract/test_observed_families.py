"""What the agents tell, somebody looks at: dashboards and rules name every family, and none that does not exist."""

from __future__ import annotations

import re

from tests.support import alerting
from tests.support.grafana import committed

from mailsonar.observe.families import FAMILIES, Kind

UNUSED = {
    "mailsonar_probe_placement": "nothing feeds it yet: POP3 knows no other place than the inbox",
}
SERIES = re.compile(r"\bmailsonar_[a-z0-9_]+")


def series_by_family() -> dict[str, set[str]]:
    """Return the names of the series that each family is exposed as."""
    suffixes = {Kind.HISTOGRAM: ("_bucket", "_sum", "_count")}
    return {family.name: {family.name + end for end in suffixes.get(family.kind, ("",))} for family in FAMILIES}


def test_every_family_is_used_or_has_a_reason_not_to_be() -> None:
    """A figure that nobody looks at is a cost for every user, and a series that nobody tells is a blind spot."""
    queries = [one.expr for one in committed()] + [rule["expr"] for rule in alerting.rules()]
    named = {series for query in queries for series in SERIES.findall(query)}
    families = series_by_family()
    assert named - set().union(*families.values()) == set()
    unused = {family for family, series in families.items() if not series & named}
    assert unused == UNUSED.keys()
