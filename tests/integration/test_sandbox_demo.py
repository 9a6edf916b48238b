"""The demo's world: its config, its script, and that each episode breaks what it says and heals it again."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from tests.support import curl as exits
from tests.support.curl import URL_SCHEMES, Curl, curl

from mailsonar.sandbox.demo_script import CYCLE_SECONDS, SCRIPT, Customer, Episode
from mailsonar.sandbox.demo_world import CUSTOMERS, ROUTES, DemoWorld, Route
from mailsonar.sandbox.listener import Listener


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[DemoWorld]:
    """A demo's world with its files."""
    async with DemoWorld(tmp_path) as world:
        yield world


def broken_at(second: float) -> set[str]:
    """Return the routes that the script has broken at a second of the cycle."""
    return {route for one in SCRIPT if one.starts <= second < one.starts + one.lasts for route in one.routes}


def test_most_routes_are_healthy_at_any_time() -> None:
    """A newcomer sees 15 s of health first; later at most two routes in six are broken, and pauses are healthy."""
    assert broken_at(0) == broken_at(14.9) == set()
    assert all(len(broken_at(second)) <= 2 for second in range(int(CYCLE_SECONDS)))
    assert sum(not broken_at(second) for second in range(int(CYCLE_SECONDS))) >= CYCLE_SECONDS / 3
    assert all(20 <= one.lasts <= 30 and one.starts + one.lasts <= CYCLE_SECONDS for one in SCRIPT)


def test_script_names_what_exists() -> None:
    """Customers and routes of the script are those of the world."""
    assert {one.customer for one in SCRIPT} <= CUSTOMERS.keys()
    assert {route for one in SCRIPT for route in one.routes} <= {route.name for route in ROUTES}


def test_config_describes_the_world(demo: DemoWorld, tmp_path: Path) -> None:
    """The config is YAML whose files exist and hold the accounts' secrets, readable by their owner only."""
    config = yaml.safe_load(demo.config_yaml())
    assert config["labels"] == ["customer"]
    assert len(config["routes"]) == 6
    for route in config["routes"].values():
        assert route["from"] in config["senders"]
        assert route["to"] in config["maildrops"]
    for name, one in demo.customers.items():
        smtp, pop3 = config["senders"][f"{name}-out"]["smtp"], config["maildrops"][f"{name}-in"]["pop3"]
        assert (smtp["port"], pop3["port"]) == (one.smtp.port, one.pop3.port)
        assert Path(smtp["password"]["file"]).read_text() == one.mailbox.password
        assert Path(pop3["tls"]["ca_file"]).read_bytes() == demo.authority.root_pem()
    assert len(Path(config["signing_key"]["file"]).read_bytes()) >= 32
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if path.name != "ca.pem"} == {0o600}


def url(protocol: str, server: Listener, path: str) -> str:
    """Return the address of a server for curl."""
    return f"{protocol}{URL_SCHEMES[server.security]}://127.0.0.1:{server.port}/{path}"


async def submit(demo: DemoWorld, route: Route) -> Curl:
    """Submit a message on a route; its body is the route's name."""
    sender, recipient = demo.customers[route.sender], demo.customers[route.recipient]
    return await curl(
        url("smtp", sender.smtp, "client.example"),
        *("--mail-from", sender.mailbox.address, "--mail-rcpt", recipient.mailbox.address),
        ca=demo.folder / "ca.pem",
        user=f"{sender.mailbox.address}:{sender.mailbox.password}",
        upload=b"\n" + route.name.encode() + b"\n",
    )


async def look(demo: DemoWorld, customer: Customer) -> Curl:
    """List a customer's maildrop."""
    login = f"{customer.mailbox.address}:{customer.mailbox.password}"
    return await curl(url("pop3", customer.pop3, ""), ca=demo.folder / "ca.pem", user=login)


async def observed(demo: DemoWorld) -> dict[str, tuple[int, int, int]]:
    """Return for each route how submission went, how many messages arrived at once, and how a look went."""
    submissions = await asyncio.gather(*(submit(demo, route) for route in ROUTES))
    looks = await asyncio.gather(*(look(demo, customer) for customer in demo.customers.values()))
    status = {name: run.status for name, run in zip(demo.customers, looks, strict=True)}
    seen = {}
    for route, run in zip(ROUTES, submissions, strict=True):
        body = b"\r\n\r\n" + route.name.encode() + b"\r\n"
        arrived = [stored.content.endswith(body) for stored in demo.customers[route.recipient].mailbox.messages]
        seen[route.name] = (run.status, sum(arrived), status[route.recipient])
    for customer in demo.customers.values():
        customer.mailbox.messages.clear()
    return seen


SYMPTOMS = {
    "slow delivery": (exits.OK, 0, exits.OK),
    "loss": (exits.OK, 0, exits.OK),
    "refused login": (exits.OK, 1, exits.LOGIN_DENIED),
    "expired certificate": (exits.CERTIFICATE_BAD, 0, exits.OK),
    "dead port": (exits.OK, 1, exits.CONNECTION_REFUSED),
}


@pytest.mark.parametrize("episode", SCRIPT, ids=lambda episode: episode.name)
async def test_episode_breaks_its_routes_only(demo: DemoWorld, episode: Episode) -> None:
    """While an episode lasts, an independent client sees its symptom on its routes only, and after it on none."""
    healthy = {route.name: (exits.OK, 1, exits.OK) for route in ROUTES}
    await episode.broken.begin(demo.customers)
    assert await observed(demo) == healthy | dict.fromkeys(episode.routes, SYMPTOMS[episode.name])
    await episode.broken.end(demo.customers)
    assert await observed(demo) == healthy


async def test_play_announces_every_change_cycle_after_cycle(demo: DemoWorld) -> None:
    """The script is played in order and for ever; each sentence tells what broke and what to expect, or what healed."""
    announced: list[tuple[float, str]] = []
    now, end = 0.0, 2 * CYCLE_SECONDS

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        if now >= end:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await demo.play(lambda sentence: announced.append((now, sentence)), sleep)
    first, second = announced[: len(announced) // 2], announced[len(announced) // 2 :]
    assert [(when + CYCLE_SECONDS, sentence) for when, sentence in first] == second
    assert len(first) == 2 * len(SCRIPT)
    for one in SCRIPT:
        assert (one.starts, one.announcement()) in first
        assert (one.starts + one.lasts, f"Healed: {one.name} at {one.customer}.") in first
        assert one.expected.reason in one.announcement()
    assert all(earlier[0] <= later[0] for earlier, later in itertools.pairwise(first))
