"""The numbers of one route, and the rules by which results change them.

Attempts may overlap and end in any order. Two rules keep that honest: what the last attempt says is what the most
recently *started* one says, and at every moment started = ended + pending.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.result import Attempt, Outcome, Result
from mailsonar.model.route import Route
from mailsonar.model.stage import StageTiming
from mailsonar.observe.families import Subject
from mailsonar.observe.histogram import Exemplar, Histogram
from mailsonar.observe.lines import Lines, Tally
from mailsonar.observe.route_series import show_route

# From one hop in a fast network to greylisting with retries. Ten, so that a plain route stays within 60 series.
ROUND_TRIP_BOUNDS = (0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 120.0, 600.0, 3600.0, inf)
ENDINGS = tuple(outcome for outcome in Outcome if outcome is not Outcome.PENDING)


@dataclass(slots=True, kw_only=True)
class _Pending:
    """An attempt under way; `failures_since` counts the failed attempts that were started after it."""

    started: float
    verdict: bool | None = None
    failures_since: int = 0


class _Newest:
    """How recently started the attempt was that last had a say in something."""

    def __init__(self) -> None:
        self.started = -inf

    def admits(self, started: float) -> bool:
        """Tell whether no newer attempt had its say, and remember this one's."""
        if started < self.started:
            return False
        self.started = started
        return True


class RouteTally(Tally):
    """The numbers of one route."""

    subject = Subject.ROUTE

    def __init__(self, route: Route) -> None:
        super().__init__(())
        self.configure(route)
        self.started = 0
        self.outcomes = dict.fromkeys(ENDINGS, 0)
        self.faults: Counter[tuple[str, str, str]] = Counter()
        self.round_trips = Histogram(ROUND_TRIP_BOUNDS)
        self.duplicates = 0
        self.success: bool | None = None
        self.fault: Fault | None = None
        self.consecutive_failures = 0
        self.last_start_wall: float | None = None
        self.last_success_wall: float | None = None
        self.last_seen: Result | None = None
        self.last_stages: tuple[StageTiming, ...] = ()
        self._pending: dict[str, _Pending] = {}
        self._stages, self._seen, self._verdict, self._success = _Newest(), _Newest(), _Newest(), _Newest()

    @property
    def pending(self) -> int:
        """Return how many attempts are under way."""
        return len(self._pending)

    def configure(self, route: Route) -> None:
        """Be the numbers of the route as the config has it now."""
        self.route = route
        self.labels = (route.name, *(value for _, value in route.labels))
        self.text = None

    def show(self, lines: Lines) -> None:
        """Add the route's samples."""
        show_route(lines, self)

    def start(self, attempt: Attempt) -> None:
        """Count an attempt; a token that is already under way is the same attempt."""
        if attempt.token_id in self._pending:
            return
        self.started += 1
        self.last_start_wall = attempt.started_wall
        self._pending[attempt.token_id] = _Pending(started=attempt.started)

    def resume(self, attempt: Attempt) -> None:
        """Take over an attempt that an earlier process counted as started."""
        self._pending[attempt.token_id] = _Pending(started=attempt.started)

    def restore(self, counts: Mapping[str, int]) -> None:
        """Continue counts where an earlier process left them: `started`, and each outcome by its name."""
        self.started = counts.get("started", 0)
        self.outcomes = {outcome: counts.get(outcome, 0) for outcome in ENDINGS}

    def forget_verdict(self) -> None:
        """Show no verdict, and no figures of a last attempt: the route comes anew. Counts go on."""
        self.success = self.fault = self.last_seen = self.last_start_wall = self.last_success_wall = None
        self.consecutive_failures = 0
        self.last_stages = ()

    def judge(self, result: Result, now_wall: float) -> None:
        """Take over a verdict, and the figures that came with it; an attempt that is not under way says nothing."""
        pending = self._pending.get(result.attempt.token_id)
        if pending is None:
            return
        if result.stages and self._stages.admits(pending.started):
            self.last_stages = result.stages
        if result.round_trip_seconds is not None and self._seen.admits(pending.started):
            self.last_seen = result
        if result.success is not None:
            self._take_verdict(pending, result, success=result.success, now_wall=now_wall)

    def end(self, result: Result, now_wall: float) -> None:
        """Count an outcome; an attempt that is not under way, or that has no outcome yet, counts nothing."""
        if result.attempt.token_id not in self._pending or result.outcome is Outcome.PENDING:
            return
        self.judge(result, now_wall)
        del self._pending[result.attempt.token_id]
        self.outcomes[result.outcome] += 1
        fault = result.fault
        if fault is not None:
            self.faults[fault.leg, fault.stage, fault.reason] += 1
        unwanted = fault is not None and fault.reason is Reason.NOT_BLOCKED
        arrived = result.outcome in {Outcome.ON_TIME, Outcome.LATE} and not unwanted
        if arrived and result.round_trip_seconds is not None and not result.attempt.resumed:
            exemplar = Exemplar(result.attempt.token_id, result.round_trip_seconds, now_wall)
            self.round_trips.observe(result.round_trip_seconds, exemplar)

    def _take_verdict(self, pending: _Pending, result: Result, *, success: bool, now_wall: float) -> None:
        """Let the verdict stand unless a newer attempt has one; count it in the run of failures, anew if it turns."""
        if self._verdict.admits(pending.started):
            self.success, self.fault = success, result.fault
        if pending.verdict is success:
            return
        pending.verdict = success
        if success:
            self.last_success_wall = now_wall
            if self._success.admits(pending.started):
                self.consecutive_failures = pending.failures_since
        elif pending.started >= self._success.started:
            self.consecutive_failures += 1
            for other in self._pending.values():
                other.failures_since += other.started < pending.started
