"""What the journal tells of an earlier process, in the values that probes and observers speak in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mailsonar.app.state import State
from mailsonar.clock import Clock
from mailsonar.journal.records import EndedRecord
from mailsonar.model.result import Attempt, Result
from mailsonar.model.route import Route
from mailsonar.observe.result_restore import restored
from mailsonar.observe.transcript_json import restored_transcripts


def past_attempts(state: State, routes: Iterable[Route], clock: Clock) -> Iterator[Attempt]:
    """Yield the attempts on record as ended whose routes still run, the oldest first."""
    for attempt, _ in _past(state, routes, clock):
        yield attempt


def past_results(state: State, routes: Iterable[Route], clock: Clock) -> Iterator[Result]:
    """Yield the results on record of routes that still run, the oldest first."""
    for attempt, record in _past(state, routes, clock):
        if record.result and (result := restored(record.result, attempt)):
            yield replace(result, transcripts=restored_transcripts(record.transcript))


def _past(state: State, routes: Iterable[Route], clock: Clock) -> Iterator[tuple[Attempt, EndedRecord]]:
    running = {route.name: route for route in routes}
    ahead = clock.monotonic() - clock.wall()
    for record in state.ended_attempts:
        if route := running.get(record.route):
            attempt = Attempt(
                route=route,
                token_id=record.token_id,
                started=min(record.started_wall + ahead, clock.monotonic()),
                started_wall=record.started_wall,
                resumed=True,
            )
            yield attempt, record
