"""What the journal tells of a route's past, in the values that probes and observers speak in; called in threads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mailsonar.clock import Clock
from mailsonar.journal.reader import Inquiry
from mailsonar.journal.records import EndedRecord, Outline
from mailsonar.model.result import Attempt, Result
from mailsonar.model.route import Route
from mailsonar.observe.result_restore import restored
from mailsonar.observe.route_history import Past
from mailsonar.observe.route_view import KEPT_FAILURES, KEPT_RESULTS
from mailsonar.observe.transcript_json import restored_transcripts
from mailsonar.observe.trend import KEPT_VERDICTS, Point, Trend
from mailsonar.probe.remembered import Copies, Remembered

REMEMBERED_GIVE_UPS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When the journal is read, by both clocks: what it holds are POSIX seconds, attempts are timed by the other."""

    now: float
    now_wall: float

    @classmethod
    def of(cls, clock: Clock) -> Moment:
        """Return the present one."""
        return cls(now=clock.monotonic(), now_wall=clock.wall())

    def attempt(self, route: Route, token_id: str, started_wall: float) -> Attempt:
        """Return an attempt of an earlier process; none can have started in the future."""
        started = min(started_wall + self.now - self.now_wall, self.now)
        return Attempt(route=route, token_id=token_id, started=started, started_wall=started_wall, resumed=True)


def last_results(inquiry: Inquiry, route: Route, moment: Moment) -> list[Result]:
    """Return the results of a route that are worth showing, the newest first."""
    records = inquiry.last_ended(route.name, KEPT_RESULTS, KEPT_FAILURES)
    return [result for record in records if (result := _result(record, route, moment))]


def past_of(inquiry: Inquiry, route: Route, moment: Moment) -> Past:
    """Return of a route's past what is kept in memory."""
    outlines = inquiry.outlines(route.name, KEPT_VERDICTS)
    records = (inquiry.ended(token_id) for token_id in _telling(outlines))
    results = [result for record in records if record and (result := _result(record, route, moment))]
    return Past(
        results=sorted(results, key=lambda result: result.attempt.started_wall),
        trend=Trend.of(_point(one, success=one.success) for one in outlines if one.success is not None),
    )


def remembered_of(inquiry: Inquiry, routes: Iterable[Route], moment: Moment) -> dict[str, Remembered]:
    """Return by maildrop the messages of attempts that ended so lately that another copy may still come."""
    found: dict[str, Remembered] = {}
    for route in routes:
        lasts = REMEMBERED_GIVE_UPS * route.give_up_seconds
        for token_id, started_wall in inquiry.tokens(route.name, moment.now_wall - lasts):
            attempt = moment.attempt(route, token_id, started_wall)
            found.setdefault(route.maildrop.name, Remembered()).add(attempt, Copies(), attempt.started + lasts)
    return found


def _telling(outlines: Iterable[Outline]) -> set[str]:
    """Return the newest attempt, and the newest of each kind that a page tells of."""
    newest: dict[str, str] = {}
    for one in outlines:
        kinds = ("any", f"success {one.success}", "seen" if one.seen_wall else "not seen")
        for kind in kinds:
            newest.setdefault(kind, one.token_id)
    return set(newest.values())


def _point(outline: Outline, *, success: bool) -> Point:
    seen = outline.seen_wall
    return Point(outline.started_wall, success, None if seen is None else max(0.0, seen - outline.started_wall))


def _result(record: EndedRecord, route: Route, moment: Moment) -> Result | None:
    attempt = moment.attempt(route, record.token_id, record.started_wall)
    result = restored(record.result, attempt)
    return replace(result, transcripts=restored_transcripts(record.transcript)) if result else None
