"""Stories that random ones come upon too rarely: what is deleted, and what is counted, once a session went wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.mail_by_hand import End, LookPlan, Reply
from tests.support.tossed_agents import TossedAgents

from mailsonar.model.result import Outcome


@pytest.fixture
def agents(request: pytest.FixtureRequest) -> Iterator[TossedAgents]:
    """Agents on one journal, with a maildrop that has unique-ids if the test's parameter says so."""
    made = TossedAgents()
    made.begin_with_nothing(request.param, keeps=False)
    yield made
    made.teardown()


@pytest.mark.parametrize("agents", [True], indirect=True)
@pytest.mark.parametrize("crashes", [False, True])
def test_copy_that_a_broken_session_left_goes_only_once_it_is_on_record(agents: TossedAgents, crashes: bool) -> None:
    """A message that was seen while its 250 is still to come is on record before a later session deletes it."""
    agents.submit("a", None, 1)
    agents.start_look(LookPlan(tuple(agents.post.drop), end=End.AFTER_READING))
    agents.start_look(LookPlan(tuple(agents.post.drop)))
    assert agents.post.objections == []
    assert agents.post.drop == []
    if crashes:
        agents.change("crash", ["a", "b"])
    else:
        agents.submitting[0].reply.set_result(Reply.ACCEPTED)
        agents.loop.settle()
    assert [result.outcome for result in agents.agent.told.ended] == [Outcome.ON_TIME]


@pytest.mark.parametrize("agents", [False], indirect=True)
def test_message_that_moves_to_anothers_place_is_no_duplicate(agents: TossedAgents) -> None:
    """Without unique-ids a message moves up when another goes; that a third stands in its old place makes no copy."""
    for name in ("a", "b"):
        agents.submit(name, Reply.ACCEPTED, 1)
    agents.start_look(LookPlan(tuple(agents.post.drop), undeletable=frozenset({1})))
    agents.submit("a", Reply.ACCEPTED, 1)
    assert len(agents.post.drop) == 2
    agents.start_look(LookPlan(tuple(agents.post.drop)))
    assert [result.outcome for result in agents.agent.told.ended] == [Outcome.ON_TIME] * 3
    assert agents.agent.told.duplicates == []


@pytest.mark.parametrize("agents", [True], indirect=True)
def test_route_that_leaves_between_intent_and_start_and_returns_is_conserved(agents: TossedAgents) -> None:
    """An attempt whose route a reload drops while its intent is being written is pending when the route is back."""
    agents.change("hang", ["a", "b"])
    agents.submit("b", None, 0)
    agents.change("reload", ["a"])
    agents.change("mend", ["a"])
    agents.change("reload", ["a", "b"])
    tally = agents.agent.metrics._tally("b")
    assert tally
    assert (tally.started, tally.pending) == (1, 1)
