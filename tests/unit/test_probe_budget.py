"""How much an account may be used within a time."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mailsonar.model.limits import Counted, Limits, Rate
from mailsonar.model.server import Account, Protocol, Security, Server
from mailsonar.probe.budget import Budgets

SERVER = Server(protocol=Protocol.SMTP, host="h.example", port=587, security=Security.STARTTLS)
BOTH = {Counted.LOGIN, Counted.SUBMISSION}


def account(*submissions: tuple[int, float], logins_per_hour: int | None = None) -> Account:
    """Return an account that may submit so often within so many seconds."""
    rates = tuple(Rate(counted=Counted.SUBMISSION, count=count, seconds=seconds) for count, seconds in submissions)
    return Account(server=SERVER, credentials=None, limits=Limits(logins_per_hour=logins_per_hour, submissions=rates))


def test_account_without_limits_is_always_free() -> None:
    """Nothing is counted that nobody limits."""
    budgets, unlimited = Budgets(), account()
    for _ in range(1000):
        budgets.spend(unlimited, BOTH, 5.0)
    assert budgets.free_at(unlimited, BOTH, 5.0) == 5.0


def test_room_comes_when_the_first_use_is_old_enough() -> None:
    """A budget of two a minute has room again a minute after the first of two."""
    budgets, two_a_minute = Budgets(), account((2, 60.0))
    budgets.spend(two_a_minute, BOTH, 10.0)
    assert budgets.free_at(two_a_minute, BOTH, 11.0) == 11.0
    budgets.spend(two_a_minute, BOTH, 30.0)
    assert budgets.free_at(two_a_minute, BOTH, 31.0) == 70.0
    assert budgets.free_at(two_a_minute, BOTH, 70.0) == 70.0
    assert budgets.free_at(two_a_minute, {Counted.LOGIN}, 31.0) == 31.0


def test_the_tightest_rate_decides() -> None:
    """Logins an hour and submissions a minute hold together."""
    budgets, tight = Budgets(), account((5, 60.0), logins_per_hour=2)
    budgets.spend(tight, BOTH, 0.0)
    budgets.spend(tight, BOTH, 100.0)
    assert budgets.free_at(tight, BOTH, 101.0) == 3600.0
    assert budgets.free_at(tight, {Counted.SUBMISSION}, 101.0) == 101.0


def test_limit_that_a_reload_changes_counts_what_was_used_before() -> None:
    """A new config does not forgive what the old one spent."""
    budgets = Budgets()
    for instant in (0.0, 1.0, 2.0):
        budgets.spend(account((5, 60.0)), BOTH, instant)
    assert budgets.free_at(account((2, 60.0)), BOTH, 3.0) == 61.0


@given(st.integers(1, 5), st.lists(st.integers(0, 30), max_size=60))
def test_no_window_holds_more_than_allowed(count: int, pauses: list[int]) -> None:
    """Whoever waits for the room never exceeds the budget in any window, and never waits without need."""
    budgets, limited, now = Budgets(), account((count, 60.0)), 0.0
    used: list[float] = []
    for pause in pauses:
        now += pause
        free_at = budgets.free_at(limited, BOTH, now)
        assert free_at == now or sum(free_at - 60 <= one for one in used) == count
        now = free_at
        budgets.spend(limited, BOTH, now)
        used.append(now)
    assert all(later - earlier >= 60 for earlier, later in zip(used, used[count:], strict=False))
    assert all(earlier <= later for earlier, later in pairwise(used))
