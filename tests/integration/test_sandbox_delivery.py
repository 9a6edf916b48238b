"""What happens to a message between its acceptance and its maildrop."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from mailsonar.sandbox.delivery import (
    DeliveryFault,
    Parcel,
    delay,
    deliveries,
    duplicate,
    fold_header,
    from_sender,
    lose,
    prefix_subject,
    random_delay,
    rewrite_message_id,
    strip_x_fields,
)
from mailsonar.sandbox.world import Sandbox

MESSAGE = (
    b"Return-Path: <a@acme.example>\r\nMessage-ID: <1@acme.example>\r\nX-Probe: one\r\n\ttwo\r\nSubject: hello\r\n"
    b"\r\nSubject: in the body\r\nX-Body: kept\r\n"
)
BODY = b"\r\nSubject: in the body\r\nX-Body: kept\r\n"


class HeldClock:
    """A clock whose sleepers wake when told."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.go = asyncio.Event()

    def monotonic(self) -> float:
        return 0.0

    def wall(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.go.wait()


@pytest.mark.parametrize(
    ("faults", "arrivals"),
    [
        ([], [0.0]),
        ([delay(3)], [3.0]),
        ([delay(3), delay(0.5)], [3.5]),
        ([lose], []),
        ([duplicate(3)], [0.0, 0.0, 0.0]),
        ([duplicate(2), delay(1)], [1.0, 1.0]),
        ([duplicate(2), lose], []),
        ([from_sender("a@acme.example", lose)], []),
        ([from_sender("b@acme.example", lose)], [0.0]),
        ([from_sender("acme.example", lose)], [0.0]),
    ],
)
def test_faults_work_one_after_another(faults: list[DeliveryFault], arrivals: list[float]) -> None:
    """Each fault takes what the one before it left; every copy keeps the content."""
    parcels = deliveries(MESSAGE, faults)
    assert [parcel.after_seconds for parcel in parcels] == arrivals
    assert all(parcel.content == MESSAGE for parcel in parcels)


def test_random_delay_is_drawn_for_each_copy() -> None:
    """Each copy has a delay of its own within the bounds, from the random source that was given."""
    first, second = (
        [parcel.after_seconds for parcel in deliveries(MESSAGE, [duplicate(3), random_delay(1.0, 5.0, random)])]
        for random in (Random(7), Random(7))  # noqa: S311 - delays, not secrets
    )
    assert len(set(first)) == 3
    assert all(1.0 <= seconds <= 5.0 for seconds in first)
    assert first == second


@pytest.mark.parametrize(
    ("fault", "before", "after"),
    [
        (prefix_subject, b"Subject: hello\r\n", b"Subject: [EXTERNAL] hello\r\n"),
        (strip_x_fields, b"X-Probe: one\r\n\ttwo\r\n", b""),
        (rewrite_message_id, b"Message-ID: <1@acme.example>\r\n", b"Message-ID: <rewritten@gateway.example>\r\n"),
        (fold_header, b"Subject: hello\r\n", b"Subject:\r\n hello\r\n"),
    ],
    ids=["prefix", "strip", "rewrite", "fold"],
)
def test_mangling_changes_the_header_only(fault: DeliveryFault, before: bytes, after: bytes) -> None:
    """A gateway's change befalls the header field that it is about, and never the body."""
    (parcel,) = fault(Parcel(content=MESSAGE))
    assert before in MESSAGE
    assert after in parcel.content
    assert (before in parcel.content) is False
    assert parcel.content.endswith(BODY)


async def test_delayed_message_arrives_when_its_time_has_come() -> None:
    """A delay holds the message back, not its acceptance; undelayed ones overtake it."""
    clock = HeldClock()
    async with Sandbox(clock) as world:
        mailbox = world.mailbox("probe@acme.example", "x")
        with mailbox.faults.during(delay(30)):
            world.deliver(mailbox, b"slow")
        world.deliver(mailbox, b"fast")
        assert [stored.content for stored in mailbox.messages] == [b"fast"]
        clock.go.set()
        await mailbox.arrivals(2)
        assert [stored.content for stored in mailbox.messages] == [b"fast", b"slow"]
        assert clock.asked == [30]


async def test_end_forgets_what_is_under_way() -> None:
    """A world that ends does not wait for delayed messages."""
    clock = HeldClock()
    async with Sandbox(clock) as world:
        mailbox = world.mailbox("probe@acme.example", "x")
        mailbox.faults.on(delay(3600))
        world.deliver(mailbox, b"slow")
    assert mailbox.messages == []
    assert asyncio.all_tasks() == {asyncio.current_task()}
