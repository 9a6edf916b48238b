"""The page stays current by itself, and never lets an old green look like a new one."""

from __future__ import annotations

import asyncio

import pytest_asyncio
from playwright.async_api import expect
from tests.support.browser import window
from tests.support.observed import failed, make_attempt, make_route, on_time
from tests.support.site import Agent, serving

ROUTES = [make_route(name, (("customer", name[0]),)) for name in ("alpha", "beta", "gamma")]
GREEN = "rgb(26, 127, 55)"


@pytest_asyncio.fixture(loop_scope="session")
async def agent():
    """Give an agent with three routes that are well."""
    agent = Agent()
    agent.configure(*ROUTES, labels=["customer"])
    for route in ROUTES:
        agent.run(on_time(make_attempt(route)))
    return agent


@pytest_asyncio.fixture(loop_scope="session")
async def origin(agent):
    """Serve them."""
    async with serving(agent.site(lifecycle=False)) as origin:
        yield origin


async def test_news_come_without_reloading(chromium, agent, origin):
    """A route that fails moves to the top by itself; filter, focus and what was not touched stay as they were."""
    async with window(chromium, origin) as view:
        page = view.page
        await page.clock.install()
        await view.goto("/")
        await page.evaluate("window.kept = document.querySelector('tr[data-key=alpha]')")
        await page.get_by_role("link", name="gamma").focus()
        agent.run(failed(make_attempt(ROUTES[2], 60.0)))
        view.asked.clear()
        await page.clock.run_for(5000)
        await expect(page.get_by_role("heading", level=1)).to_have_text("1 failing of 3 routes")
        assert await view.routes() == ["gamma", "alpha", "beta"]
        assert [url.partition("=")[0] for url in view.asked] == [f"{origin}/?since"]
        await expect(page.get_by_role("link", name="gamma")).to_be_focused()
        assert await page.evaluate("kept === document.querySelector('tr[data-key=alpha]')")
        await expect(page).to_have_title("1 failing of 3 routes · MailSonar")
        await expect(page.locator("#news")).to_contain_text("1 failing of 3 routes")
        await expect(page.get_by_label("customer").get_by_role("option", name="g (1 failing)")).to_be_attached()

        await page.get_by_role("searchbox").fill("beta")
        agent.configure(*ROUTES, make_route("beta-two"), labels=["customer"])
        await page.clock.run_for(5000)
        await expect(page.get_by_text("beta-two")).to_be_visible()
        assert await view.routes() == ["beta-two", "beta"]
        await expect(page.get_by_role("searchbox")).to_have_value("beta")


async def test_ages_go_on(chromium, agent, origin):
    """Ages count on between answers, by the agent's clock: the browser's may be years away."""
    async with window(chromium, origin) as view:
        await view.page.clock.install(time="2020-02-02T02:02:02Z")
        await view.goto("/")
        await expect(view.page.get_by_role("row", name="alpha").get_by_text("just now")).to_be_visible()
        agent.clock.now = 42.0
        await view.page.clock.run_for(5000)
        await expect(view.page.get_by_role("row", name="alpha").get_by_text("42 s ago")).to_be_visible()


async def test_a_hidden_tab_asks_for_nothing(chromium, agent, origin):
    """A tab that nobody looks at costs the agent nothing; it turns old, and is current again once it is looked at."""
    async with window(chromium, origin) as view:
        page = view.page
        await page.clock.install()
        await page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => window.away ?? false})")
        await view.goto("/")
        await page.evaluate("window.away = true; document.dispatchEvent(new Event('visibilitychange'))")
        view.asked.clear()
        await page.clock.run_for(60_000)
        assert view.asked == []
        await expect(page).to_have_title("Old: All 3 routes ok · MailSonar")
        await page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
        await expect(page).to_have_title("All 3 routes ok · MailSonar")
        assert len(view.asked) == 1


async def test_an_agent_that_does_not_answer(chromium, agent, origin):
    """Banner, title and missing colours tell that what is seen is old; an answer ends that."""
    async with window(chromium, origin, allow=["net::ERR_FAILED"]) as view:
        page = view.page
        await page.clock.install()
        await view.goto("/")
        colour = "getComputedStyle(document.querySelector('.routes .state.ok')).color"
        assert await page.evaluate(colour) == GREEN
        await page.route("**/*", lambda route: route.abort())
        await page.clock.run_for(5000)
        await expect(page.get_by_role("alert")).to_contain_text("No answer from the agent since")
        await expect(page).to_have_title("Old: All 3 routes ok · MailSonar")
        assert await page.evaluate(colour) != GREEN
        await page.unroute("**/*")
        await page.clock.run_for(5000)
        await expect(page.get_by_role("alert")).to_be_hidden()
        await expect(page).to_have_title("All 3 routes ok · MailSonar")
        assert await page.evaluate(colour) == GREEN


async def test_an_agent_that_hangs(chromium, origin):
    """An answer that does not come makes the page old after fifteen seconds, without waiting for its end."""
    over = asyncio.Event()

    async def hang(route):
        await over.wait()
        await route.abort()

    async with window(chromium, origin, allow=["net::ERR_FAILED"]) as view:
        page = view.page
        await page.clock.install()
        await view.goto("/")
        await page.route("**/*", hang)
        await page.clock.run_for(20_000)
        await expect(page.get_by_role("alert")).to_be_visible()
        over.set()
        await page.unroute_all(behavior="wait")
