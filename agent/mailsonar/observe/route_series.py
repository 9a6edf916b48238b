"""How the numbers of a route become series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mailsonar.model.provenance import Provenance
from mailsonar.model.route import Route
from mailsonar.model.stage import Leg, StageTiming
from mailsonar.observe import families as f
from mailsonar.observe.endpoints import account_labels
from mailsonar.observe.lines import Lines

if TYPE_CHECKING:
    from mailsonar.observe.tally import RouteTally

HOPS_LIMIT = 10


def show_route(lines: Lines, tally: RouteTally) -> None:
    """Add all samples of a route."""
    _show_counts(lines, tally)
    _show_verdict(lines, tally)
    _show_last_attempt(lines, tally)
    if tally.last_seen is not None:
        _show_provenance(lines, tally.last_seen.provenance, hops=tally.route.hops)
    _show_config(lines, tally.route)


def _show_counts(lines: Lines, tally: RouteTally) -> None:
    lines.add(f.STARTED, tally.started)
    lines.add(f.PENDING, tally.pending)
    lines.add(f.DUPLICATES, tally.duplicates)
    for outcome, count in tally.outcomes.items():
        lines.add(f.OUTCOMES, count, outcome)
    for fault, count in tally.faults.items():
        lines.add(f.FAULTS, count, *fault)
    lines.add_histogram(f.ROUND_TRIP, tally.round_trips)


def _show_verdict(lines: Lines, tally: RouteTally) -> None:
    lines.add(f.SUCCESS, tally.success)
    lines.add(f.CONSECUTIVE_FAILURES, tally.consecutive_failures)
    lines.add(f.LAST_SUCCESS, tally.last_success_wall)
    if tally.fault is not None:
        lines.add(f.FAULT, 1.0, tally.fault.leg, tally.fault.stage, tally.fault.reason)


def _show_last_attempt(lines: Lines, tally: RouteTally) -> None:
    lines.add(f.LAST_START, tally.last_start_wall)
    for stage, seconds in _seconds_of(tally.last_stages).items():
        lines.add(f.LAST_STAGE, seconds, *stage)
    if tally.last_seen is not None:
        lines.add(f.LAST_ROUND_TRIP, tally.last_seen.round_trip_seconds)
        lines.add(f.LAST_ERROR, tally.last_seen.error_seconds)


def _show_provenance(lines: Lines, told: Provenance, *, hops: bool) -> None:
    for verdict in told.verdicts:
        lines.add(f.SENDER_VERDICT, 1.0, verdict.method, verdict.finding)
    for number, hop in enumerate(told.hops[:HOPS_LIMIT] if hops else (), start=1):
        lines.add(f.HOP, hop.seconds, str(number))


def _show_config(lines: Lines, route: Route) -> None:
    submission, retrieval = route.sender.account, route.maildrop.account
    lines.add(f.DEADLINE, route.deadline_seconds)
    lines.add(f.INTERVAL, route.interval_seconds)
    parts = (route.sender.name, route.maildrop.name, submission.server.name, retrieval.server.name)
    lines.add(f.ROUTE_INFO, 1.0, *parts, route.provider or "")
    lines.add(f.ROUTE_SERVER_INFO, 1.0, Leg.SUBMISSION, *account_labels(submission))
    lines.add(f.ROUTE_SERVER_INFO, 1.0, Leg.RETRIEVAL, *account_labels(retrieval))


def _seconds_of(stages: Iterable[StageTiming]) -> Mapping[tuple[str, str], float]:
    """Return the seconds by leg and stage: a stage that ran twice is one series, since two would void the scrape."""
    seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
    for timing in stages:
        seconds[timing.leg, timing.stage] += timing.seconds
    return seconds
