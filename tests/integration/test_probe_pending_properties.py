"""Whatever is submitted, arrives, bounces, comes twice, is given up or cut off by a crash: nothing is unaccounted for.

The agent runs on a real journal, step by step; beside it stands what truly happened, and each step is held against it.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis.stateful import invariant
from tests.support.honesty import Truth, check_result
from tests.support.journal import ended_attempts
from tests.support.tossed_agents import GIVE_UP, TossedAgents

from mailsonar.model.result import Outcome


class Agents(TossedAgents):
    """Holds what the agents say, and what their journal says, against what truly happened."""

    @invariant()
    def all_is_well(self):
        store = self.agent.store
        self.open, self.ended, self.counts = store.open_attempts(), ended_attempts(store), store.counts()
        assert self.loop.bugs == []
        assert self.post.objections == []
        self.each_attempt_has_one_true_outcome()
        self.started_is_ended_plus_pending()
        self.journal_is_conserved_and_never_goes_back()
        self.what_is_shown_is_durable_and_never_goes_back()
        self.further_copies_are_duplicates()
        self.verdict_falls_at_the_deadline()
        self.what_ended_is_remembered_and_awaited_no_longer()

    def each_attempt_has_one_true_outcome(self):
        for record in self.ended:
            assert self.recorded.setdefault(record.token_id, record.outcome) == record.outcome
        for result in self.agent.told.ended[self.results_checked :]:
            token_id = result.attempt.token_id
            self.told[token_id] += 1
            assert self.told[token_id] == 1
            assert self.recorded[token_id] == result.outcome
            assert token_id not in self.seen_before or result.outcome is not Outcome.UNOBSERVED
            check_result(
                result,
                Truth(
                    sent=self.post.sent[token_id],
                    arrived=token_id in self.arrived,
                    bounced=token_id in self.bounced,
                    looked_at=self.looked_at,
                ),
            )
        self.results_checked = len(self.agent.told.ended)

    def started_is_ended_plus_pending(self):
        for name in self.running:
            tally = self.agent.metrics._tally(name)
            assert tally.started == sum(tally.outcomes.values()) + tally.pending

    def journal_is_conserved_and_never_goes_back(self):
        assert self.post.sent.keys() <= {one.token_id for one in self.open} | self.recorded.keys()
        durable = Counter({(count.route, count.what): count.times for count in self.counts})
        still_open = Counter(record.route for record in self.open)
        for name in self.routes:
            ended = sum(times for (route, what), times in durable.items() if route == name and what != "started")
            assert durable[name, "started"] == ended + still_open[name]
        assert self.durable <= durable
        self.durable = durable

    def what_is_shown_is_durable_and_never_goes_back(self):
        for name in self.running:
            tally = self.agent.metrics._tally(name)
            shown = {(name, "started"): tally.started} | {(name, one): n for one, n in tally.outcomes.items()}
            for what, times in shown.items():
                assert self.exposed[what] <= times <= self.durable[what], what
                self.exposed[what] = times

    def further_copies_are_duplicates(self):
        read = Counter(copy.token_id for copy in self.copies_read)
        counted = Counter(attempt.token_id for attempt in self.agent.told.duplicates)
        if self.is_looking:
            return
        is_alone = sum(bool(sent.copies) for sent in self.post.sent.values()) == 1
        for token_id, copies in read.items():
            # Without unique-ids a copy that takes the place of one that was deleted cannot be told from it.
            assert counted[token_id] <= copies - 1 or not (is_alone or self.post.has_unique_ids)
            assert counted[token_id] == copies - 1 or not self.post.has_unique_ids
        assert counted.keys() <= read.keys()

    def verdict_falls_at_the_deadline(self):
        for one in self.agent.fleet._under_way:
            is_over = one.awaited.fate.done() or self.clock.monotonic() <= one.awaited.deadline
            assert is_over or one.judged

    def what_ended_is_remembered_and_awaited_no_longer(self):
        for record in self.open:
            self.begun[record.token_id] = record
        for token_id, record in self.begun.items():
            is_young = record.started_wall + 2 * GIVE_UP > self.clock.wall() + 0.001
            if is_young and token_id in self.post.sent and record.route in self.running_since_start:
                assert token_id in self.table._awaited or token_id in self.table._ended
        assert not self.recorded.keys() & self.table._awaited.keys()


TestAgents = Agents.TestCase
TestAgents.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
