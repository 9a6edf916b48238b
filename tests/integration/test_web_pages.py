"""What the pages show, asked over a real connection."""

from __future__ import annotations

import asyncio
import threading

import aiohttp
import pytest
from tests.support.journal import JournalAgent
from tests.support.observed import (
    NOT_ARRIVED,
    WALL,
    all_stages,
    failed,
    make_attempt,
    make_route,
    on_time,
    told,
    transcript,
)
from tests.support.site import Agent, browsing, text_of

from mailsonar.model.observer import Login
from mailsonar.model.provenance import Hop, Provenance
from mailsonar.model.result import Outcome, TlsFacts
from mailsonar.model.server import Mechanism
from mailsonar.model.stage import Leg

SCRIPT = "<script>alert('x')</script>"


@pytest.fixture(params=["memory", "journal"])
def agent(request, tmp_path):
    """Give an agent with one route, whose results are all in memory, or the older ones in a journal."""
    agent = Agent() if request.param == "memory" else JournalAgent.on(tmp_path)
    agent.configure(make_route())
    yield agent
    agent.close()


@pytest.fixture
async def client(agent):
    """Give a client of a server that listens."""
    async with browsing(agent.site(lifecycle=False)) as session:
        yield session


async def test_overview_lists_failing_routes_first(client, agent):
    """The page shows state in words, the figure with its error, and the fault; what fails comes first."""
    good, bad, new = make_route("a-good"), make_route("b-bad"), make_route("c-new")
    agent.configure(good, bad, new)
    agent.run(on_time(make_attempt(good)))
    agent.run(failed(make_attempt(bad), Outcome.LOST, NOT_ARRIVED))
    agent.tell("attempt_started", make_attempt(new))
    agent.clock.now = 42.0
    page = await text_of(client, "/")
    assert page.index("/routes/b-bad") < page.index("/routes/c-new") < page.index("/routes/a-good")
    for words in ("failing", "waiting", "ok", "1.84 s", "310 ms", "not arrived (transit)", "42 s ago", "1 pending"):
        assert words in page
    assert "not seen in time" in page


async def test_overview_greys_an_old_green(client, agent):
    """A route without an attempt for three intervals is stale, not ok."""
    agent.run(on_time(make_attempt(make_route())))
    agent.clock.now = 181.0
    assert 'class="state stale"' in await text_of(client, "/")


async def test_empty_states(client, agent):
    """Without routes, and without attempts, the pages say so."""
    assert "no attempt yet" in await text_of(client, "/")
    assert "No attempt yet" in await text_of(client, "/routes/acme-internal")
    agent.configure()
    assert "No routes are configured" in await text_of(client, "/")


async def test_route_page(client, agent):
    """A route's page shows the waterfall, the certificates and the recent attempts."""
    route = make_route()
    tls = {"protocol": "smtp", "cipher": "TLS_AES_256_GCM_SHA384", "version": "TLSv1.3", "verified": True}
    facts = TlsFacts(server="smtp.acme.example:587", not_after_wall=WALL + 86400 * 42, **tls)
    agent.run(failed(make_attempt(route, 0.0, token="cafe0001")))
    agent.run(on_time(make_attempt(route, 60.0, token="cafe0002"), stages=all_stages(), tls=(facts,)))
    agent.tell("duplicate_seen", make_attempt(route, 60.0, token="cafe0002"))
    page = await text_of(client, "/routes/acme-internal")
    assert page.count('<td class="bar">') == len(all_stages())
    assert page.index("cafe0002") < page.index("cafe0001")
    for words in (
        "535 no",
        "authentication rejected at authenticate (submission)",
        "42 d left",
        "verified",
        "duplicates: 1",
    ):
        assert words in page


async def test_route_page_shows_what_the_last_message_told(client, agent):
    """Hops and verdicts of the last message that was seen stand on the page, with skew in words."""
    route = make_route()
    agent.run(on_time(make_attempt(route, 0.0), provenance=told()))
    agent.run(failed(make_attempt(route, 60.0)))
    page = await text_of(client, "/routes/acme-internal")
    for words in ("What the message tells", "<dt>SPF</dt><dd>pass</dd>", "mx2.contoso.example", "ESMTPS", "-98 s"):
        assert words in page
    assert page.count("clocks differ") == 1
    agent.run(on_time(make_attempt(route, 120.0)))
    assert "What the message tells" not in await text_of(client, "/routes/acme-internal")


async def test_route_page_shows_what_sessions_told(client, agent):
    """What a glimpse showed of a bad certificate, and how the accounts logged in, come with no result."""
    route = make_route()
    facts = TlsFacts(
        server="smtp.acme.example:587",
        protocol="smtp",
        version="TLSv1.2",
        cipher="ECDHE",
        verified=False,
        not_after_wall=WALL - 86400,
        not_after_earliest_wall=WALL - 2 * 86400,
        problem="certificate has <expired>",
        names=("mx.acme.example", "192.0.2.1"),
        issuer="CN=<b>Acme</b>",
        key="RSA 2048",
    )
    agent.run(failed(make_attempt(route)))
    agent.tell("account_used", Login(account=route.sender.account, authenticated=None, tls=facts))
    agent.tell("account_used", Login(account=route.maildrop.account, authenticated=False, mechanism=Mechanism.USER))
    page = await text_of(client, "/routes/acme-internal")
    for words in (
        "not verified",
        "certificate has &lt;expired&gt;",
        "mx.acme.example, 192.0.2.1; RSA 2048; issued by CN=&lt;b&gt;Acme&lt;/b&gt;",
        "TLSv1.2 ECDHE",
        '<span class="error">ended</span>',
        "another of its chain: 2026-11-16 11:06:40 UTC, ended",
        "on smtp.acme.example:587</dd>",
        "on pop.acme.example:110, login by USER, which was refused</dd>",
    ):
        assert words in page
    agent.tell("account_used", Login(account=route.maildrop.account, authenticated=True, mechanism=Mechanism.PLAIN))
    assert "on pop.acme.example:110, login by PLAIN</dd>" in await text_of(client, "/routes/acme-internal")


async def test_route_page_tells_what_was_said(client, agent):
    """Each failed attempt leads to its transcript; a success and one of which nothing was told have none."""
    route = make_route()
    said = (transcript("220 hello", SCRIPT), transcript("+OK", leg=Leg.RETRIEVAL))
    agent.run(failed(make_attempt(route, 0.0), transcripts=said))
    agent.run(failed(make_attempt(route, 60.0)))
    agent.run(on_time(make_attempt(route, 120.0)))
    page = await text_of(client, "/routes/acme-internal?attempt=token-120")
    assert page.count(">Transcript<") == 1
    assert "<details" not in page
    assert 'href="?attempt=token-0#transcript"' in page
    page = await text_of(client, "/routes/acme-internal?attempt=token-0")
    assert page.index("<details") < page.index("submission at smtp.acme.example:587")
    assert ">220 hello</code>" in page
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page


async def test_pages_escape_everything(client, agent):
    """Neither a name of the config nor a server's text can become markup."""
    route = make_route(SCRIPT.replace("/", "\\"), (("customer", SCRIPT),))
    agent.configure(route, labels=["customer"])
    fault = NOT_ARRIVED.__class__(
        leg=NOT_ARRIVED.leg, stage=NOT_ARRIVED.stage, reason=NOT_ARRIVED.reason, detail=SCRIPT
    )
    agent.run(failed(make_attempt(route), Outcome.LOST, fault))
    hop = Hop(from_host=SCRIPT, by_host=SCRIPT, protocol=SCRIPT)
    agent.run(on_time(make_attempt(route, 60.0), success=False, fault=fault, provenance=Provenance(hops=(hop,))))
    overview = await text_of(client, "/")
    href = overview.split('href="/routes/')[1].split('"')[0]
    for page in (overview, await text_of(client, aiohttp.client.URL(f"/routes/{href}", encoded=True))):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(&#39;x&#39;)" in page


async def test_pages_have_no_inline_script_or_style(client, agent):
    """What the security policy forbids is not there, so that the pages work under it."""
    agent.run(on_time(make_attempt(make_route()), stages=all_stages()))
    for path in ("/", "/routes/acme-internal"):
        page = await text_of(client, path)
        assert " style=" not in page
        assert "<style" not in page
        assert page.count("<script") == page.count('<script src="/static/')
    for path, content_type in (
        ("live.js", "text/javascript"),
        ("style.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
    ):
        answer = await client.get(f"/static/{path}")
        assert (answer.status, answer.content_type) == (200, content_type)


@pytest.mark.parametrize("name", ["a/b", "{a}", "a b", "ä%2F", "?a#b"])
async def test_every_name_has_its_page(client, agent, name):
    """Whatever a route is called, the link on the overview leads to its page."""
    agent.configure(make_route(name))
    href = (await text_of(client, "/")).split('href="/routes/')[1].split('"')[0]
    assert "No attempt yet" in await text_of(client, aiohttp.client.URL(f"/routes/{href}", encoded=True))


async def test_texts_are_made_one_at_a_time(agent):
    """Whoever asks meanwhile waits: threads that compute side by side hold up the event loop, and what it times."""
    agent.configure(make_route())
    begun, may_end = threading.Event(), threading.Event()

    def part():
        begun.set()
        may_end.wait(5)
        return ""

    async with browsing(agent.site(lifecycle=False, part=part)) as session:
        first = asyncio.create_task(session.get("/"))
        assert await asyncio.to_thread(begun.wait, 5)
        second = asyncio.create_task(session.get("/routes/acme-internal"))
        done, _ = await asyncio.wait([second], timeout=0.1)
        may_end.set()
        assert [(await answer).status for answer in (first, second)] == [200, 200]
    assert not done
