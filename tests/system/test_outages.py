"""The truth table of outages, on real servers: each is named in time, and only it, and it ends with its cause."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.agent_process import AgentProcess
from tests.support.command_line import assert_no_bug_shows
from tests.support.landscape import (
    AILING_ROUTES,
    FAR_RETRIEVAL,
    FAR_SUBMISSION,
    NAMED_RETRIEVAL,
    NAMED_SUBMISSION,
    ROUTES,
    WELL_ROUTE,
    Landscape,
)
from tests.support.scrape import Scrape
from tests.support.tallies import assert_all_accounted_for, tallies
from tests.support.verdicts import fault_counts_of, faults_of, successes_of

pytestmark = [pytest.mark.needs_calm, pytest.mark.takes_seconds(120)]

INTERVAL_SECONDS, DEADLINE_SECONDS = 3.0, 6.0
SETTINGS = {"interval": f"{INTERVAL_SECONDS:g}s", "deadline": f"{DEADLINE_SECONDS:g}s", "give_up": "60s"}
SERVER_KEYS = {"timeouts": {"connect": "2s"}}  # below the interval: an attempt that hangs must not hold up the next
ALLOWANCE_SECONDS = 5.0  # for a scrape, and for a slow machine
QUIET_SECONDS = 0.3  # to break anything takes less than a third of it
GREEN = dict.fromkeys(ROUTES, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One row: what breaks, how, which fault each route that it hits must show, and how it is repaired.

    `failures` says how many attempts in a row fail on each of these routes before the repair.
    """

    name: str
    begin: Callable[[], None]
    end: Callable[[], None]
    faults: dict[str, str]
    failures: int = 2


def truth_table(world: Landscape) -> list[Outage]:
    """Return all outages; a route that a row does not name must stay green through it."""
    ailing, names, link = world.ailing, world.name_server, world.cut_link

    def everywhere(fault: str) -> dict[str, str]:
        return dict.fromkeys(AILING_ROUTES, fault)

    unresolved = {NAMED_SUBMISSION: "submission/resolve/resolve", NAMED_RETRIEVAL: "retrieval/resolve/resolve"}

    def beyond_the_link(reason: str) -> dict[str, str]:
        return {FAR_SUBMISSION: f"submission/connect/{reason}", FAR_RETRIEVAL: f"retrieval/connect/{reason}"}

    return [
        Outage(
            name="Postfix is stopped",
            begin=ailing.stop_postfix,
            end=ailing.start_postfix,
            faults=everywhere("submission/connect/connection_refused"),
        ),
        Outage(
            name="Dovecot's POP3 is stopped, for long",
            begin=ailing.stop_pop3,
            end=ailing.start_dovecot_services,
            faults=everywhere("retrieval/connect/connection_refused"),
            failures=6,
        ),
        Outage(
            name="Dovecot's LMTP is stopped",
            begin=ailing.stop_lmtp,
            end=ailing.start_dovecot_services,
            faults=everywhere("transit/arrival/not_arrived"),
        ),
        Outage(name="DNS says NXDOMAIN", begin=names.forget, end=names.remember, faults=unresolved),
        Outage(name="DNS says REFUSED", begin=names.decline, end=names.remember, faults=unresolved),
        Outage(name="DNS is silent", begin=names.fall_silent, end=names.speak, faults=unresolved),
        Outage(name="DNS is stopped", begin=names.stop, end=names.start, faults=unresolved),
        Outage(
            name="the network is down", begin=link.take_down, end=link.bring_up, faults=beyond_the_link("unreachable")
        ),
        Outage(name="packets vanish", begin=link.swallow, end=link.let_through, faults=beyond_the_link("timeout")),
    ]


def is_green(scrape: Scrape) -> bool:
    """Say whether every route succeeds."""
    return successes_of(scrape) == GREEN and faults_of(scrape) == {}


def is_quiet(scrape: Scrape) -> bool:
    """Say whether all is green, nothing is under way, and nothing will be for a moment: what breaks now hits no one."""
    starts = [sample.value for sample in scrape.matching("mailsonar_probe_last_start_timestamp_seconds")]
    next_start = min(starts, default=0.0) + INTERVAL_SECONDS
    pending = scrape.total("mailsonar_probes_pending")
    return is_green(scrape) and pending == 0 and next_start > time.time() + QUIET_SECONDS


class Observer:
    """Follows one outage by scrapes; every scrape is held against its row."""

    def __init__(self, agent: AgentProcess, outage: Outage) -> None:
        self._agent = agent
        self._outage = outage

    async def until(self, condition: Callable[[Scrape], bool], seconds: float, what: str) -> tuple[Scrape, float]:
        """Scrape until the condition holds; return that scrape, and how many seconds it took."""
        began = time.monotonic()

        def holds(scrape: Scrape) -> bool:
            strange = faults_of(scrape).items() - self._outage.faults.items()
            assert not strange, f"{self._outage.name}: {strange}"
            assert_all_accounted_for(tallies(scrape))
            return condition(scrape)

        scrape = await self._agent.until(holds, seconds, f"{what}: {self._outage.name}")
        return scrape, time.monotonic() - began

    def is_seen(self, scrape: Scrape) -> bool:
        """Say whether the routes that the outage hits show its fault, and the others are green."""
        expected = self._outage.faults
        return faults_of(scrape) == expected and successes_of(scrape) == GREEN | dict.fromkeys(expected, 0.0)

    def has_lasted(self, scrape: Scrape) -> bool:
        """Say whether enough attempts have failed on each route that the outage hits."""
        failures = [scrape.value("mailsonar_probe_consecutive_failures", route=route) for route in self._outage.faults]
        return min(failure or 0 for failure in failures) >= self._outage.failures


async def follow(agent: AgentProcess, outage: Outage) -> dict[str, str]:
    """Let an outage come and go, and insist that the agent tells it in time; return how long each took."""
    observer = Observer(agent, outage)
    before, _ = await observer.until(is_quiet, 30, "quiet before")
    outage.begin()
    try:
        bound = INTERVAL_SECONDS + DEADLINE_SECONDS
        _, seen_in = await observer.until(observer.is_seen, bound + ALLOWANCE_SECONDS, "fault")
        long = (outage.failures + 1) * INTERVAL_SECONDS + DEADLINE_SECONDS + ALLOWANCE_SECONDS
        await observer.until(observer.has_lasted, long, "failures")
    finally:
        outage.end()
    scrape, healed_in = await observer.until(is_green, INTERVAL_SECONDS + 2 * ALLOWANCE_SECONDS, "success")
    trips = [scrape.value("mailsonar_probe_last_round_trip_seconds", route=route) or 0.0 for route in outage.faults]
    healed_bound = INTERVAL_SECONDS + max(trips)
    after, _ = await observer.until(is_quiet, 30, "quiet after")
    counted = fault_counts_of(after)
    more = {key for key, count in counted.items() if count > fault_counts_of(before).get(key, 0.0)}
    assert more == outage.faults.items(), f"{outage.name}: counted {more}"
    assert healed_in <= healed_bound + ALLOWANCE_SECONDS, f"{outage.name}: healed after {healed_in:.1f} s"
    return {
        "fault seen after": f"{seen_in:.2f} s of {bound:.2f} s",
        "success back after": f"{healed_in:.2f} s of {healed_bound:.2f} s",
    }


async def test_each_outage_is_named_and_ends_with_its_cause(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """A fault shows within an interval and the deadline, success within an interval and a round trip of the repair.

    No other fault shows on any route, at any scrape or in any count, and every attempt is accounted for.
    """
    with Landscape() as world:
        config = world.write_config(tmp_path, SETTINGS, SERVER_KEYS)
        async with AgentProcess(config, tmp_path, place=world.place) as agent:
            for outage in truth_table(world):
                record_property(f"outage: {outage.name}", await follow(agent, outage))
            scrape = await agent.until(lambda one: one.total("mailsonar_probes_pending") == 0, 30, "the last outcome")
            await agent.stop()
        assert_all_accounted_for(tallies(scrape))
        untouched = tallies(scrape)[WELL_ROUTE]
        assert untouched.outcomes.total() == untouched.outcomes["on_time"] > 0
        assert_no_bug_shows(agent.stderr)
