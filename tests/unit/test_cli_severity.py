"""From results to exit codes."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from tests.support.observed import NOT_ARRIVED, REJECTED, failed, make_attempt, make_route, on_time

from mailsonar.cli.severity import CRITICAL, OK, UNKNOWN, WARNING, Thresholds, severity, worst
from mailsonar.model.fault import Fault, Reason
from mailsonar.model.result import Outcome, Result
from mailsonar.model.stage import Leg, Stage

ATTEMPT = make_attempt(make_route())
NONE = Thresholds(None, None)
BOTH = Thresholds(30.0, 120.0)
INTERNAL = Fault(leg=Leg.AGENT, stage=Stage.INTERNAL, reason=Reason.INTERNAL)
HELD_BACK = Fault(leg=Leg.RETRIEVAL, stage=Stage.DELETE, reason=Reason.HELD_BACK)
NOT_BLOCKED = Fault(leg=Leg.TRANSIT, stage=Stage.ARRIVAL, reason=Reason.NOT_BLOCKED)
LATE = replace(on_time(ATTEMPT, 100.0), outcome=Outcome.LATE, success=False, fault=NOT_ARRIVED)


@pytest.mark.parametrize(
    ("result", "thresholds", "code"),
    [
        (on_time(ATTEMPT, 200.0), NONE, OK),
        (on_time(ATTEMPT, 30.0), BOTH, OK),
        (on_time(ATTEMPT, 30.1), BOTH, WARNING),
        (on_time(ATTEMPT, 120.1), BOTH, CRITICAL),
        (on_time(ATTEMPT, 120.1), Thresholds(None, 120.0), CRITICAL),
        (LATE, NONE, WARNING),
        (LATE, Thresholds(None, 60.0), CRITICAL),
        (failed(ATTEMPT, Outcome.LOST, NOT_ARRIVED), NONE, CRITICAL),
        (replace(on_time(ATTEMPT), success=False, fault=NOT_BLOCKED), NONE, CRITICAL),
        (replace(LATE, fault=NOT_BLOCKED), NONE, CRITICAL),
        (Result(attempt=ATTEMPT, outcome=Outcome.BLOCKED, success=True), BOTH, OK),
        (Result(attempt=ATTEMPT, outcome=Outcome.PENDING, success=True), BOTH, OK),
        (failed(ATTEMPT, Outcome.FAILED, REJECTED), BOTH, CRITICAL),
        (failed(ATTEMPT, Outcome.PENDING, NOT_ARRIVED), NONE, CRITICAL),
        (Result(attempt=ATTEMPT, outcome=Outcome.PENDING, success=None), NONE, CRITICAL),
        (failed(ATTEMPT, Outcome.FAILED, INTERNAL), NONE, UNKNOWN),
        (failed(ATTEMPT, Outcome.FAILED, HELD_BACK), NONE, UNKNOWN),
    ],
)
def test_exit_code_of_one_result(result: Result, thresholds: Thresholds, code: int) -> None:
    """0 on time, 1 late or slow, 2 a server's fault or nothing seen, 3 our own budget or bug."""
    assert severity(result, thresholds) == code


@pytest.mark.parametrize("outcome", [one for one in Outcome if one not in (Outcome.ON_TIME, Outcome.LATE)])
def test_what_was_not_seen_is_critical(outcome: Outcome) -> None:
    """Whatever else became of an attempt, the message did not come."""
    assert severity(failed(ATTEMPT, outcome, NOT_ARRIVED), BOTH) == CRITICAL


def test_worst_of_all_results() -> None:
    """One exit code stands for all routes: the worst; without results nothing is known."""
    by_code = {
        OK: on_time(ATTEMPT), WARNING: LATE, CRITICAL: failed(ATTEMPT), UNKNOWN: failed(ATTEMPT, fault=INTERNAL),
    }  # fmt: skip
    for codes in product(by_code, repeat=2):
        assert worst([by_code[code] for code in codes], NONE) == max(codes)
    assert worst([], NONE) == UNKNOWN
