"""Who may come in: passwords, asked for over a real connection."""

from __future__ import annotations

import base64

import aiohttp
import bcrypt
import pytest
from tests.support.observed import make_route
from tests.support.site import Agent, browsing

from mailsonar.config.web import WebConfig
from mailsonar.web import passwords
from mailsonar.web.entrance import Entrance
from mailsonar.web.server import build_app

USER, PASSWORD = "prometheus", "correct: horse"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
OPEN_TO_ALL = {"/-/healthy", "/-/ready"}
RESOURCES = sorted(
    {
        (route.method, route.resource.canonical)
        for route in build_app(Agent().site(lifecycle=True)).router.routes()
        if route.resource is not None
    }
)


def basic(text):
    """Return the header of a client that shows this."""
    data = text if isinstance(text, bytes) else text.encode()
    return {"Authorization": f"Basic {base64.b64encode(data).decode()}"}


GOOD = basic(f"{USER}:{PASSWORD}")


async def status_of(client, headers):
    """Return the status of the metrics for a client that sends these headers."""
    async with client.get("/metrics", headers=headers) as answer:
        await answer.read()
        return answer.status


@pytest.fixture
def agent():
    """Give an agent with one route."""
    agent = Agent()
    agent.configure(make_route())
    return agent


@pytest.fixture
async def client(agent):
    """Give a client of a server that asks for passwords."""
    headers = {"Strict-Transport-Security": "max-age=60", "Content-Security-Policy": "img-src 'none'"}
    entrance = Entrance.by(WebConfig(users={USER: HASH}, headers=headers))
    async with browsing(agent.site(lifecycle=True, entrance=lambda: entrance)) as session:
        yield session


@pytest.mark.parametrize(("method", "path"), [*RESOURCES, ("GET", "/nothing"), ("DELETE", "/"), ("POST", "/-/ready")])
async def test_everything_but_health_asks_for_a_password(client, agent, method, path):
    """Pages, metrics, API, config, files, and what does not exist: all but two answers are for users only."""
    path = path.replace("{name}", "acme-internal")
    is_open = path in OPEN_TO_ALL and method in {"GET", "HEAD"}
    async with client.request(method, path) as answer:
        assert answer.status == (200 if is_open else 401)
        challenge = None if is_open else 'Basic realm="MailSonar", charset="UTF-8"'
        assert answer.headers.get("WWW-Authenticate") == challenge
    assert (agent.reloads, agent.probed) == (0, [])
    async with client.request(method, path, headers=GOOD) as answer:
        assert answer.status in {200, 202, 404, 405}


@pytest.mark.parametrize(
    "headers",
    [
        basic(f"{USER}:wrong"),
        basic(f"{USER}:{HASH}"),
        basic(f"nobody:{PASSWORD}"),
        basic(USER),
        basic(":"),
        basic(b"\xff:\xff"),
        basic(f"{USER}:{'x' * 5_000}"),
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic é"},
        {"Authorization": f"Bearer {PASSWORD}"},
        {"Authorization": GOOD["Authorization"].replace("Basic ", "Digest ")},
    ],
    ids=lambda headers: headers["Authorization"][:24],
)
async def test_what_is_no_password_is_refused(client, headers):
    """Wrong, cut short, of another scheme, or the hash itself: each is 401 without a hint as to why."""
    async with client.get("/metrics", headers=headers) as answer:
        assert (answer.status, await answer.text()) == (401, "A user name and its password.\n")


async def test_the_scheme_is_in_any_case(client):
    """`basic` is `Basic` (RFC 9110 section 11.1)."""
    header = GOOD["Authorization"].replace("Basic", "basic")
    assert await status_of(client, {"Authorization": header}) == 200


async def test_the_api_refuses_in_json(client):
    """A program that reads JSON gets JSON, also when it is turned away."""
    async with client.get("/api/v1/routes") as answer:
        assert (answer.status, await answer.json()) == (401, {"error": "A user name and its password."})


async def test_too_many_guesses_at_once(client, monkeypatch):
    """Where no attempt may wait, a further one is told to come again; users that are known notice nothing."""
    assert await status_of(client, GOOD) == 200
    monkeypatch.setattr(passwords, "MOST_WAITING", 0)
    async with client.get("/metrics", headers=basic(f"{USER}:guess")) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert await status_of(client, GOOD) == 200


@pytest.mark.parametrize("path", ["/-/healthy", "/nothing", "/metrics"])
async def test_headers_of_the_web_config(client, path):
    """Headers that the operator wants are on every answer; a policy of theirs stands beside ours."""
    async with client.get(path) as answer:
        headers = answer.headers
    assert headers["Strict-Transport-Security"] == "max-age=60"
    ours, theirs = headers.getall("Content-Security-Policy")
    assert ours.startswith("default-src 'none'")
    assert theirs == "img-src 'none'"


async def test_a_user_has_the_lifecycle_of_the_same_origin_only(client, agent):
    """A password does not excuse a request that another site made the browser send."""
    sent = {**GOOD, "Origin": "https://elsewhere.example"}
    assert (await client.post("/-/reload", headers=sent)).status == 403
    assert agent.reloads == 0


async def test_credentials_in_the_address(client):
    """What a browser or Prometheus makes of user and password is what is understood."""
    url = client._base_url.with_user(USER).with_password(PASSWORD).with_path("/api/v1/routes")
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
