"""When to look next: dense while a message is young, never against the budget, always before a verdict."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsonar.probe.polling import (
    FIRST_LOOK_SECONDS,
    GAP_PER_AGE,
    LONGEST_GAP_OVERDUE_SECONDS,
    LONGEST_GAP_SECONDS,
    LONGEST_RETRY_SECONDS,
    RETRY_SECONDS,
    SHORTEST_GAP_SECONDS,
    LastLook,
    Pace,
    Sought,
    next_look,
)

FREE = Pace(fixed_seconds=None, least_seconds=0.0)
DEADLINE, GIVES_UP = 120.0, 3600.0


def sought(since: float = 0.0, deadline: float = DEADLINE, gives_up: float = GIVES_UP) -> Sought:
    """Return a message that is looked for since an instant, its other instants counted from there."""
    return Sought(since=since, deadline=since + deadline, gives_up=since + gives_up)


def looked(started: float, listing_seconds: float = 0.0, failures: int = 0) -> LastLook:
    """Return the look before."""
    return LastLook(started=started, listing_seconds=listing_seconds, failures=failures)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (None, FIRST_LOOK_SECONDS),
        (looked(-5), FIRST_LOOK_SECONDS),
        (looked(0.1), 0.1 + SHORTEST_GAP_SECONDS),
        (looked(10), 10 + 10 * GAP_PER_AGE),
        (looked(80), 80 + 80 * GAP_PER_AGE),
        (looked(130), 130 + 130 * GAP_PER_AGE),
        (looked(3000), 3000 + LONGEST_GAP_OVERDUE_SECONDS),
        (looked(110), DEADLINE),
        (looked(110, listing_seconds=2), DEADLINE - 4),
        (looked(119, listing_seconds=2), 119 + LONGEST_GAP_SECONDS),
        (looked(3550), GIVES_UP),
        (looked(0.1, failures=1), 0.1 + RETRY_SECONDS),
        (looked(0.1, failures=3), 0.1 + 4 * RETRY_SECONDS),
        (looked(0.1, failures=10), 0.1 + LONGEST_RETRY_SECONDS),
        (looked(-1, failures=4), -1 + RETRY_SECONDS),  # a new message is looked for as if one look had failed
    ],
)
def test_next_look_of_one_message(last: LastLook | None, expected: float) -> None:
    """Looks follow a message's age, stop at the two marks of its life, and keep away from a server that fails."""
    assert next_look([sought()], last, FREE) == pytest.approx(expected)


def test_nothing_sought_means_no_look() -> None:
    """A maildrop that nobody waits for is left in peace."""
    assert next_look([], looked(5), FREE) is None


@pytest.mark.parametrize(
    ("last", "expected"),
    [(None, 100.1), (looked(50), 350), (looked(-900), 100), (looked(100), 400), (looked(100, failures=1), 400)],
)
def test_fixed_gap_is_kept(last: LastLook | None, expected: float) -> None:
    """`poll: 5m` means a look every five minutes, while no mark of a message's life comes first."""
    pace = Pace(fixed_seconds=300.0, least_seconds=0.0)
    assert next_look([sought(since=100, deadline=1000)], last, pace) == pytest.approx(expected)


def test_fixed_gap_beyond_the_deadline_still_looks_before_it() -> None:
    """No verdict falls on a message that nobody looked for, however rare looks are meant to be."""
    pace = Pace(fixed_seconds=300.0, least_seconds=0.0)
    assert next_look([sought(since=100)], looked(99, listing_seconds=1), pace) == pytest.approx(100 + DEADLINE - 2)


@pytest.mark.parametrize("failures", [1, 2, 60, 1024, 1025, 10**6])
def test_longest_outage_is_survived(failures: int) -> None:
    """However many looks have failed in a row, the next one is at most a minute away."""
    due = next_look([sought()], looked(1, failures=failures), FREE)
    assert due is not None
    assert due <= 1 + LONGEST_RETRY_SECONDS


messages = st.builds(
    sought,
    since=st.floats(0, 1e6),
    deadline=st.floats(1, 3600),
    gives_up=st.floats(3600, 7200),
)
looks = st.builds(looked, started=st.floats(0, 1.1e6), listing_seconds=st.floats(0, 60), failures=st.integers(0, 10**5))
paces = st.builds(Pace, fixed_seconds=st.none() | st.floats(1, 3600), least_seconds=st.floats(0, 3600))


@given(st.lists(messages, min_size=1, max_size=5), looks, paces)
def test_next_look_keeps_the_budget_and_passes_no_end(waiting: list[Sought], last: LastLook, pace: Pace) -> None:
    """One look serves all; the budget holds against every wish; no message's end is passed without a look at it."""
    due = next_look(waiting, last, pace)
    assert due is not None
    assert due >= last.started + pace.least_seconds
    assert due == min(next_look([one], last, pace) or 0.0 for one in waiting)
    bound = last.started + max(pace.least_seconds, LONGEST_RETRY_SECONDS)
    assert all(due <= max(one.gives_up, bound) for one in waiting if last.started < one.gives_up)


@settings(max_examples=50, deadline=None)
@given(messages, st.floats(0, 10), paces)
def test_looks_reach_the_deadline_and_the_end(one: Sought, listing_seconds: float, pace: Pace) -> None:
    """Looking on and on, a look starts as the message is given up, and one ends about the deadline, budget allowing."""
    starts = []
    last = None
    while (last is None or last.started < one.gives_up) and len(starts) < 100_000:
        due = next_look([one], last, pace)
        assert due is not None
        assert last is None or due > last.started
        starts.append(due)
        last = looked(due, listing_seconds)
    assert starts[-1] < one.gives_up + max(pace.least_seconds, 1e-3) or len(starts) == 1
    assert any(one.deadline - 2 * listing_seconds <= start + max(pace.least_seconds, 1e-3) for start in starts)
