"""Who is awaited, and what a verified token means."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.support.observed import make_attempt, make_route

from mailsonar.probe.known import Known, Sighting
from mailsonar.probe.pending import Awaited, Bounce, PendingTable, Recognition

ROUTE = make_route(deadline_seconds=10.0, give_up_seconds=60.0)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop for futures to belong to; it never runs, and takes no notes of where each was made."""
    loop = asyncio.new_event_loop()
    loop.set_debug(False)
    yield loop
    loop.close()


def awaited(loop: asyncio.AbstractEventLoop, name: str = "t", started: float = 0.0) -> Awaited:
    """Return a message sent at an instant."""
    return Awaited(
        attempt=make_attempt(ROUTE, started, name),
        deadline=started + ROUTE.deadline_seconds,
        gives_up=started + ROUTE.give_up_seconds,
        left_at=lambda: started,
        fate=loop.create_future(),
        sought_since=started,
    )


def seen(key: int, at: float = 5.0) -> Sighting:
    """Return a copy's first listing."""
    return Sighting(key, at, None)


def listing(*keys: int) -> Known:
    """Return what is known after a listing of these keys."""
    known = Known()
    known.take_in(keys, seen=5.0, asked=4.0)
    return known


def test_first_copy_arrives_and_each_further_one_is_a_duplicate(loop: asyncio.AbstractEventLoop) -> None:
    """Of n copies one is the arrival, and n - 1 are duplicates, each counted once however often it is read."""
    table, one = PendingTable(), awaited(loop)
    table.await_(one)
    said = [table.recognise("t", seen(key), listing(1, 2, 3))[0] for key in (1, 2, 3, 2, 1, 3)]
    assert said == [
        Recognition.ARRIVAL, Recognition.DUPLICATE, Recognition.DUPLICATE,
        Recognition.SEEN_BEFORE, Recognition.SEEN_BEFORE, Recognition.SEEN_BEFORE,
    ]  # fmt: skip
    assert one.copies.further == 2
    assert one.sighting == seen(1)
    assert table.decided == [one]
    assert table.sought == []


def test_copy_after_the_end_is_a_duplicate_and_a_straggler_is_not(loop: asyncio.AbstractEventLoop) -> None:
    """What comes after its attempt has ended is ours to remove; it is a duplicate only if another copy came before."""
    table, came, lost = PendingTable(), awaited(loop, "came"), awaited(loop, "lost")
    for one in (came, lost):
        table.await_(one)
    table.recognise("came", seen(1), listing(1, 2, 3, 4))
    for one in (came, lost, came):
        table.end(one)
    assert table.is_empty
    assert table.recognise("came", seen(1), listing(1, 2, 3, 4)) == (Recognition.SEEN_BEFORE, came.attempt)
    assert table.recognise("came", seen(2), listing(1, 2, 3, 4)) == (Recognition.DUPLICATE, came.attempt)
    assert table.recognise("lost", seen(3), listing(1, 2, 3, 4)) == (Recognition.SEEN_BEFORE, lost.attempt)
    assert table.recognise("lost", seen(4), listing(1, 2, 3, 4)) == (Recognition.DUPLICATE, lost.attempt)
    assert lost.sighting is None


def test_copy_that_moved_is_the_same_copy(loop: asyncio.AbstractEventLoop) -> None:
    """Without unique-ids a key is a place that changes as others go; what we removed and sees another come counts."""
    table, one, known = PendingTable(), awaited(loop), Known()
    table.await_(one)
    told = []
    for places in ([-1], [-2], [-2, -3]):
        known.take_in(places, seen=1.0, asked=1.0)
        told += [table.recognise("t", seen(place), known)[0] for place in places]
    assert told == [
        Recognition.ARRIVAL, Recognition.SEEN_BEFORE, Recognition.SEEN_BEFORE, Recognition.DUPLICATE,
    ]  # fmt: skip
    table.removed("t", -2)
    table.removed("t", -3)
    known.take_in([-2], seen=1.0, asked=1.0)
    assert table.recognise("t", seen(-2), known)[0] is Recognition.DUPLICATE
    table.removed("nobody's", -3)


def test_unknown_token_is_not_ours(loop: asyncio.AbstractEventLoop) -> None:
    """A token that nobody here sent belongs to another agent."""
    table = PendingTable()
    table.await_(awaited(loop, "mine"))
    assert table.recognise("another", seen(1), listing(1, 2, 3, 4)) == (Recognition.NOT_OURS, None)


def test_ended_attempt_is_forgotten_in_the_end(loop: asyncio.AbstractEventLoop) -> None:
    """What ended is known for another `give_up`, and then neither known nor kept."""
    table, one = PendingTable(), awaited(loop)
    table.end(one)
    table.expire(119.9)
    assert table.recognise("t", seen(1), listing(1, 2, 3, 4))[0] is Recognition.SEEN_BEFORE
    table.expire(120.0)
    assert table.recognise("t", seen(1), listing(1, 2, 3, 4)) == (Recognition.NOT_OURS, None)


def test_overdue_are_those_sought_whose_last_look_it_was(loop: asyncio.AbstractEventLoop) -> None:
    """A look that started at `give_up` or later was the last for a message still sought, and for no other."""
    table, old, young, seen_one = PendingTable(), awaited(loop, "o"), awaited(loop, "y", 30), awaited(loop, "s")
    submitting = awaited(loop, "u")
    submitting.sought_since = None
    for one in (old, young, seen_one, submitting):
        table.await_(one)
    table.recognise("s", seen(1), listing(1, 2, 3, 4))
    assert table.overdue(59.9) == []
    assert table.overdue(60.0) == [old]
    assert table.overdue(90.0) == [old, young]


def test_hundred_thousand_attempts_leave_nothing_behind(loop: asyncio.AbstractEventLoop) -> None:
    """Memory stays within what `give_up` spans, however many attempts there were."""
    table = PendingTable()
    most = 0
    for started in range(0, 100_000, 10):
        one = awaited(loop, f"t{started}", started)
        table.await_(one)
        table.end(one)
        table.expire(started)
        most = max(most, len(table._ended))
    assert most <= 13
    assert not table._awaited


def test_copy_in_the_senders_own_maildrop_is_no_arrival(loop: asyncio.AbstractEventLoop) -> None:
    """Where a report is awaited, the probe itself may turn up, sent mail is listed there: it proves nothing."""
    table, known = PendingTable(), Known()
    one = awaited(loop, "a", 0.0)
    one.reports_only = True
    table.await_(one)
    known.take_in([7], seen=2.0, asked=1.0)
    recognition, attempt = table.recognise("a", Sighting(7, 2.0, None), known)
    assert (recognition, attempt) == (Recognition.SEEN_BEFORE, one.attempt)
    assert one.sighting is None
    assert table.report("a", Bounce(enhanced="5.1.1", text="gone"))
    assert one.bounce
