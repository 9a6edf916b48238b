"""One route, as somebody on call goes through it: from the overview to the failure, and to another try."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import expect
from tests.support.browser import window
from tests.support.observed import REJECTED, all_stages, failed, make_attempt, make_route, on_time, transcript
from tests.support.site import Agent, serving

from mailsonar.model.stage import Leg, Stage, StageTiming

ROUTE = make_route()
REFUSED = (
    StageTiming(leg=Leg.SUBMISSION, stage=Stage.CONNECT, seconds=0.02),
    StageTiming(leg=Leg.SUBMISSION, stage=Stage.AUTHENTICATE, seconds=1.5, failed=True),
)


@pytest_asyncio.fixture(loop_scope="session")
async def agent():
    """Give an agent whose route failed once and is well again."""
    agent = Agent()
    agent.configure(ROUTE)
    words = transcript("220 mx.acme.example", "535 5.7.8 no")
    agent.run(failed(make_attempt(ROUTE, 0.0, token="cafe0001"), stages=REFUSED, transcripts=(words,)))
    agent.run(on_time(make_attempt(ROUTE, 60.0, token="cafe0002"), stages=all_stages()))
    agent.clock.now = 65.0
    return agent


@pytest_asyncio.fixture(loop_scope="session")
async def origin(agent):
    """Serve it, with the lifecycle enabled."""
    async with serving(agent.site(lifecycle=True)) as origin:
        yield origin


async def test_from_the_overview_to_a_failure(chromium, origin):
    """A click leads to the route, another to what was said in the attempt that failed, and back to the newest."""
    async with window(chromium, origin) as view:
        page = view.page
        await view.goto("/")
        await page.get_by_role("link", name="acme-internal").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("acme-internal")
        waterfall = page.get_by_role("region", name="Where the time goes")
        await expect(waterfall.locator(".bar")).to_have_count(len(all_stages()))
        await expect(page.locator(".transcript")).to_be_hidden()
        await page.get_by_role("row", name="failed").get_by_role("link", name="Transcript").click()
        assert page.url == f"{origin}/routes/acme-internal?attempt=cafe0001#transcript"
        lines = page.locator(".transcript").get_by_role("listitem")
        assert "the server said" in await lines.nth(0).inner_text()
        await expect(lines.nth(1)).to_contain_text("535 5.7.8 no")
        await expect(waterfall.get_by_role("row", name="authenticate failed")).to_contain_text("1.50 s")
        await expect(waterfall).to_contain_text("authentication rejected at authenticate (submission)")
        await waterfall.get_by_role("link", name="Show the newest").click()
        await expect(waterfall.locator(".bar")).to_have_count(len(all_stages()))


async def test_probe_now(chromium, agent, origin):
    """The click tells what becomes of it: that the attempt is under way, and how it ended."""
    async with window(chromium, origin) as view:
        page = view.page
        await view.goto("/routes/acme-internal")
        attempt = make_attempt(ROUTE, 65.0, token="cafe0003")
        agent.on_probe = lambda: agent.tell("attempt_started", attempt)
        button, said = page.get_by_role("button", name="Probe now"), page.locator("#probe [role=status]")
        await button.click()
        await expect(said).to_have_text("The attempt is under way.")
        await expect(button).to_be_disabled()
        agent.tell("attempt_ended", failed(attempt, fault=REJECTED, stages=REFUSED))
        await expect(said).to_have_text(
            "The attempt ended: failed, authentication rejected at authenticate (submission)."
        )
        await expect(button).to_be_enabled()
        await expect(page.locator(".title .state")).to_have_text("failing")
        await expect(page.get_by_role("row", name="cafe0003")).to_be_visible()
        assert agent.probed == ["acme-internal"]


async def test_probe_that_cannot_be(chromium, agent, origin):
    """A refusal is told in the agent's words."""
    agent.can_probe = False
    async with window(chromium, origin, allow=["409"]) as view:
        await view.goto("/routes/acme-internal")
        await view.page.get_by_role("button", name="Probe now").click()
        said = view.page.locator("#probe [role=status]")
        await expect(said).to_have_text("This route cannot start an attempt now.")


@pytest.mark.parametrize("scripts", [True, False])
async def test_no_button_that_does_nothing(chromium, agent, origin, scripts):
    """Where the lifecycle is not enabled, or scripts are off, there is no button."""
    async with (
        serving(agent.site(lifecycle=not scripts)) as plain,
        window(chromium, plain, java_script_enabled=scripts) as view,
    ):
        await view.goto("/routes/acme-internal")
        await expect(view.page.get_by_role("heading", name="Attempts")).to_be_visible()
        await expect(view.page.get_by_role("button", name="Probe now")).to_be_hidden()


async def test_opened_pages_stay_current(chromium, agent, origin):
    """A new attempt appears at the top of the attempts, and the waterfall becomes its own, without reloading."""
    async with window(chromium, origin) as view:
        page = view.page
        await page.clock.install()
        await view.goto("/routes/acme-internal")
        agent.run(failed(make_attempt(ROUTE, 65.0, token="cafe0004"), stages=REFUSED))
        await page.clock.run_for(5000)
        await expect(page.locator(".attempts tbody tr").first).to_contain_text("cafe0004")
        await expect(page.locator(".waterfall .bar")).to_have_count(len(REFUSED))
        await expect(page.locator("#news")).to_have_text("acme-internal failing")
        agent.configure(make_route("another"))
        await page.clock.run_for(5000)
        await expect(page.get_by_role("heading", name="No such route")).to_be_visible()
        view.complaints.clear()


async def test_a_route_that_does_not_exist(chromium, origin):
    """A mistyped address is told so, and leads back."""
    async with window(chromium, origin, allow=["404"]) as view:
        await view.goto("/routes/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
        await view.page.get_by_role("link", name="All routes").click()
        await expect(view.page.get_by_role("link", name="acme-internal")).to_be_visible()


async def test_an_attempt_that_is_not_kept(chromium, origin):
    """An old link to an attempt shows the newest, and says so."""
    async with window(chromium, origin) as view:
        await view.goto("/routes/acme-internal?attempt=gone")
        await expect(view.page.get_by_text("no longer kept")).to_be_visible()
        await expect(view.page.locator(".bar")).to_have_count(len(all_stages()))
