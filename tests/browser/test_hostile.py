"""Whatever a server says is text: nothing of it runs, and no word is so long that a page scrolls sideways."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import expect
from tests.support.browser import DESKTOP, PHONE, window
from tests.support.observed import WALL, all_stages, failed, make_account, make_attempt, make_route, on_time, transcript
from tests.support.probing import impatient, probing
from tests.support.site import Agent, serving

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.observer import Login
from mailsonar.model.provenance import Hop, Provenance
from mailsonar.model.result import Outcome, TlsFacts
from mailsonar.model.route import Maildrop, Sender
from mailsonar.model.server import Mechanism, Protocol
from mailsonar.model.stage import Leg, Stage
from mailsonar.sandbox.acts import close, does, utter

MARKUP = (
    """'"><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)></style><style>*{display:none}"""
)
LINES = "javascript:alert(4)//\x00\x08\x1b[31m\u202egnp.exe {{7*7}} </main></table> &#60;script&#62;"
LONG = "W" * 10_000
WORDS = (MARKUP, LINES, LONG)
REFUSAL = b"550 5.7.1 <script>alert(5)</script>\x1b]0;x\x07\x00\xe2\x80\xae" + LONG.encode()[:300] + b"\r\n"


def hostile_agent():
    """Return an agent with a route for each of the words, which stands in every text that the pages show."""
    agent = Agent()
    routes = []
    for number, words in enumerate(WORDS):
        accounts = (make_account(Protocol.SMTP, words, words), make_account(Protocol.POP3, words, words))
        sender = Sender(name=words, address=words, account=accounts[0])
        maildrop = Maildrop(name=words, address=words, account=accounts[1])
        route = make_route(f"r{number} {words[:300]}", (("customer", words),), sender=sender, maildrop=maildrop)
        routes.append(route)
    agent.configure(*routes, labels=["customer"])
    for route, words in zip(routes, WORDS, strict=True):
        fault = Fault(leg=Leg.SUBMISSION, stage=Stage.RCPT_TO, reason=Reason.REJECTED, detail=words)
        hop = Hop(from_host=words, by_host=words, protocol=words, received_wall=WALL)
        tls = TlsFacts(
            server=words, protocol="smtp", version=words, cipher=words, verified=False, not_after_wall=WALL,
            problem=words, names=(words,), issuer=words, key=words,
        )  # fmt: skip
        agent.tell("account_used", Login(account=route.sender.account, authenticated=False, mechanism=Mechanism.PLAIN))
        agent.run(on_time(make_attempt(route, token=words[:500]), provenance=Provenance(hops=(hop,)), tls=(tls,)))
        attempt = make_attempt(route, 60.0, token=f"t{words[:500]}")
        told = transcript(words, words, server=words)
        agent.run(failed(attempt, fault=fault, stages=all_stages(), duplicates=1, transcripts=(told,)))
    return agent


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def origin():
    """Serve it."""
    async with serving(hostile_agent().site(lifecycle=True)) as origin:
        yield origin


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_hostile_words_are_text(chromium, origin, screen):
    """Markup, control characters and endless words stand on the pages as they are, in every field, and do nothing."""
    async with window(chromium, origin, viewport=screen) as view:
        page = view.page
        await view.goto("/")
        assert await view.width() == screen["width"]
        assert len(await view.routes()) == len(WORDS)
        await page.get_by_role("searchbox").fill("onerror=alert(2)")
        assert len(await view.routes()) == 1
        await page.get_by_label("customer").select_option(MARKUP)
        assert len(await view.routes()) == 1
        await page.reload()
        assert len(await view.routes()) == 1
        for href in [await link.get_attribute("href") for link in await page.locator("tbody th a").all()]:
            await view.goto(href)
            await expect(page.get_by_role("heading", name="Certificates")).to_be_visible()
            await expect(page.locator(".transcript li")).to_have_count(2)
            assert await view.width() == screen["width"]
            await page.locator(".attempts tbody tr").nth(1).get_by_role("link").click()
            await expect(page.get_by_role("heading", name="What the message tells")).to_be_visible()
            assert await view.width() == screen["width"]
            assert await page.locator("main script, main img, main style, main [onload]").count() == 0
        assert await page.evaluate("document.styleSheets.length") == 2


async def test_a_hostile_server_is_quoted(chromium, monkeypatch):
    """What a real server answered is on the page, as text, control characters struck out, with its transcript."""
    impatient(monkeypatch)
    agent = Agent()
    async with probing() as world:
        world.smtp.faults.on(does("refuses in markup", "RCPT", utter(REFUSAL), close))
        world.with_observers(agent.history)
        route = world.route("hostile")
        agent.history.set_routes([route])
        result = await world.attempt(route)
        assert result.outcome is Outcome.REFUSED
        agent.clock.now = result.attempt.started_wall - WALL
        async with serving(agent.site(lifecycle=False)) as origin, window(chromium, origin, viewport=PHONE) as view:
            await view.goto("/routes/hostile")
            await expect(view.page.locator(".box .detail")).to_contain_text("<script>alert(5)</script>")
            said = view.page.locator(".transcript").get_by_text("<script>alert(5)</script>").first
            await expect(said).to_be_visible()
            assert "\x1b" not in await view.page.content()
            assert await view.width() == PHONE["width"]
