"""How figures and stages become words and bars."""

from __future__ import annotations

import pytest
from tests.support.observed import failed, make_attempt, make_route, on_time

from mailsonar.model.result import Outcome
from mailsonar.model.stage import Leg, Stage, StageTiming
from mailsonar.observe.history import History
from mailsonar.web.sparkline import sparkline
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
    ("seconds", "words"),
    [
        (-5.0, "just now"),
        (0.4, "just now"),
        (5.9, "5 s ago"),
        (60.0, "1 min ago"),
        (119.0, "1 min ago"),
        (3725.0, "1 h 2 min ago"),
    ],
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
    picture = waterfall(on_time(make_attempt(make_route()), round_trip=4.0, stages=stages))
    assert [(leg, took, [(bar.stage, bar.x) for bar in bars]) for leg, took, bars in picture.legs] == [
        ("submission", "3.00 s", [("connect", 0), ("data", 20), ("quit", 40)]),
        ("transit", "1.00 s", [("arrival", 40)]),
        ("retrieval", "3.00 s", [("connect", 40), ("list", 60), ("quit", 80)]),
    ]
    assert {bar.width for _, _, bars in picture.legs for bar in bars} == {20.0}
    assert [(tick.x, tick.label) for tick in picture.ticks] == [
        (0, "0"), (20, "1.00 s"), (40, "2.00 s"), (60, "3.00 s"), (80, "4.00 s"), (100, "5.00 s"),
    ]  # fmt: skip


def test_waterfall_of_a_failure_ends_with_it():
    """A failed stage is marked and nothing is drawn after it; the shortest stage is still to be seen."""
    quick = StageTiming(leg=Leg.SUBMISSION, stage=Stage.RESOLVE, seconds=0.0)
    stuck = StageTiming(leg=Leg.SUBMISSION, stage=Stage.TLS_HANDSHAKE, seconds=10.0, failed=True)
    picture = waterfall(failed(make_attempt(make_route()), Outcome.FAILED, stages=(quick, stuck)))
    [(_, _, bars)] = picture.legs
    assert [(bar.stage, bar.took, bar.failed) for bar in bars] == [
        ("resolve", "0 ms", False),
        ("tls handshake", "10.0 s", True),
    ]
    assert bars[0].width > 0
    assert bars[1].x + bars[1].width <= WIDTH


def test_waterfall_without_time():
    """Stages that took no measurable time are drawn, not divided by."""
    quick = StageTiming(leg=Leg.SUBMISSION, stage=Stage.RESOLVE, seconds=0.0)
    picture = waterfall(failed(make_attempt(make_route()), stages=(quick,)))
    [(_, _, (bar,))] = picture.legs
    assert (bar.x, bar.took, picture.ticks) == (0.0, "0 ms", ())


@pytest.mark.parametrize("end", [1e-4, 0.0043, 0.01, 0.7, 5.0, 59.0, 3599.0])
def test_axis_has_few_marks(end):
    """Whatever an attempt took, its axis has two to six marks, the first at its start."""
    stage = StageTiming(leg=Leg.SUBMISSION, stage=Stage.CONNECT, seconds=end)
    ticks = waterfall(failed(make_attempt(make_route()), stages=(stage,))).ticks
    assert 2 <= len(ticks) <= 6
    assert ticks[0].x == 0
    assert all(0 <= tick.x <= WIDTH for tick in ticks)


def drawn(*results, slots=6):
    """Return the sparkline of a route with these results."""
    history = History()
    history.set_routes([make_route()])
    for result in results:
        history.attempt_started(result.attempt)
        history.attempt_ended(result)
    return sparkline(history.route("acme-internal"), slots)


def test_sparkline_tells_failures_successes_and_no_data_apart():
    """A failure reaches the top, a success never does, and an interval without an attempt is a dot, not a zero."""
    route = make_route()
    line = drawn(
        on_time(make_attempt(route, 0.0), 1.0),
        failed(make_attempt(route, 61.0)),
        on_time(make_attempt(route, 240.0), 2.0),
    )
    assert line.successes.count("M") == 2
    assert line.failures == "M10 24V0"
    assert line.dots == "M2 24v-1M14 24v-1M18 24v-1".replace("M10", "")
    assert line.words == "2 ok, 1 failed, 3 without data"
    assert (line.longest, line.spans) == ("2.00 s", "6 min")


def test_sparkline_keeps_the_failure_of_two_attempts_in_one_interval():
    """A probe that was asked for does not hide a failure in the same interval."""
    route = make_route()
    line = drawn(failed(make_attempt(route, 0.0)), on_time(make_attempt(route, 5.0)), slots=1)
    assert line.words == "0 ok, 1 failed"


def test_sparkline_of_nothing():
    """Without an attempt every interval is without data, and nothing is divided by."""
    assert drawn().words == "0 ok, 0 failed, 6 without data"
