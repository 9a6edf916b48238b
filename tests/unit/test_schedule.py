"""Starts at a fixed rate: no drift, no herd, no burst."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.observed import HandClock

from mailsonar.schedule import Schedule, next_start, phase


@pytest.mark.parametrize(
    ("now", "expected"), [(-5, 10), (10, 10), (10.1, 70), (70, 70), (70.001, 130), (1000, 1030), (100_000, 100_030)]
)
def test_next_start_is_on_the_grid(now: float, expected: float) -> None:
    """Starts keep to first + n x interval; what was missed is not made up for."""
    assert next_start(now, 60.0, 10.0) == pytest.approx(expected)


@given(st.floats(0, 1e9), st.floats(1, 86400), st.floats(0, 1e6))
def test_next_start_is_soon_and_not_past(now: float, interval: float, first: float) -> None:
    """The next start lies ahead, by less than an interval unless it is the first."""
    due = next_start(now, interval, first)
    assert due >= first
    assert due >= now - 1e-6
    assert due == first or due - now <= interval * (1 + 1e-9) + 1e-6


@given(st.text(min_size=1), st.floats(1, 86400))
def test_phase_lies_within_the_interval(name: str, interval: float) -> None:
    """A route's first start comes within one interval, at the same place in every run."""
    assert 0 <= phase(name, interval) < interval
    assert phase(name, interval) == phase(name, interval)


def test_phases_are_spread_evenly() -> None:
    """Ten thousand routes start all over the interval: a tenth of them in each tenth."""
    counts = [0] * 10
    for number in range(10_000):
        counts[int(phase(f"customer-{number}", 10.0))] += 1
    assert min(counts) > 900
    assert max(counts) < 1100


class Enough(Exception):
    """Ends a schedule that would run for ever."""


class Starts:
    """Begins nothing, but notes when; each start takes as long as the test says."""

    def __init__(self, clock: HandClock, count: int, takes: float = 0.0) -> None:
        self.clock = clock
        self.count = count
        self.takes = takes
        self.lags: list[float] = []
        self.at: list[float] = []

    async def begin(self) -> None:
        self.at.append(self.clock.now)
        if len(self.at) == self.count:
            raise Enough
        self.clock.now += self.takes


async def test_million_starts_do_not_drift() -> None:
    """After a million starts, each a little late, the next one is where the first said it would be."""
    clock, interval = HandClock(5.0), 0.1
    first = 5.0 + phase("r", interval)
    starts = Starts(clock, 1_000_000, takes=0.013)
    with pytest.raises(Enough):
        await Schedule("r", interval, clock).run(starts.begin, lambda _: None)
    assert starts.at[-1] == pytest.approx(first + 999_999 * interval, abs=1e-3)


async def test_pause_is_followed_by_one_start() -> None:
    """After a host has slept, one attempt starts, and the next one an interval's grid later: no burst."""
    clock = HandClock()
    schedule = Schedule("r", 60.0, clock)
    first = phase("r", 60.0)
    starts = Starts(clock, 4)

    async def begin() -> None:
        await starts.begin()
        if len(starts.at) == 2:
            clock.now += 1000  # the machine sleeps

    with pytest.raises(Enough):
        await schedule.run(begin, starts.lags.append)
    assert starts.at == pytest.approx([first, first + 60, first + 1080, first + 1140])
    assert starts.lags == pytest.approx([0, 1000, 0])


async def test_start_that_fails_is_due_again() -> None:
    """A schedule that is started again goes on where it was: it skips nothing."""
    clock = HandClock()
    schedule = Schedule("r", 60.0, clock)
    for _ in range(2):
        with pytest.raises(Enough):
            await schedule.run(Starts(clock, 1).begin, lambda _: None)
    assert clock.now == pytest.approx(phase("r", 60.0))
