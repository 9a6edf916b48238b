"""The agent as a process over many mailboxes of real servers: every route goes round, every attempt is counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from tests.support.agent_process import AgentProcess
from tests.support.command_line import assert_no_bug_shows, warnings_in
from tests.support.config_text import RouteText, Security, write_config
from tests.support.mailhost import MailHost
from tests.support.scrape import Scrape

pytestmark = [pytest.mark.needs_calm, pytest.mark.takes_seconds(20)]

MAILBOXES = 20
SECURITIES: tuple[Security, ...] = ("starttls", "implicit_tls", "plaintext")
SETTINGS = {"interval": "3s", "deadline": "20s", "give_up": "40s"}
SHARED = 4  # maildrops with a second route
DRAIN_SECONDS = 10.0


def ring(boxes: list[int]) -> list[RouteText]:
    """Return a route from each mailbox to the next, over all nine pairs of security, and a few to shared maildrops."""

    def route(name: str, sender: int, maildrop: int) -> RouteText:
        return RouteText(
            name=name,
            sender=boxes[sender],
            maildrop=boxes[maildrop],
            smtp_security=SECURITIES[sender // 3 % 3],
            pop3_security=SECURITIES[maildrop % 3],
            settings=SETTINGS,
        )

    around = [route(f"ring-{one:02}", one, (one + 1) % MAILBOXES) for one in range(MAILBOXES)]
    return around + [route(f"shared-{one:02}", one, (one + 7) % MAILBOXES) for one in range(SHARED)]


def unaccounted(scrape: Scrape, routes: list[RouteText]) -> dict[str, float]:
    """Return by how much attempts started differ from outcomes and pending, for the routes where they do."""
    differences = {
        route.name: scrape.total("mailsonar_probes_started_total", route=route.name)
        - scrape.total("mailsonar_probes_total", route=route.name)
        - scrape.total("mailsonar_probes_pending", route=route.name)
        for route in routes
    }
    return {name: difference for name, difference in differences.items() if difference}


async def test_every_route_goes_round_and_every_attempt_is_counted(
    mail_host: MailHost,
    positions: Iterator[int],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Over 20 mailboxes, all securities on both protocols, each route succeeds and each scrape's sums agree."""
    routes = ring(list(islice(positions, MAILBOXES)))
    assert len({(route.smtp_security, route.pop3_security) for route in routes}) == 9
    scrapes = 0

    def all_round_twice(scrape: Scrape) -> bool:
        nonlocal scrapes
        scrapes += 1
        assert unaccounted(scrape, routes) == {}
        counts = [scrape.value("mailsonar_probes_total", route=one.name, outcome="on_time") or 0 for one in routes]
        return min(counts) >= 2

    async with AgentProcess(write_config(mail_host, routes, tmp_path), tmp_path) as agent:
        scrape = await agent.until(all_round_twice, 60, "two round trips on each route")
        asked_to_stop = time.monotonic()
        await agent.stop()
        drained_in = time.monotonic() - asked_to_stop

    started = scrape.total("mailsonar_probes_started_total")
    on_time = scrape.total("mailsonar_probes_total", outcome="on_time")
    assert scrape.total("mailsonar_probes_total") == on_time
    assert [scrape.value("mailsonar_probe_success", route=route.name) for route in routes] == [1.0] * len(routes)
    assert list(scrape.matching("mailsonar_probe_fault")) == []
    assert scrape.total("mailsonar_maildrop_cleanup_failures_total") == 0
    assert {sample.labels["result"] for sample in scrape.matching("mailsonar_maildrop_polls_total")} == {"ok"}
    assert drained_in < DRAIN_SECONDS
    assert agent.stdout == ""
    assert_no_bug_shows(agent.stderr)
    assert warnings_in(agent.stderr) == []
    figures = {
        "routes": len(routes),
        "scrapes": scrapes,
        "started": started,
        "on_time": on_time,
        "drained_in": f"{drained_in:.2f} s",
    }
    record_property("roundtrips", figures)


async def test_probes_leave_nothing_behind(mail_host: MailHost, positions: Iterator[int], tmp_path: Path) -> None:
    """A maildrop is empty once the probes that were seen in it are accounted for, with no other mail touched."""
    sender, maildrop = islice(positions, 2)
    settings = {**SETTINGS, "interval": "1h"}
    routes = [RouteText(name="once", sender=sender, maildrop=maildrop, settings=settings)]
    config = write_config(mail_host, routes, tmp_path)
    maildir = mail_host.maildir(mail_host.users[maildrop].address)
    async with AgentProcess(config, tmp_path, ["--web.enable-lifecycle"]) as agent:
        assert (await agent.post("/api/v1/routes/once/probe"))[0] == 202
        await agent.until(lambda scrape: scrape.total("mailsonar_probes_total", outcome="on_time") == 1, 10)
        await agent.stop()
    assert [file for folder in ("new", "cur", "tmp") for file in (maildir / folder).iterdir()] == []
