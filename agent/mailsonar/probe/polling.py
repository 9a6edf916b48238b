"""When to look into a maildrop next: pure.

Looks are dense where a message is young and grow sparser with its age, since what an arrival's error may be is a share
of its round trip. One look serves all messages that are awaited. Just before a deadline, and when a message is to be
given up, there is always a look.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mailsonar.model.route import Maildrop

FIRST_LOOK_SECONDS = 0.1
SHORTEST_GAP_SECONDS = 0.5
GAP_PER_AGE = 0.3
LONGEST_GAP_SECONDS = 30.0
LONGEST_GAP_OVERDUE_SECONDS = 120.0
RETRY_SECONDS = 2.0
LONGEST_RETRY_SECONDS = 60.0
CLEANUP_GAP_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """A message that looks are made for; instants in monotonic seconds."""

    since: float
    deadline: float
    gives_up: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LastLook:
    """The look before: when it started, how long it took until the listing, how many have failed in a row by now."""

    started: float
    listing_seconds: float
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What the maildrop's config says: a fixed gap or None, and the least gap that the login budget allows."""

    fixed_seconds: float | None
    least_seconds: float

    @classmethod
    def of(cls, maildrop: Maildrop) -> Pace:
        """Return the pace of a maildrop."""
        logins = maildrop.account.limits.logins_per_hour
        return cls(fixed_seconds=maildrop.poll_seconds, least_seconds=3600 / logins if logins else 0.0)


def next_look(sought: Iterable[Sought], last: LastLook | None, pace: Pace) -> float | None:
    """Return the monotonic instant of the next look, None while nothing is sought.

    Args:
        sought: the messages to look for.
        last: the look before.
        pace: how often looks may be.
    """
    return min((_due(one, last, pace) for one in sought), default=None)


def earliest_look(last: LastLook | None, pace: Pace) -> float:
    """Return the monotonic instant before which the budget, or a failure of the look before, allows no look."""
    if last is None:
        return 0.0
    return last.started + max(_retry(last.failures), pace.least_seconds)


def _due(one: Sought, last: LastLook | None, pace: Pace) -> float:
    if last and last.started < one.since:  # that a server is well again must show at the next attempt
        last = replace(last, failures=min(last.failures, 1))
    return max(_wish(one, last, pace), earliest_look(last, pace))


def _retry(failures: int) -> float:
    if not failures:
        return 0.0
    doublings = min(failures - 1, 10)  # an outage of a day has thousands of failures, and 2.0 ** 1024 is an error
    return min(RETRY_SECONDS * 2.0**doublings, LONGEST_RETRY_SECONDS)


def _wish(one: Sought, last: LastLook | None, pace: Pace) -> float:
    if last is None:
        return one.since + FIRST_LOOK_SECONDS
    if last.started < one.since:
        wish = _first(one, last, pace)
    else:
        age = last.started - one.since
        wish = last.started + (pace.fixed_seconds or _gap(age, overdue=last.started >= one.deadline))
    for mark in (one.deadline - 2 * last.listing_seconds, one.gives_up):
        if max(last.started, one.since) < mark < wish:
            wish = mark
    return wish


def _first(one: Sought, last: LastLook, pace: Pace) -> float:
    if pace.fixed_seconds is None:
        return one.since + FIRST_LOOK_SECONDS
    return max(one.since, last.started + pace.fixed_seconds)


def _gap(age: float, *, overdue: bool) -> float:
    longest = LONGEST_GAP_OVERDUE_SECONDS if overdue else LONGEST_GAP_SECONDS
    return min(max(age * GAP_PER_AGE, SHORTEST_GAP_SECONDS), longest)
