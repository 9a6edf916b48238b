"""Whatever happens in whatever order, no attempt is lost from the counts and the newest verdict stands."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.support.observed import NOT_ARRIVED, HandClock, failed, make_attempt, make_route, on_time
from tests.support.scraped import our_page, parse_text

from mailsonar.model.result import Outcome
from mailsonar.observe.metrics import Metrics

FAILURES = st.sampled_from([o for o in Outcome if o not in {Outcome.ON_TIME, Outcome.PENDING, Outcome.BLOCKED}])


class Attempts(RuleBasedStateMachine):
    """Starts, judges and ends attempts of one route in any order, and keeps books of its own."""

    def __init__(self):
        super().__init__()
        self.route = make_route()
        self.metrics = Metrics(HandClock())
        self.metrics.set_routes([self.route], [])
        self.attempts = []
        self.open = []
        self.verdicts = {}

    @rule()
    def start(self):
        attempt = make_attempt(self.route, started=float(len(self.attempts)))
        self.attempts.append(attempt)
        self.open.append(attempt)
        self.metrics.attempt_started(attempt)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def miss_the_deadline(self, data):
        attempt = data.draw(st.sampled_from(self.open))
        self.verdicts[attempt.token_id] = False
        self.metrics.verdict_fell(failed(attempt, Outcome.PENDING, NOT_ARRIVED))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), outcome=FAILURES)
    def fail(self, data, outcome):
        attempt = data.draw(st.sampled_from(self.open))
        self.open.remove(attempt)
        self.verdicts[attempt.token_id] = False
        self.metrics.attempt_ended(failed(attempt, outcome))

    @precondition(lambda self: any(a.token_id not in self.verdicts for a in self.open))
    @rule(data=st.data())
    def arrive_on_time(self, data):
        attempt = data.draw(st.sampled_from([a for a in self.open if a.token_id not in self.verdicts]))
        self.open.remove(attempt)
        self.verdicts[attempt.token_id] = True
        self.metrics.attempt_ended(on_time(attempt))

    @precondition(lambda self: self.attempts)
    @rule(data=st.data())
    def end_again(self, data):
        attempt = data.draw(st.sampled_from(self.attempts))
        if attempt not in self.open:
            self.metrics.attempt_ended(failed(attempt))

    @invariant()
    def nothing_is_unaccounted_for_and_the_newest_verdict_stands(self):
        samples = [one for family in parse_text(our_page(self.metrics).decode()) for one in family.samples]
        values = {sample.name: sample.value for sample in samples if sample.labels == {"route": self.route.name}}
        ended = sum(sample.value for sample in samples if sample.name == "mailsonar_probes_total")
        assert values["mailsonar_probes_started_total"] == len(self.attempts)
        assert values["mailsonar_probes_started_total"] == ended + values["mailsonar_probes_pending"]
        newest_first = [self.verdicts[a.token_id] for a in reversed(self.attempts) if a.token_id in self.verdicts]
        assert values.get("mailsonar_probe_success") == (newest_first[0] if newest_first else None)
        run = newest_first.index(True) if True in newest_first else len(newest_first)
        assert values["mailsonar_probe_consecutive_failures"] == run


TestAttempts = Attempts.TestCase
TestAttempts.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
