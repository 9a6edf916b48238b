"""Tasks that must not die."""

from __future__ import annotations

import asyncio
import logging

import pytest
from tests.support.observed import HandClock

from mailsonar.app.supervise import LONGEST_PAUSE_SECONDS, Supervisor


class NotedClock(HandClock):
    """A clock set by hand that notes for how long it was asked to sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


async def run_failing(clock: NotedClock, lasting: list[float]) -> list[str]:
    """Keep work that fails after each of these times, and then returns; give the restarts that were told."""
    restarted: list[str] = []
    left = iter(lasting)

    async def work() -> None:
        for seconds in left:
            clock.now += seconds
            raise RuntimeError("p4ssw0rd is not in the log's message")

    async with asyncio.TaskGroup() as group:
        Supervisor(group, clock, restarted.append).keep("maildrop", "acme-in", work)
    return restarted


async def test_failed_task_starts_again_with_growing_pauses(caplog: pytest.LogCaptureFixture) -> None:
    """Work that fails is told and started again, less and less often; work that returns is done."""
    clock = NotedClock()
    assert await run_failing(clock, [0.0] * 9) == ["maildrop"] * 9
    assert clock.slept == [1, 2, 4, 8, 16, 32, 60, 60, LONGEST_PAUSE_SECONDS]
    assert {record.levelno for record in caplog.records} == {logging.ERROR}
    assert caplog.records[0].getMessage() == "the maildrop acme-in failed by our own fault and starts again in 1 s"


async def test_pause_is_short_again_after_a_long_life() -> None:
    """A task that lived well for long is not punished for failures of last month."""
    clock = NotedClock()
    await run_failing(clock, [0.0] * 7 + [86400.0, 0.0])
    assert clock.slept == [1, 2, 4, 8, 16, 32, 60, 60, 1]


async def test_cancellation_ends_it() -> None:
    """A task that is cancelled stays so, and its group goes on."""
    restarted: list[str] = []
    async with asyncio.TaskGroup() as group:
        task = Supervisor(group, NotedClock(), restarted.append).keep("route", "r", asyncio.Event().wait)
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    assert restarted == []
