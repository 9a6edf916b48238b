"""Journals in tests: what is in an open one, and an agent behind the site that keeps its results in one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.site import Agent

from mailsonar.app.archive import Archive
from mailsonar.app.ledger import record_end, record_of
from mailsonar.journal.folder import JOURNAL_FILE, open_store
from mailsonar.journal.reader import Inquiry, Reader
from mailsonar.journal.records import EndedRecord, OpenRecord
from mailsonar.journal.store import Store
from mailsonar.observe.history import History


def ended_attempts(store: Store, of_each_route: int = 10) -> list[EndedRecord]:
    """Return the last attempts of each route that have an outcome, the oldest first."""
    inquiry = Inquiry(store._connection)
    routes = {count.route for count in store.counts()}
    records = [record for route in routes for record in inquiry.last_ended(route, of_each_route, 0)]
    return sorted(records, key=lambda record: record.started_wall)


@dataclass(kw_only=True)
class JournalAgent(Agent):
    """Stands for an agent with a state directory."""

    file: Path
    store: Store

    @classmethod
    def on(cls, folder: Path) -> JournalAgent:
        """Return one with this state directory."""
        store = open_store(folder, "x")
        return cls(history=History(in_journal=True), file=folder / JOURNAL_FILE, store=store)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.archive = Archive(Reader(self.file), self.clock)

    def tell(self, event: str, value: Any) -> None:
        """Put it on record, then tell observers."""
        with self.store.transaction():
            if event == "attempt_started":
                record = OpenRecord(
                    token_id=value.token_id,
                    route=value.route.name,
                    purpose="",
                    started_wall=value.started_wall,
                )
                self.store.intend(record)
            elif event == "attempt_ended":
                record_end(self.store, record_of(value, self.clock.wall()))
        super().tell(event, value)

    def site(self, **changes: Any) -> Any:
        """Return the site, which reads the journal."""
        return super().site(past=self.archive.results, **changes)

    def close(self) -> None:
        """Close the journal."""
        self.store.close()
