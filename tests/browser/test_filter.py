"""Finding a route among many: by text, state and label, without reloading, and without scripts."""

from __future__ import annotations

import re

import pytest
import pytest_asyncio
from playwright.async_api import expect
from tests.support.browser import window
from tests.support.observed import failed, make_attempt, make_route, on_time
from tests.support.site import Agent, serving

NORTH = make_route("acme-north", (("customer", "acme"), ("site", "north")))
SOUTH = make_route("acme-south", (("customer", "acme"), ("site", "south")))
OTHER = make_route("globex-north", (("customer", "globex"), ("site", "north")))
NEW = make_route("initech-new", (("customer", "initech"), ("site", "")))


@pytest_asyncio.fixture(loop_scope="session")
async def origin():
    """Serve four routes, of which one fails and one has made no attempt."""
    agent = Agent()
    agent.configure(NORTH, SOUTH, OTHER, NEW, labels=["customer", "site"])
    agent.run(on_time(make_attempt(NORTH)))
    agent.run(failed(make_attempt(SOUTH)))
    agent.run(on_time(make_attempt(OTHER)))
    async with serving(agent.site(lifecycle=False)) as origin:
        yield origin


async def test_filter_by_text_state_and_label(chromium, origin):
    """What is typed or chosen filters at once, stands in the URL, and survives being shared."""
    async with window(chromium, origin) as view:
        page = view.page
        await view.goto("/")
        assert await view.routes() == ["acme-south", "initech-new", "acme-north", "globex-north"]
        view.asked.clear()
        await page.get_by_role("searchbox").fill("NORTH")
        assert await view.routes() == ["acme-north", "globex-north"]
        await page.get_by_label("customer").select_option("acme")
        assert await view.routes() == ["acme-north"]
        await page.get_by_label("customer").select_option("")
        await page.get_by_role("searchbox").fill("")
        await page.get_by_role("checkbox", name="failing").check()
        await page.get_by_role("checkbox", name="waiting").check()
        assert await view.routes() == ["acme-south", "initech-new"]
        asked = [url for url in view.asked if "since=" not in url and "/static/" not in url]
        assert asked == [], "filtering asks the agent for nothing"
        assert page.url == f"{origin}/?state=failing&state=waiting"
        await expect(page.locator("#shown")).to_contain_text("2 of 4 routes")
        await page.reload()
        assert await view.routes() == ["acme-south", "initech-new"]
        await page.get_by_role("link", name="Clear the filter").click()
        assert len(await view.routes()) == 4
        assert page.url == f"{origin}/"


async def test_a_filter_that_matches_nothing_says_so(chromium, origin):
    """Nothing found is told, with the way back beside it."""
    async with window(chromium, origin) as view:
        await view.goto("/")
        await view.page.get_by_role("searchbox").fill("no such thing")
        assert await view.routes() == []
        nothing = view.page.locator("#nothing")
        await expect(nothing).to_be_visible()
        await nothing.get_by_role("link").click()
        await expect(nothing).to_be_hidden()
        assert len(await view.routes()) == 4


async def test_slash_leads_to_the_filter(chromium, origin):
    """The key that people know from elsewhere focuses the search, and is typed where it is meant to be."""
    async with window(chromium, origin) as view:
        await view.goto("/")
        search = view.page.get_by_role("searchbox")
        await view.page.keyboard.press("/")
        await expect(search).to_be_focused()
        await expect(search).to_have_value("")
        await view.page.keyboard.type("transit/")
        await expect(search).to_have_value("transit/")


async def test_the_first_tab_skips_to_the_content(chromium, origin):
    """Whoever goes by keyboard need not walk through the header, and sees where the focus is."""
    async with window(chromium, origin) as view:
        await view.goto("/")
        await view.page.keyboard.press("Tab")
        skip = view.page.get_by_role("link", name="Skip to the content")
        await expect(skip).to_be_focused()
        await expect(skip).to_be_in_viewport()
        await view.page.keyboard.press("Enter")
        await view.page.keyboard.press("Tab")
        box = view.page.get_by_role("checkbox", name="failing")
        await expect(box).to_be_focused()
        outline = "getComputedStyle(document.activeElement.parentElement).outlineStyle"
        assert await view.page.evaluate(outline) == "solid"


async def test_filter_without_scripts(chromium, origin):
    """Where scripts are off the form is sent, and the answer is filtered."""
    async with window(chromium, origin, java_script_enabled=False) as view:
        await view.goto("/")
        await view.page.get_by_role("searchbox").fill("acme-n")
        await view.page.get_by_role("checkbox", name="ok").check()
        await view.page.get_by_role("button", name="Filter").click()
        await expect(view.page).to_have_url(re.compile(r"q=acme-n"))
        assert await view.routes() == ["acme-north"]
        await view.page.get_by_role("link", name="Clear the filter").first.click()
        assert len(await view.routes()) == 4


@pytest.mark.parametrize("routes", [(), (NEW,)], ids=["no route", "no attempt"])
async def test_empty_states(chromium, routes):
    """A config without routes, and a route without attempts, are told in words."""
    agent = Agent()
    agent.configure(*routes, labels=["customer", "site"])
    async with serving(agent.site(lifecycle=False)) as origin, window(chromium, origin) as view:
        await view.goto("/")
        words = "no attempt yet" if routes else "No routes are configured"
        await expect(view.page.get_by_text(words)).to_be_visible()
