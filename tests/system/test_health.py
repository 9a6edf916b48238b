"""Servers that are well, watched for long: a monitor that cries wolf is soon not listened to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from tests.support.agent_process import AgentProcess
from tests.support.command_line import assert_no_bug_shows, warnings_in
from tests.support.config_text import RouteText, Security, write_config
from tests.support.mailhost import MailHost
from tests.support.scrape import Scrape
from tests.support.soak import scaled
from tests.support.tallies import assert_all_accounted_for, outcomes_of, tallies
from tests.support.verdicts import faults_of, successes_of

pytestmark = [pytest.mark.needs_calm, pytest.mark.takes_seconds(190)]

HEALTHY_SECONDS = scaled(suite=3 * 60.0, soak=30 * 60.0)
MAILBOXES = 20
SECURITIES: tuple[Security, ...] = ("starttls", "implicit_tls", "plaintext")
INTERVAL_SECONDS = 5.0
SETTINGS = {"interval": f"{INTERVAL_SECONDS:g}s", "deadline": "20s", "give_up": "40s"}


def ring(boxes: list[int]) -> list[RouteText]:
    """Return a route from each mailbox to the next, over all nine pairs of security."""
    return [
        RouteText(
            name=f"healthy-{number:02}",
            sender=box,
            maildrop=boxes[(number + 1) % MAILBOXES],
            smtp_security=SECURITIES[number // 3 % 3],
            pop3_security=SECURITIES[number % 3],
            settings=SETTINGS,
        )
        for number, box in enumerate(boxes)
    ]


def assert_well(scrape: Scrape) -> None:
    """Insist that nothing in a scrape speaks of trouble."""
    assert faults_of(scrape) == {}
    assert scrape.total("mailsonar_probe_faults_total") == 0
    assert set(successes_of(scrape).values()) <= {1.0}
    assert outcomes_of(scrape).keys() <= {"on_time"}
    assert_all_accounted_for(tallies(scrape))


async def test_health_shows_no_fault(
    mail_host: MailHost,
    positions: Iterator[int],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """No fault shows at any scrape, none is counted, every attempt is on time, and none that was due is missing."""
    routes = ring(list(islice(positions, MAILBOXES)))
    green = {route.name: 1.0 for route in routes}

    def has_begun(scrape: Scrape) -> bool:
        assert_well(scrape)
        return successes_of(scrape) == green

    scrapes = 0
    async with AgentProcess(write_config(mail_host, routes, tmp_path), tmp_path) as agent:
        begun = tallies(await agent.until(has_begun, 30, "success on each route"))
        async for scrape in agent.watch(HEALTHY_SECONDS):
            assert_well(scrape)
            assert successes_of(scrape) == green
            scrapes += 1
        await agent.stop()

    ended = tallies(scrape)
    attempts = [ended[name].started - begun[name].started for name in green]
    assert min(attempts) >= HEALTHY_SECONDS / INTERVAL_SECONDS - 1
    assert {one.labels["result"] for one in scrape.matching("mailsonar_maildrop_polls_total")} == {"ok"}
    assert scrape.total("mailsonar_account_authentication_failures_total") == 0
    assert_no_bug_shows(agent.stderr)
    assert warnings_in(agent.stderr) == []
    mean = scrape.total("mailsonar_probe_round_trip_seconds_sum") / scrape.total(
        "mailsonar_probe_round_trip_seconds_count"
    )
    figures = {
        "seconds": HEALTHY_SECONDS,
        "routes": len(routes),
        "scrapes": scrapes,
        "attempts": sum(attempts),
        "mean round trip": f"{mean:.2f} s",
    }
    record_property("health", figures)
