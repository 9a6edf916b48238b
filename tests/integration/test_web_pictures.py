"""How figures and stages become words and bars."""

from __future__ import annotations

import pytest
from tests.support.observed import failed, make_attempt, make_route, on_time

from mailsonar.model.result import Outcome
from mailsonar.model.stage import Leg, Stage, StageTiming
from mailsonar.web.waterfall import WIDTH, waterfall
from mailsonar.web.wording import age, duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 ms"),
        (0.0004, "0.4 ms"),
        (0.31, "310 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (1.84, "1.84 s"),
        (9.996, "10.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (125.0, "2 min 5 s"),
        (3599.9, "1 h"),
        (3725.0, "1 h 2 min"),
        (86400.0 * 42 + 3600, "42 d 1 h"),
    ],
)
def test_duration(seconds, words):
    """A duration has three digits or its two largest units, and rounds over into the next unit."""
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(-5.0, "just now"), (0.4, "just now"), (5.9, "5 s ago"), (60.0, "1 min ago")]
)
def test_age(seconds, words):
    """An age is cut to whole seconds, and a clock that stepped back shows no negative one."""
    assert age(seconds) == words


def timings(leg, *stages):
    """Return timings of a second each."""
    return tuple(StageTiming(leg=leg, stage=stage, seconds=1.0) for stage in stages)


def test_waterfall_overlaps_transit_and_retrieval():
    """Transit begins when data ends, and the look ends its list when the message was seen: at the round trip."""
    stages = (
        *timings(Leg.SUBMISSION, Stage.CONNECT, Stage.DATA, Stage.QUIT),
        *timings(Leg.TRANSIT, Stage.ARRIVAL),
        *timings(Leg.RETRIEVAL, Stage.CONNECT, Stage.LIST, Stage.QUIT),
    )
    bars = waterfall(on_time(make_attempt(make_route()), round_trip=4.0, stages=stages))
    assert [(bar.stage, bar.x) for bar in bars] == [
        ("connect", 0), ("data", 200), ("quit", 400), ("arrival", 400), ("connect", 400), ("list", 600), ("quit", 800),
    ]  # fmt: skip
    assert {bar.width for bar in bars} == {200.0}


def test_waterfall_of_a_failure_ends_with_it():
    """A failed stage is marked and nothing is drawn after it; the shortest stage is still to be seen."""
    quick = StageTiming(leg=Leg.SUBMISSION, stage=Stage.RESOLVE, seconds=0.0)
    stuck = StageTiming(leg=Leg.SUBMISSION, stage=Stage.TLS_HANDSHAKE, seconds=10.0, failed=True)
    bars = waterfall(failed(make_attempt(make_route()), Outcome.FAILED, stages=(quick, stuck)))
    assert [(bar.stage, bar.took, bar.failed) for bar in bars] == [
        ("resolve", "0 ms", False),
        ("tls handshake", "10.0 s", True),
    ]
    assert bars[0].width > 0
    assert bars[1].x + bars[1].width <= WIDTH


def test_waterfall_without_time():
    """Stages that took no measurable time are drawn, not divided by."""
    quick = StageTiming(leg=Leg.SUBMISSION, stage=Stage.RESOLVE, seconds=0.0)
    (bar,) = waterfall(failed(make_attempt(make_route()), stages=(quick,)))
    assert (bar.x, bar.took) == (0.0, "0 ms")
