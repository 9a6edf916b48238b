"""All that stall, drip and flood at once: each attempt ends as it would alone, and healthy routes do not notice."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.hostile import IMPATIENT, Row
from tests.support.hostile_rows import ROWS
from tests.support.hostile_world import Hostile, beside, enter
from tests.support.probing import at, impatient, probing

from mailsonar.model.result import Outcome
from mailsonar.model.server import Timeouts
from mailsonar.probe import retreat

pytestmark = pytest.mark.needs_calm

HOLD = Timeouts(connect=1.5, tls=1.5, greeting=1.5, command=1.5, data=1.5, session=6.0)
HEALTHY_ROUTES = 4


def is_crowding(row: Row) -> bool:
    """Tell whether a behaviour takes time or sends much."""
    wrong = [fault.name for side in (row.smtp, row.pop3) for fault in side.faults]
    return row.timeouts is IMPATIENT or any("flood" in name for name in wrong)


CROWD = [replace(row, timeouts=HOLD) for row in ROWS if is_crowding(row)]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds, and let no pause hide what a look would find."""
    impatient(monkeypatch)
    monkeypatch.setattr(retreat, "FIRST_PAUSE_SECONDS", 0.001)


async def test_all_at_once(tmp_path: Path) -> None:
    """While dozens of servers stall, drip and flood, each healthy route is on time again and again."""
    assert len(CROWD) > 50
    async with AsyncExitStack() as stack:
        healthy = await stack.enter_async_context(probing())
        scenes = [await enter(stack, healthy, row, tmp_path) for row in CROWD]
        attempts = asyncio.gather(*map(Hostile.attempt, scenes))
        names = [f"healthy {number}" for number in range(HEALTHY_ROUTES)]
        healthy_ones = await asyncio.gather(*(beside(healthy, name, attempts) for name in names))
        results = await attempts
    assert {one.outcome for route in healthy_ones for one in route} == {Outcome.ON_TIME}
    assert all(len(route) > 2 for route in healthy_ones)
    assert max(one.round_trip_seconds or 0.0 for route in healthy_ones for one in route) < HOLD.command
    ends = {row.name: (result.outcome, at(result.fault)) for row, result in zip(CROWD, results, strict=True)}
    assert ends == {row.name: (row.outcome, row.fault) for row in CROWD}
