"""What keeps the overview current: with `since`, only the rows that are new travel."""

from __future__ import annotations

import re

import pytest
from tests.support.observed import failed, make_attempt, make_route, on_time
from tests.support.site import Agent, browsing, text_of

ROUTES = [make_route(name) for name in ("a", "b", "c")]


@pytest.fixture
def agent():
    """Give an agent with three routes that are well."""
    agent = Agent()
    agent.configure(*ROUTES)
    for route in ROUTES:
        agent.run(on_time(make_attempt(route)))
    return agent


@pytest.fixture
async def client(agent):
    """Give a client of a server that listens."""
    async with browsing(agent.site(lifecycle=False)) as session:
        yield session


async def look(client, since=""):
    """Return the names of the rows that a page has, whether it is a part only, and its cursor."""
    page = await text_of(client, f"/?since={since}")
    names = re.findall(r'<tr [^>]*data-key="([^"]*)"', page)
    return names, " data-part>" in page, re.search('data-cursor="([^"]*)"', page)[1]


async def test_only_what_is_new_travels(client, agent):
    """After the whole page a part has the rows whose attempts changed since, and the next part not again."""
    names, is_part, cursor = await look(client)
    assert (names, is_part) == (["a", "b", "c"], False)
    assert (await look(client, cursor))[:2] == ([], True)
    agent.run(failed(make_attempt(ROUTES[1], 60.0)))
    names, is_part, later = await look(client, cursor)
    assert (names, is_part) == (["b"], True)
    assert (await look(client, later))[:2] == ([], True)


async def test_counts_are_those_of_all_routes(client, agent):
    """A part tells how the fleet stands, not how the part does."""
    _, _, cursor = await look(client)
    agent.run(failed(make_attempt(ROUTES[1], 60.0)))
    page = await text_of(client, f"/?since={cursor}")
    assert "1 failing of 3 routes" in page
    assert "<b>2</b> ok" in page


async def test_what_time_alone_makes_stale_is_new(client, agent):
    """A route goes stale without any event; its row must not stay green."""
    agent.run(on_time(make_attempt(ROUTES[0], 100.0)))
    _, _, cursor = await look(client)
    agent.clock.now = 200.0
    assert (await look(client, cursor))[0] == ["b", "c"]


async def test_another_config_makes_the_page_whole(client, agent):
    """Routes that came or went cannot be told by changed rows."""
    _, _, cursor = await look(client)
    agent.configure(*ROUTES[:2])
    assert (await look(client, cursor))[:2] == (["a", "b"], False)


async def test_another_process_makes_the_page_whole(client, agent):
    """A page that an earlier process filled gets everything, whatever it has seen."""
    _, _, cursor = await look(client)
    later = Agent()
    later.clock.now = 1.0
    later.configure(*ROUTES)
    for route in ROUTES:
        later.run(on_time(make_attempt(route)))
    async with browsing(later.site(lifecycle=False)) as successor:
        assert (await look(successor, cursor))[:2] == (["a", "b", "c"], False)


@pytest.mark.parametrize("since", ["1", "1.2", "x.y.z", "1.2.3.4", "9" * 5000, "1.99999999999999999999.1", "٣.٣.٣"])
async def test_nonsense_makes_the_page_whole(client, since):
    """What is no cursor of ours is as good as none."""
    assert (await look(client, since))[:2] == (["a", "b", "c"], False)
