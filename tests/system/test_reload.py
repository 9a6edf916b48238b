"""A changed config taken over by a running agent: all of it or nothing, and without disturbing what stays."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from tests.support.agent_process import AgentProcess
from tests.support.busy_sandbox import busy_sandbox
from tests.support.command_line import assert_no_bug_shows
from tests.support.config_text import RouteText, config_text
from tests.support.mailhost import MailHost
from tests.support.scrape import Scrape

from mailsonar.sandbox.authority import Authority

pytestmark = pytest.mark.takes_seconds(45)

SETTINGS = {"interval": "1s", "deadline": "10s", "give_up": "20s"}
ROUTES = ("stays", "goes", "changes")
IN_FLIGHT_SECONDS = 1.2


class Watched:
    """An agent on three routes whose messages are under way for a while, and the config that it watches."""

    def __init__(self, host: MailHost, boxes: list[int], folder: Path) -> None:
        self.config_file = folder / "mailsonar.yml"
        self.routes = {
            name: RouteText(name=name, sender=boxes[number], maildrop=boxes[number + 4], settings=SETTINGS)
            for number, name in enumerate((*ROUTES, "comes"))
        }
        self._host = host
        self._secrets = folder / "secrets"

    def text(self, *names: str, **changed: RouteText) -> str:
        """Return a config of some of the routes."""
        return config_text(self._host, [changed.get(name, self.routes[name]) for name in names], self._secrets)

    def write(self, text: str) -> None:
        """Replace the config in one move, as editors and orchestrators do."""
        fresh = self.config_file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.config_file)


@asynccontextmanager
async def probing(host: MailHost, boxes: Iterator[int], folder: Path) -> AsyncIterator[tuple[AgentProcess, Watched]]:
    """Provide an agent that has attempts under way on each route, and its config."""
    watched = Watched(host, list(islice(boxes, 8)), folder)
    watched.write(watched.text(*ROUTES))
    host.delay_deliveries(IN_FLIGHT_SECONDS, IN_FLIGHT_SECONDS)
    try:
        async with AgentProcess(watched.config_file, folder, ["--web.enable-lifecycle"]) as agent:
            await agent.until(lambda scrape: all(counted(scrape, name, "on_time") for name in ROUTES), 20)
            await agent.until(lambda scrape: all(pending(scrape, name) for name in ROUTES), 10, "attempts in flight")
            yield agent, watched
            await agent.stop()
        assert_no_bug_shows(agent.stderr)
    finally:
        host.delay_deliveries(0, 0)


def counted(scrape: Scrape, route: str, outcome: str) -> float:
    """Return how many attempts on a route had an outcome."""
    return scrape.value("mailsonar_probes_total", route=route, outcome=outcome) or 0.0


def pending(scrape: Scrape, route: str) -> float:
    """Return how many attempts on a route are under way."""
    return scrape.value("mailsonar_probes_pending", route=route) or 0.0


def routes_of(scrape: Scrape) -> set[str]:
    """Return the routes that any series speaks of."""
    return {sample.labels["route"] for sample in scrape.samples if "route" in sample.labels}


def reloaded(scrape: Scrape) -> float | None:
    """Return whether the last reload was a good one."""
    return scrape.value("mailsonar_config_last_reload_successful")


@pytest.mark.parametrize("way", ["SIGHUP", "POST", "disk"])
async def test_a_changed_config_is_taken_over(
    way: str, mail_host: MailHost, positions: Iterator[int], tmp_path: Path
) -> None:
    """A route that stays loses no attempt, a removed one leaves no series, a new one is probed; asked for or not."""
    async with probing(mail_host, positions, tmp_path) as (agent, watched):
        before = await agent.metrics()
        changed = replace(watched.routes["changes"], settings={**SETTINGS, "deadline": "9s"})
        watched.write(watched.text("stays", "changes", "comes", changes=changed))
        if way == "SIGHUP":
            agent.process.send_signal(signal.SIGHUP)
        elif way == "POST":
            assert await agent.post("/-/reload") == (200, "Reloaded.\n")
        await agent.until(lambda scrape: routes_of(scrape) == {"stays", "changes", "comes"}, 10, "the new config")
        after = await agent.until(lambda scrape: counted(scrape, "comes", "on_time") >= 1, 10, "the new route")
    assert reloaded(after) == 1
    assert routes_of(after) == {"stays", "changes", "comes"}
    assert after.value("mailsonar_probe_deadline_seconds", route="changes") == 9
    for name in ("stays", "changes"):
        started = after.value("mailsonar_probes_started_total", route=name) or 0
        assert started >= (before.value("mailsonar_probes_started_total", route=name) or 0)
        assert started == counted(after, name, "on_time") + pending(after, name)
        assert counted(after, name, "on_time") >= counted(before, name, "on_time") + pending(before, name)


async def test_a_bad_config_changes_nothing(mail_host: MailHost, positions: Iterator[int], tmp_path: Path) -> None:
    """A broken file shows in the answer, the log and the metric, while the old config goes on; a good one heals."""
    async with probing(mail_host, positions, tmp_path) as (agent, watched):
        before = await agent.metrics()
        watched.write(watched.text(*ROUTES).replace("routes:", "roots:"))
        status, answer = await agent.post("/-/reload")
        assert status == 500
        assert f"{watched.config_file}:" in answer
        assert "roots" in answer
        failed = await agent.metrics()
        assert reloaded(failed) == 0
        assert routes_of(failed) == set(ROUTES)
        agent.process.send_signal(signal.SIGHUP)
        going_on = await agent.until(
            lambda scrape: all(
                counted(scrape, name, "on_time") > counted(before, name, "on_time") + 2 for name in ROUTES
            ),
            15,
        )
        assert reloaded(going_on) == 0
        assert going_on.total("mailsonar_probes_total") == going_on.total("mailsonar_probes_total", outcome="on_time")
        assert "the config was not reloaded, the old one stays in force" in agent.stderr
        assert (await agent.get("/-/ready"))[0] == 200
        watched.write(watched.text(*ROUTES))
        assert await agent.post("/-/reload") == (200, "Reloaded.\n")
        assert reloaded(await agent.metrics()) == 1


def is_held_up_by(scrape: Scrape, reason: str) -> bool:
    """Tell whether the route's fault, as it stands, has this reason."""
    return scrape.total("mailsonar_probe_fault", reason=reason) == 1


async def test_what_the_config_only_names_is_watched_too(tmp_path: Path) -> None:
    """A certificate authority, and a password, that were exchanged on disk are used without anybody asking."""
    async with busy_sandbox(1, tmp_path, seed=1) as sandbox:
        trusted, password = tmp_path / "ca.pem", tmp_path / "password"
        good_authority, good_password = trusted.read_bytes(), password.read_text()
        Authority().write_root(trusted)
        password.write_text("not-the-password")
        config = tmp_path / "mailsonar.yml"
        config.write_text(sandbox.config({"once": 0}, interval="1s", deadline="8s", give_up="16s"))
        async with AgentProcess(config, tmp_path) as agent:
            await agent.until(lambda scrape: is_held_up_by(scrape, "certificate_untrusted"), 20, "mistrust")
            trusted.write_bytes(good_authority)
            await agent.until(lambda scrape: is_held_up_by(scrape, "authentication_rejected"), 20, "trust")
            password.write_text(good_password)
            await agent.until(lambda scrape: counted(scrape, "once", "on_time") >= 1, 20, "a log-in")
            await agent.stop()
            assert_no_bug_shows(agent.stderr)


async def test_mounted_config_is_exchanged_as_a_whole(tmp_path: Path) -> None:
    """Kubernetes mounts links to a link to a revision, and exchanges that one link: all files change at once."""
    async with busy_sandbox(2, tmp_path, seed=2) as sandbox:
        for revision, routes in (("..1", {"first": 0}), ("..2", {"first": 0, "second": 1})):
            (tmp_path / revision).mkdir()
            (tmp_path / revision / "mailsonar.yml").write_text(
                sandbox.config(routes, interval="1s", deadline="8s", give_up="16s")
            )
        (tmp_path / "..data").symlink_to("..1")
        config = tmp_path / "mailsonar.yml"
        config.symlink_to("..data/mailsonar.yml")
        async with AgentProcess(config, tmp_path) as agent:
            await agent.until(lambda scrape: counted(scrape, "first", "on_time") >= 1, 20, "the first revision")
            (tmp_path / "..data_tmp").symlink_to("..2")
            (tmp_path / "..data_tmp").rename(tmp_path / "..data")
            await agent.until(lambda scrape: counted(scrape, "second", "on_time") >= 1, 20, "the second revision")
            await agent.stop()
            assert_no_bug_shows(agent.stderr)


async def test_a_reload_from_another_site_is_refused(
    mail_host: MailHost, positions: Iterator[int], tmp_path: Path
) -> None:
    """Without --web.enable-lifecycle nobody can set off a reload or a probe over HTTP."""
    sender, maildrop = islice(positions, 2)
    config = tmp_path / "mailsonar.yml"
    route = RouteText(name="once", sender=sender, maildrop=maildrop, settings={**SETTINGS, "interval": "24h"})
    config.write_text(config_text(mail_host, [route], tmp_path / "secrets"))
    async with AgentProcess(config, tmp_path) as agent:
        assert (await agent.post("/-/reload"))[0] == 403
        assert (await agent.post("/api/v1/routes/once/probe"))[0] == 403
        assert (await agent.metrics()).total("mailsonar_probes_started_total") == 0
        await agent.stop()
