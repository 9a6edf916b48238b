"""How the numbers of a route become series."""

from __future__ import annotations

from mailsonar.model.provenance import Provenance
from mailsonar.model.route import Route
from mailsonar.model.stage import Leg
from mailsonar.observe import families as f
from mailsonar.observe.endpoints import account_labels
from mailsonar.observe.exposition import Exposition
from mailsonar.observe.tally import RouteTally

HOPS_LIMIT = 10


def show_route(page: Exposition, tally: RouteTally) -> None:
    """Add all samples of a route."""
    labels = (tally.route.name, *(value for _, value in tally.route.labels))
    _show_counts(page, labels, tally)
    _show_verdict(page, labels, tally)
    _show_last_attempt(page, labels, tally)
    if tally.last_seen is not None:
        _show_provenance(page, labels, tally.last_seen.provenance, hops=tally.route.hops)
    _show_config(page, labels, tally.route)


def _show_counts(page: Exposition, labels: tuple[str, ...], tally: RouteTally) -> None:
    page.add(f.STARTED, labels, tally.started)
    page.add(f.PENDING, labels, tally.pending)
    page.add(f.DUPLICATES, labels, tally.duplicates)
    for outcome, count in tally.outcomes.items():
        page.add(f.OUTCOMES, (*labels, outcome), count)
    for fault, count in tally.faults.items():
        page.add(f.FAULTS, (*labels, *fault), count)
    page.add_histogram(f.ROUND_TRIP, labels, tally.round_trips)


def _show_verdict(page: Exposition, labels: tuple[str, ...], tally: RouteTally) -> None:
    page.add(f.SUCCESS, labels, tally.success)
    page.add(f.CONSECUTIVE_FAILURES, labels, tally.consecutive_failures)
    page.add(f.LAST_SUCCESS, labels, tally.last_success_wall)
    if tally.fault is not None:
        page.add(f.FAULT, (*labels, tally.fault.leg, tally.fault.stage, tally.fault.reason), 1.0)


def _show_last_attempt(page: Exposition, labels: tuple[str, ...], tally: RouteTally) -> None:
    page.add(f.LAST_START, labels, tally.last_start_wall)
    for stage, seconds in tally.last_stages.items():
        page.add(f.LAST_STAGE, (*labels, *stage), seconds)
    if tally.last_seen is not None:
        page.add(f.LAST_ROUND_TRIP, labels, tally.last_seen.round_trip_seconds)
        page.add(f.LAST_ERROR, labels, tally.last_seen.error_seconds)


def _show_provenance(page: Exposition, labels: tuple[str, ...], told: Provenance, *, hops: bool) -> None:
    for verdict in told.verdicts:
        page.add(f.SENDER_VERDICT, (*labels, verdict.method, verdict.finding), 1.0)
    for number, hop in enumerate(told.hops[:HOPS_LIMIT] if hops else (), start=1):
        page.add(f.HOP, (*labels, str(number)), hop.seconds)


def _show_config(page: Exposition, labels: tuple[str, ...], route: Route) -> None:
    submission, retrieval = route.sender.account, route.maildrop.account
    page.add(f.DEADLINE, labels, route.deadline_seconds)
    page.add(f.INTERVAL, labels, route.interval_seconds)
    parts = (route.sender.name, route.maildrop.name, submission.server.name, retrieval.server.name)
    page.add(f.ROUTE_INFO, (*labels, *parts, route.provider or ""), 1.0)
    page.add(f.ROUTE_SERVER_INFO, (*labels, Leg.SUBMISSION, *account_labels(submission)), 1.0)
    page.add(f.ROUTE_SERVER_INFO, (*labels, Leg.RETRIEVAL, *account_labels(retrieval)), 1.0)
