"""The overview's filter where it stands in the URL: for links that are shared, and for browsers without scripts."""

from __future__ import annotations

import re

import pytest
from tests.support.observed import NOT_ARRIVED, failed, make_attempt, make_route, on_time
from tests.support.site import Agent, browsing, text_of

from mailsonar.model.result import Outcome

ACME = make_route("acme-north", (("customer", "acme"), ("site", "north")))
BARE = make_route("acme-south", (("customer", "acme"), ("site", "")))
OTHER = make_route("globex", (("customer", "globex"), ("site", "a b")))


@pytest.fixture
async def client():
    """Give a client of a page with three routes, of which `globex` fails and `acme-south` waits."""
    agent = Agent()
    agent.configure(ACME, BARE, OTHER, labels=["customer", "site"])
    agent.run(on_time(make_attempt(ACME)))
    agent.run(failed(make_attempt(OTHER), Outcome.LOST, NOT_ARRIVED))
    async with browsing(agent.site(lifecycle=False)) as session:
        yield session


async def shown(client, query):
    """Return the names of the routes that are not hidden, in the order of the page."""
    rows = re.findall(r"<tr [^>]*data-key=[^>]*>", await text_of(client, f"/?{query}"))
    assert len(rows) == 3, "what the filter hides is still there for the script to show"
    return [re.search('data-key="([^"]*)"', row)[1] for row in rows if " hidden" not in row]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["globex", "acme-south", "acme-north"]),
        ("q=SOUTH", ["acme-south"]),
        ("q=north+acme-out", ["acme-north"]),
        ("q=not+arrived", ["globex"]),
        ("q=transit/arrival", ["globex"]),
        ("q=site%3Dnorth", ["acme-north"]),
        ("state=ok", ["acme-north"]),
        ("state=ok&state=failing", ["globex", "acme-north"]),
        ("label.customer=acme", ["acme-south", "acme-north"]),
        ("label.customer=acme&label.site=north", ["acme-north"]),
        ("label.site=a+b", ["globex"]),
        ("label.customer=&label.site=&q=", ["globex", "acme-south", "acme-north"]),
        ("label.customer=acme&state=failing", []),
        ("q=nothing+of+the+kind", []),
        ("state=purple", ["globex", "acme-south", "acme-north"]),
        ("label.nobody=x", []),
    ],
)
async def test_filter_in_the_url(client, query, names):
    """Every word must be found, one of the states must hold, and every label; a state that is none does not count."""
    assert await shown(client, query) == names


async def test_the_form_shows_the_filter(client):
    """Who follows a link sees by what it filters, how much that leaves, and how to be rid of it."""
    page = await text_of(client, "/?q=%22acme&state=waiting&label.customer=acme")
    assert 'value="&#34;acme"' in page
    assert 'value="waiting" checked' in page
    assert '<option value="acme" selected>acme</option>' in page
    assert '<option value="globex">globex (1 failing)</option>' in page
    assert re.search(r'id="shown"[^>]*role="status" data-own><span>0 of 3 routes', page)
    assert re.search(r'id="nothing" class="empty" data-own>No route matches', page)


async def test_no_filter_says_nothing_of_one(client):
    """Without a filter there is nothing to clear."""
    page = await text_of(client, "/")
    assert re.search(r'id="shown"[^>]* hidden', page)
    assert re.search(r'id="nothing"[^>]* hidden', page)


@pytest.mark.parametrize("query", ["q=" + "x" * 3000, "q=%00%ff", "state=&state=&state", "label.=x", "&&==", "q=a&q=b"])
async def test_odd_queries(client, query):
    """Whatever is asked for, the answer is a page."""
    assert "<h1" in await text_of(client, f"/?{query}")
