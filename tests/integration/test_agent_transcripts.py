"""What was said on a failure is known to the next process, too."""

from __future__ import annotations

from pathlib import Path

from tests.support.observed import HandClock, failed, make_attempt, make_route, on_time, transcript

from mailsonar.app.resume import past_results
from mailsonar.app.state import opened_state
from mailsonar.model.result import Outcome
from mailsonar.observe.history import KEPT_TRANSCRIPTS
from mailsonar.probe.ledger import Intent


async def test_a_later_process_tells_what_was_said(tmp_path: Path) -> None:
    """The last failures of a route keep their transcripts across a restart; a success never had one."""
    clock, route = HandClock(), make_route()
    results = [
        failed(make_attempt(route, float(number)), Outcome.LOST, transcripts=(transcript(f"220 <{number}>"),))
        for number in range(KEPT_TRANSCRIPTS + 3)
    ]
    results.append(on_time(make_attempt(route, 100.0)))
    async with opened_state(tmp_path, clock, lambda: None) as state:
        assert state.ledger
        for result in results:
            attempt = result.attempt
            await state.ledger.intend(
                Intent(token_id=attempt.token_id, route=route.name, purpose="", started_wall=attempt.started_wall)
            )
            await state.ledger.end(result)
    async with opened_state(tmp_path, clock, lambda: None) as state:
        restored = list(past_results(state, [route], clock))
    assert [one.transcripts for one in restored] == [(), (), ()] + [one.transcripts for one in results[3:]]
