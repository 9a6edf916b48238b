"""What is remembered of the messages of a maildrop between looks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsonar.model.fault import Reason
from mailsonar.probe.known import Kind, Known, Sighting


def listed(known: Known, *keys: int, at: float) -> list[int]:
    """Take in a listing that was asked for a second before it came; return the keys to read."""
    known.take_in(keys, seen=at, asked=at - 1)
    return [keys[position] for position in known.to_read(keys, now_wall=at)]


@pytest.mark.parametrize(
    ("count", "order"), [(0, []), (1, [0]), (2, [1, 0]), (3, [2, 0, 1]), (4, [3, 0, 2, 1]), (5, [4, 0, 3, 1, 2])]
)
def test_reading_goes_from_both_ends_inwards(count: int, order: list[int]) -> None:
    """The newest message stands last on most servers and first on some: both are read early."""
    assert listed(Known(), *range(count), at=10) == order


def test_new_messages_are_read_before_old_unread_ones() -> None:
    """What arrived since the last look is read first: it may be what is awaited."""
    known = Known()
    listed(known, 1, 2, 3, at=10)
    assert listed(known, 1, 2, 3, 4, 5, at=20) == [5, 4, 3, 1, 2]


def test_message_is_read_once_while_it_is_listed() -> None:
    """Foreign mail is not read a second time; a key that comes back after a break is another message."""
    known = Known()
    listed(known, 1, 2, at=10)
    known.settle(1, Kind.FOREIGN)
    known.settle(2, Kind.KEPT)
    assert listed(known, 1, 2, at=20) == []
    assert listed(known, 2, at=30) == []
    assert listed(known, 1, 2, at=40) == [1]


def test_ours_is_read_again_until_it_is_removed() -> None:
    """A message that should be gone is tried again in every look, and owed while it is listed."""
    known = Known()
    listed(known, 1, at=10)
    known.settle(1, Kind.OURS)
    assert known.owed(10) == 1
    assert listed(known, 1, at=20) == [1]
    known.forget(1)
    assert known.owed(20) == 0
    assert listed(known, at=30) == []


def test_leftover_is_due_when_it_is_old() -> None:
    """Another agent's message is left alone until its time is over, and then owed like one of ours."""
    known = Known()
    listed(known, 1, at=10)
    known.settle(1, Kind.LEFTOVER, due_wall=100)
    assert listed(known, 1, at=100) == []
    assert known.owed(100) == 0
    assert listed(known, 1, at=101) == [1]
    assert known.owed(101) == 1
    listed(known, at=102)
    assert known.owed(103) == 0


def test_sighting_tells_the_first_listing_and_the_last_absence() -> None:
    """A message arrived between the moment the listing before was asked for and the listing that shows it first."""
    known = Known()
    listed(known, 1, at=10)
    assert known.sighting(1) == Sighting(1, seen=10, absent_at=None)
    listed(known, 1, 2, at=20)
    assert known.sighting(2) == Sighting(2, seen=20, absent_at=9)
    listed(known, 1, 2, at=30)
    assert known.sighting(2) == Sighting(2, seen=20, absent_at=9)
    assert known.has_unread_since(19)
    assert not known.has_unread_since(20)
    known.settle(2, Kind.FOREIGN)
    assert known.sighting(2) is None
    assert not known.has_unread_since(10)


@given(st.lists(st.frozensets(st.integers(0, 30)), min_size=1, max_size=12))
def test_memory_is_bounded_by_the_listing(listings: list[frozenset[int]]) -> None:
    """Nothing is kept of what is no longer listed, and every listed message was read once by the end."""
    known = Known()
    for at, keys in enumerate(listings):
        for key in listed(known, *sorted(keys), at=float(at)):
            known.settle(key, Kind.LEFTOVER if key % 3 else Kind.FOREIGN, due_wall=1e9 if key % 3 else None)
        assert set(known._kinds) == keys
        assert set(known._sightings) | set(known._due_wall) <= keys
        assert listed(known, *sorted(keys), at=at + 0.5) == []


def test_message_that_cannot_be_read_is_tried_again_and_keeps_its_first_sighting() -> None:
    """A failed read neither holds anything up nor makes a message younger than it is."""
    known = Known()
    listed(known, 1, at=10)
    listed(known, 1, 2, 3, at=20)
    known.settle(1, Kind.FOREIGN)
    known.settle(3, Kind.FOREIGN)
    known.skip(2, Reason.REJECTED)
    assert not known.has_unread_since(0)
    assert listed(known, 1, 2, 3, 4, at=30) == [4, 2]
    assert known.sighting(2) == Sighting(2, seen=20, absent_at=9)
    listed(known, 4, at=40)
    assert known.sighting(2) is None


def test_message_of_ours_that_cannot_be_read_is_tried_again() -> None:
    """A message that is to be removed may be unreadable for a while, too."""
    known = Known()
    listed(known, 1, at=10)
    known.settle(1, Kind.OURS)
    known.skip(1, Reason.REJECTED)
    assert listed(known, 1, at=20) == [1]
