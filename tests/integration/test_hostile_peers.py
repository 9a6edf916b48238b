"""Hostile and broken peers: whatever they do, an attempt ends in the right leg, stage and reason, within its bounds.

Bounds are time and memory; and the other routes do not notice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from tests.support.hostile import Row
from tests.support.hostile_rows import ROWS
from tests.support.hostile_world import MEMORY_LIMIT, Hostile, Memory, beside, expected_of, hostile
from tests.support.probing import PASSWORD, at, impatient

from mailsonar.model.fault import Fault
from mailsonar.model.result import Outcome, Result
from mailsonar.probe import retreat

pytestmark = [pytest.mark.needs_calm, pytest.mark.takes_seconds(35)]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds, and let no pause hide what a look would find."""
    impatient(monkeypatch)
    monkeypatch.setattr(retreat, "FIRST_PAUSE_SECONDS", 0.001)


def test_no_row_stands_twice() -> None:
    """Each behaviour has a name of its own, and there are enough of them."""
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names) >= 80


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_hostile_peer(row: Row, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each ends in its outcome, leg, stage and reason, within its time and 16 MiB; a healthy route stays on time."""
    async with hostile(row, tmp_path) as scene:
        for _ in range(row.rehearsals):
            await scene.attempt()
        with Memory() as memory:
            attempt = asyncio.ensure_future(asyncio.wait_for(scene.attempt(), row.seconds))
            healthy = await beside(scene.healthy, "healthy", attempt)
            result = await attempt
        assert (result.outcome, at(result.fault)) == (row.outcome, row.fault)
        assert result.success is (row.outcome is Outcome.ON_TIME)
        assert result.duplicates == row.duplicates
        assert scene.saw() == expected_of(row, scene.saw())
        assert {one.outcome for one in healthy} == {Outcome.ON_TIME}
        assert memory.extra < MEMORY_LIMIT
        look_after(scene, row, result)
    assert "by our own fault" not in caplog.text


def look_after(scene: Hostile, row: Row, result: Result) -> None:
    """See what holds for every row: foreign mail stays, texts are fit for people, verdicts and outcome agree."""
    assert Counter(row.foreign) <= Counter(stored.content for stored in scene.mailbox.messages)
    looks = [look for look in scene.healthy.seen.looks if look.maildrop.name == row.name]
    cleanups = [at(look.cleanup_fault) for look in looks if look.cleanup_fault]
    assert cleanups[:1] == [row.cleanup] * (row.cleanup is not None)
    verdicts = [one for one in scene.healthy.seen.verdicts if one.attempt is result.attempt]
    assert all(not one.success for one in verdicts) or result.success
    shown = [result.fault, *(look.fault for look in looks), *(look.cleanup_fault for look in looks)]
    texts = [fault.detail for fault in shown if isinstance(fault, Fault)] + [result.reply.text if result.reply else ""]
    for text in texts:
        assert text.isprintable()
        assert len(text) <= 200
        assert PASSWORD not in text
