"""The ledger of probes, kept in the journal; and the counts that it makes durable."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from mailsonar.clock import Clock
from mailsonar.journal.records import Count, EndedRecord, OpenRecord
from mailsonar.journal.store import Store
from mailsonar.journal.writer import Writer
from mailsonar.model.result import Result
from mailsonar.observe.result_json import result_as_json
from mailsonar.observe.route_history import KEPT_TRANSCRIPTS
from mailsonar.observe.route_view import KEPT_FAILURES
from mailsonar.observe.transcript_json import transcripts_as_json
from mailsonar.probe.ledger import Intent
from mailsonar.probe.pending import Bounce


class JournalLedger:
    """Orders changes of the journal, and follows the counts in it."""

    def __init__(self, writer: Writer, counts: Iterable[Count], clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for count in counts:
            self._counts[count.route][count.what] = count.times

    def counts_of(self, route: str) -> Mapping[str, int]:
        """Return how often attempts on a route were started, and how they ended."""
        return self._counts.get(route, {})

    async def intend(self, intent: Intent) -> None:
        """Return once the intent is durable, or cannot be made so now."""
        record = OpenRecord(
            token_id=intent.token_id,
            route=intent.route,
            purpose=intent.purpose,
            started_wall=intent.started_wall,
        )
        await self._writer.write(lambda store: store.intend(record))
        self._counts[intent.route]["started"] += 1

    def accept(self, token_id: str, accepted_wall: float) -> None:
        """Record that the message was accepted."""
        self._writer.order(lambda store: store.accept(token_id, accepted_wall))

    async def arrive(self, token_id: str, seen_wall: float, since_wall: float) -> None:
        """Return once it is on record that a message was seen, or cannot be put there now."""
        await self._writer.write(lambda store: store.arrive(token_id, seen_wall, since_wall))

    async def bounce(self, token_id: str, bounce: Bounce) -> None:
        """Return once it is on record that a message was not delivered, or cannot be put there now."""
        text = json.dumps(asdict(bounce))
        await self._writer.write(lambda store: store.bounce(token_id, text))

    async def end(self, result: Result) -> None:
        """Return once the outcome is durable, or cannot be made so now."""
        record = record_of(result, self._clock.wall())
        await self._writer.write(lambda store: record_end(store, record))
        self._counts[record.route][record.outcome] += 1

    def abandon(self, record: OpenRecord) -> None:
        """End an attempt whose route does not run here any more as `unobserved`: nobody looks for its message."""
        ended = EndedRecord(
            token_id=record.token_id,
            route=record.route,
            started_wall=record.started_wall,
            ended_wall=self._clock.wall(),
            outcome="unobserved",
            result="",
        )
        self._writer.order(lambda store: store.end(ended))
        self._counts[record.route]["unobserved"] += 1

    def prune(self, older_than_seconds: float, keep: int) -> None:
        """Forget attempts that ended long ago, but for the last few of each route, and its last failures."""
        before = self._clock.wall() - older_than_seconds
        self._writer.order(lambda store: store.prune(before, keep, KEPT_FAILURES))


def record_of(result: Result, ended_wall: float) -> EndedRecord:
    """Return what goes on record of a result; `ended_wall` in POSIX seconds."""
    attempt = result.attempt
    return EndedRecord(
        token_id=attempt.token_id,
        route=attempt.route.name,
        started_wall=attempt.started_wall,
        ended_wall=ended_wall,
        outcome=result.outcome,
        result=json.dumps(result_as_json(result)),
        transcript=json.dumps(transcripts_as_json(result.transcripts)) if result.transcripts else "",
    )


def record_end(store: Store, record: EndedRecord) -> None:
    """Record an outcome, and what was said if it is a failure."""
    store.end(record)
    if record.transcript:
        store.tell(record, KEPT_TRANSCRIPTS)
