"""What the HTTP server answers to programs, asked over a real connection."""

from __future__ import annotations

import json

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from tests.support.observed import all_stages, failed, make_attempt, make_route, on_time, transcript
from tests.support.site import Agent, browsing, text_of


@pytest.fixture
def agent():
    """Give an agent with one route."""
    agent = Agent()
    agent.configure(make_route())
    return agent


@pytest.fixture
def lifecycle():
    """Enable reloads and probes; a test may override this."""
    return True


@pytest.fixture
async def client(agent, lifecycle):
    """Give a client of a server that listens."""
    async with browsing(agent.site(lifecycle=lifecycle)) as session:
        yield session


@pytest.mark.parametrize(("path", "switch"), [("/-/healthy", "healthy"), ("/-/ready", "ready")])
async def test_health(client, agent, path, switch):
    """Health and readiness are 200 while they hold, and 503 when they do not."""
    assert (await client.get(path)).status == 200
    setattr(agent, switch, False)
    assert (await client.get(path)).status == 503


@pytest.mark.parametrize(
    ("accept", "content_type", "parse"),
    [
        ("", "text/plain", parse_text),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text", parse_openmetrics),
        ("application/openmetrics-text; version=abc", "text/plain", parse_text),
    ],
)
async def test_metrics_in_the_format_asked_for(client, agent, accept, content_type, parse):
    """The scrape is valid in the format that the request prefers, nonsense included, and travels compressed."""
    agent.run(on_time(make_attempt(make_route()), stages=all_stages()))
    async with client.get("/metrics", headers={"Accept": accept, "Accept-Encoding": "gzip"}) as answer:
        assert answer.status == 200
        assert answer.content_type == content_type
        assert answer.headers["Content-Encoding"] == "gzip"
        families = {family.name: family for family in parse(await answer.text())}
    assert families["mailsonar_probe_success"].samples[0].value == 1


async def test_metrics_by_name(client):
    """`name[]` asks for some families only."""
    text = await text_of(client, "/metrics?name[]=mailsonar_build_info")
    assert {family.name for family in parse_text(text)} == {"mailsonar_build_info"}


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/nothing", "/api/v1/routes"])
async def test_security_headers(client, path):
    """Every answer, errors included, forbids sniffing, framing, inline code, caching and referrers."""
    async with client.get(path) as answer:
        headers = answer.headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self';")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] == "MailSonar"


async def test_api(client, agent):
    """The API serves what the pages show: routes, one route, its results."""
    attempt = make_attempt(make_route(), token="cafe0001")
    agent.run(on_time(attempt))
    (listed,) = json.loads(await text_of(client, "/api/v1/routes"))
    assert json.loads(await text_of(client, "/api/v1/routes/acme-internal")) == listed
    (result,) = json.loads(await text_of(client, "/api/v1/routes/acme-internal/results"))
    assert listed.pop("latest") == result
    assert (result["token"], result["success"]) == ("cafe0001", True)
    assert listed == {
        "route": "acme-internal", "labels": {}, "state": "ok", "sender": "acme-out", "maildrop": "acme-in",
        "submission_server": "smtp.acme.example:587", "retrieval_server": "pop.acme.example:110",
        "interval_seconds": 60.0, "deadline_seconds": 120.0, "give_up_seconds": 3600.0, "pending": 0,
        "last_success": "2026-11-18T11:06:40.000Z",
    }  # fmt: skip


async def test_api_tells_what_was_said(client, agent):
    """A failure among the results has its transcript; in the list of all routes there is no room for it."""
    agent.run(failed(make_attempt(make_route()), transcripts=(transcript("220 hello"),)))
    (listed,) = json.loads(await text_of(client, "/api/v1/routes"))
    (result,) = json.loads(await text_of(client, "/api/v1/routes/acme-internal/results"))
    [session] = result.pop("transcript")
    assert [line["text"] for line in session["lines"]] == ["220 hello"]
    assert listed["latest"] == result


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/routes/no/thing", "/api/v1/nothing", "/static/../server.py"],
)
async def test_unknown_paths_have_one_answer(client, path):
    """What does not exist is 404 with a text that repeats nothing of the request, as JSON where all is JSON."""
    told = '{"error": "Not found."}' if path.startswith("/api/") else "Not found.\n"
    async with client.get(aiohttp.client.URL(path, encoded=True)) as answer:
        assert (answer.status, await answer.text()) == (404, told)


@pytest.mark.parametrize("path", ["/api/v1/routes/nothing", "/api/v1/routes/nothing/results"])
async def test_unknown_routes_are_told_to_programs(client, path):
    """A route that does not exist is 404 as JSON, which repeats nothing of the request."""
    async with client.get(path) as answer:
        assert (answer.status, await answer.json()) == (404, {"error": "There is no such route."})


async def test_unknown_routes_are_told_to_people(client):
    """A route that does not exist is 404 as a page that leads back to all of them."""
    async with client.get("/routes/nothing") as answer:
        page = await answer.text()
        assert (answer.status, answer.content_type) == (404, "text/html")
    assert "No such route" in page
    assert '<a href="/">All routes</a>' in page
    assert "nothing" not in page


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"),
        ("DELETE", "/metrics"),
        ("OPTIONS", "/"),
        ("PROPFIND", "/"),
        ("GET", "/-/reload"),
        ("PUT", "/config"),
    ],
)
async def test_odd_methods(client, method, path):
    """A path that exists answers other methods with 405."""
    assert (await client.request(method, path)).status == 405


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/ready", "/api/v1/routes"])
async def test_head(client, path):
    """HEAD is GET without the body."""
    async with client.head(path) as answer:
        assert (answer.status, await answer.read()) == (200, b"")


async def test_config(client):
    """The config is served as the agent gives it, as plain text."""
    assert await text_of(client, "/config") == "routes: {}\n"


async def test_reload(client, agent):
    """A reload answers whether the config was accepted, and if not, why."""
    assert (await client.post("/-/reload")).status == 200
    agent.reload_error = "mailsonar.yml:3: routes: unknown key"
    async with client.post("/-/reload") as answer:
        assert (answer.status, await answer.text()) == (500, "mailsonar.yml:3: routes: unknown key\n")
    assert agent.reloads == 2


async def test_probe(client, agent):
    """A probe is scheduled on a route that exists, unless it cannot be now."""
    assert (await client.post("/api/v1/routes/acme-internal/probe")).status == 202
    agent.can_probe = False
    assert (await client.post("/api/v1/routes/acme-internal/probe")).status == 409
    assert (await client.post("/api/v1/routes/nothing/probe")).status == 404
    assert agent.probed == ["acme-internal", "acme-internal"]


@pytest.mark.parametrize("lifecycle", [False])
@pytest.mark.parametrize("path", ["/-/reload", "/api/v1/routes/acme-internal/probe"])
async def test_lifecycle_is_off_unless_enabled(client, agent, path, lifecycle):
    """Nothing can be set off over HTTP unless the operator allowed it; the answer says how."""
    async with client.post(path) as answer:
        assert answer.status == 403
        assert "--web.enable-lifecycle" in await answer.text()
    assert (agent.reloads, agent.probed) == (0, [])


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "https://{host}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://{host}", "Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "none"},
    ],
)
async def test_other_sites_are_refused(client, agent, headers):
    """A browser that is on another site cannot reload or probe; scheme and port belong to the origin."""
    host = client._base_url.authority
    sent = {name: value.format(host=host) for name, value in headers.items()}
    assert (await client.post("/-/reload", headers=sent)).status == 403
    assert agent.reloads == 0
    own = {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert (await client.post("/-/reload", headers=own)).status == 200


@pytest.mark.parametrize("origin", ["https://{host}", "https://mailsonar.acme.example"])
async def test_a_proxy_that_ends_tls_does_not_make_another_site(client, agent, origin):
    """Behind a proxy a page has another scheme, or another host, than the agent knows: its browser knows better."""
    sent = {"Origin": origin.format(host=client._base_url.authority), "Sec-Fetch-Site": "same-origin"}
    assert (await client.post("/-/reload", headers=sent)).status == 200
    assert agent.reloads == 1
