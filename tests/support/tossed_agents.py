"""Agents that crash and come back, and the mail around them, tossed about by Hypothesis; and what truly happened."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.support.agent_by_hand import AgentByHand, HandLoop, LoopClock
from tests.support.mail_by_hand import KEY, End, LookPlan, Post, Reply
from tests.support.observed import make_route
from tests.support.session_by_hand import HandSession

from mailsonar.message.compose import Envelope, compose
from mailsonar.message.token import Token, route_digest
from mailsonar.model.route import Cleanup
from mailsonar.model.server import Secret
from mailsonar.model.stage import Stage
from mailsonar.probe import maildrop, roundtrip

GIVE_UP, DEADLINE = 60.0, 10.0
LEFTOVER_SECONDS = 2 * GIVE_UP
ANOTHERS_KEY = Secret("test", lambda: "o" * 32)
CHANGES = ["crash", "crash", "crash", "reload", "prune", "hang", "mend", "mend", "repeat"]
WHAT_COMES = ["copy", "copy", "copy and copy", "copy and failed", "failed", "delayed", "delayed"]
UNDELIVERABLE = {Reply.REFUSED, Reply.FAILED}


def foreign_mail(kind, sent_wall):
    """Return mail that is not this agent's, and from when anybody may delete it."""
    token = Token(id="b" * 20, route=route_digest("a"), instance="b" * 8, started_ms=round(sent_wall * 1000))
    signed = token.signed(ANOTHERS_KEY if kind == "forged" else KEY)
    content = compose(Envelope(reverse_path="a@b.example", forward_path="a@b.example"), signed, sent_wall)
    if kind == "human":
        content = b"Subject: hello\r\n\r\n" + content
    return content, None if kind in {"human", "forged"} else sent_wall + LEFTOVER_SECONDS


class TossedAgents(RuleBasedStateMachine):
    """One agent after the other on one journal, and a maildrop that may show anything."""

    @initialize(has_unique_ids=st.booleans(), keeps=st.booleans())
    def begin_with_nothing(self, has_unique_ids, keeps):
        route = make_route("a", deadline_seconds=DEADLINE, give_up_seconds=GIVE_UP)
        if keeps and has_unique_ids:
            route = replace(route, maildrop=replace(route.maildrop, cleanup=Cleanup.KEEP))
        self.routes = {"a": route, "b": replace(route, name="b")}
        self.running = ["a", "b"]
        self.folder = Path(tempfile.mkdtemp())
        self.loop = HandLoop()
        self.clock = LoopClock(self.loop)
        self.post = Post(self.clock, self.may_go, has_unique_ids=has_unique_ids)
        self.post.read = self.note_reading
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(roundtrip, "submit_once", self.post.submit)
        self.patch.setattr(maildrop, "Session", lambda _, __, stopwatch: HandSession(self.post, stopwatch))
        self.patch.setattr(maildrop, "look", lambda _, notes: notes)
        self.begun, self.recorded, self.told = {}, {}, Counter()
        self.exposed, self.durable = Counter(), Counter()
        self.start()

    def start(self):
        self.copies_read = set()
        self.looked_at = 0.0
        self.script, self.running_since_start = None, self.running
        routes = [self.routes[name] for name in self.running]
        self.agent = AgentByHand(self.loop, self.clock, self.folder, routes)
        self.owner = self.agent.fleet._owners["acme-in"]
        self.results_checked = 0
        left = self.agent.left
        self.seen_before = {record.token_id for record in left if record.seen_wall is not None}
        self.arrived = set(self.seen_before)
        self.bounced = {record.token_id for record in left if record.bounce is not None}

    def teardown(self):
        if not hasattr(self, "agent"):
            return
        self.agent.crash()
        self.patch.undo()
        self.loop.close()
        shutil.rmtree(self.folder)

    # What the agent does, and what befalls it

    @rule(
        name=st.sampled_from("ab"),
        reply=st.sampled_from([None, *[Reply.ACCEPTED] * 5, *Reply]),
        copies=st.sampled_from([0, 0, 1, 1, 2]),
    )
    def submit(self, name, reply, copies):
        if name not in self.running:
            return
        known = set(self.post.sent)
        self.agent.begin(self.routes[name])
        for token_id in self.post.sent.keys() - known:
            if reply:
                self.post.sent[token_id].reply.set_result(reply)
                self.loop.settle()
            if token_id in self.deliverable:
                for _ in range(copies):
                    self.post.deliver(token_id)

    @precondition(lambda self: self.submitting)
    @rule(data=st.data(), reply=st.sampled_from(Reply))
    def submission_ends(self, data, reply):
        sent = data.draw(st.sampled_from(self.submitting))
        sent.reply.set_result(Reply.ACCEPTED if reply in UNDELIVERABLE and sent.copies else reply)
        self.loop.settle()

    @rule(seconds=st.sampled_from([0.1, 3.0, DEADLINE, 16.0, GIVE_UP, GIVE_UP, LEFTOVER_SECONDS]))
    def time_passes(self, seconds):
        self.loop.advance(seconds)

    @rule(change=st.sampled_from(CHANGES), running=st.sampled_from([["a", "b"], ["a", "b"], ["a"]]))
    def change(self, change, running):
        if change == "prune":
            self.agent.ledger.prune(2 * GIVE_UP, 1)
        elif change in {"hang", "mend"}:
            self.agent.disk.commit()
            self.agent.disk.hangs = change == "hang"
        elif change == "repeat":
            self.repeat_the_news()
        elif change == "reload":
            self.running = running
            self.running_since_start = [name for name in self.running_since_start if name in running]
            self.agent.reload([self.routes[name] for name in running])
        else:
            self.agent.crash()
            self.running = running
            self.start()
        self.loop.settle()

    def repeat_the_news(self):
        for one in self.agent.fleet._under_way:
            if one.attempt in self.agent.told.started:
                self.agent.metrics.attempt_started(one.attempt)
        for result in self.agent.told.ended:
            self.agent.metrics.attempt_ended(result)

    # What happens to mail

    @precondition(lambda self: self.deliverable)
    @rule(data=st.data(), what=st.sampled_from(WHAT_COMES))
    def mail_comes(self, data, what):
        token_id = data.draw(st.sampled_from(self.deliverable))
        for one in what.split(" and "):
            if one == "copy":
                self.post.deliver(token_id)
            else:
                self.post.report(token_id, one)

    @precondition(lambda self: len(self.post.drop) < 6)
    @rule(kind=st.sampled_from(["human", "forged", "another's", "another's leftover"]))
    def foreign_mail_comes(self, kind):
        age = LEFTOVER_SECONDS if kind == "another's leftover" else 0.0
        content, free_from = foreign_mail(kind, round(self.clock.wall() - age, 3))
        self.post.put(content, 3000 + len(self.post.drop), free_from=free_from)

    # What looks show

    @precondition(lambda self: not self.is_looking)
    @rule(data=st.data(), is_troubled=st.booleans(), after=st.sampled_from([0.1, 3.0, DEADLINE, GIVE_UP]))
    def look(self, data, is_troubled, after):
        self.loop.advance(after)
        drop = self.post.drop
        if not is_troubled:
            self.start_look(LookPlan(tuple(drop)))
            waiting = [one for one in self.table._awaited.values() if one.sought_since is not None]
            assert not self.script.is_over or all(one.gives_up > self.loop.now for one in waiting)
            return
        listing = data.draw(st.lists(st.sampled_from(drop), unique_by=id)) if drop else []
        places = st.frozensets(st.integers(0, len(drop)))
        pauses = st.frozensets(st.sampled_from([Stage.LIST, Stage.FETCH, Stage.QUIT]), max_size=1)
        for copy in drop:
            copy.was_hidden |= copy not in listing
        plan = LookPlan(
            listing, data.draw(places), data.draw(places), data.draw(st.sampled_from(End)), data.draw(pauses)
        )
        self.start_look(plan)

    @precondition(lambda self: not self.is_looking)
    @rule(stage=st.sampled_from([Stage.FETCH, Stage.QUIT, Stage.QUIT]), brings_copy=st.booleans())
    def crash_during_a_look(self, stage, brings_copy):
        if brings_copy and self.deliverable:
            self.post.deliver(self.deliverable[-1])
        self.start_look(LookPlan(tuple(self.post.drop), pauses=frozenset({stage})))
        if self.script.gate and stage is Stage.QUIT:  # the server does what it was told, and nobody hears of it
            self.script.gate.set_result(None)
            self.agent.disk.hangs = True
            self.loop.settle()
        self.agent.crash()
        self.start()

    @precondition(lambda self: self.script and self.script.gate and not self.script.gate.done())
    @rule()
    def look_goes_on(self):
        self.script.gate.set_result(None)
        self.loop.settle()

    def start_look(self, plan):
        for place in plan.unreadable:
            if place < len(plan.listing):
                plan.listing[place].was_hidden = True
        if plan.end is not End.BEFORE_LOGIN:
            self.looked_at = self.loop.now
        self.script = self.agent.look("acme-in", plan, self.post)

    # What truly happened

    @property
    def is_looking(self):
        return self.script is not None and not self.script.is_over

    @property
    def submitting(self):
        return [sent for sent in self.post.sent.values() if not sent.reply.done()]

    @property
    def deliverable(self):
        return [token_id for token_id, sent in self.post.sent.items() if sent.last not in UNDELIVERABLE]

    @property
    def table(self):
        return self.owner._book.pending

    def may_go(self, copy):
        """Tell whether the journal knows all that a message tells: a crash may come right after its deletion."""
        record = {one.token_id: one for one in self.agent.store.open_attempts()}.get(copy.token_id)
        return record is None or copy.action == "delayed" or (record.seen_wall, record.bounce) != (None, None)

    def note_reading(self, copy):
        """Note what a session reads while its attempt is still open."""
        awaited = self.table._awaited.get(copy.token_id)
        if copy.is_probe and (awaited or copy.token_id in self.table._ended):
            self.copies_read.add(copy)
        if awaited and copy.is_probe:
            self.arrived.add(copy.token_id)
        if awaited and not awaited.is_decided and copy.action == "failed":
            self.bounced.add(copy.token_id)
