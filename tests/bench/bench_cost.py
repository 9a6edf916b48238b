"""Processor time of one round trip: the whole agent, schedule, journal and metrics included, beside its peers.

All against the same real Postfix and Dovecot: submission with STARTTLS, retrieval over POP3 with implicit TLS. The
agent probes at the same rate with 100, 1,000 and 10,000 routes, since what a route costs must not grow with them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.crowd import Load, agent_under, cpu_seconds, crowded_host, ended
from tests.bench.peers import blackbox_seconds, nagios_seconds, script_seconds
from tests.bench.row import Row
from tests.support.mailhost import MailHost

RATE = 100 / 3
LOADS = tuple(Load(routes=count, interval_seconds=count / RATE) for count in (100, 1_000, 10_000))
WARM_UP_SECONDS = 10.0
MEASURED_SECONDS = 30.0
SCRAPE_SECONDS = 15.0
SCRIPT_ROUND_TRIPS = 300
BLACKBOX_CHECKS = 300
NAGIOS_RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What an agent took: processor seconds and logins a round trip, and the share of one processor."""

    seconds: float
    logins: float
    share: float


def measure() -> Iterator[Row]:
    """Yield a row for each load, and for each yardstick."""
    with crowded_host() as host:
        costs = {}
        for load in LOADS:
            cost = costs[load.routes] = asyncio.run(_cost(load, host))
            script = script_seconds(host, SCRIPT_ROUND_TRIPS)
            yield _row(f"{load.routes} routes", cost.seconds, script, "smtplib + poplib", limit=1.25)
            yield Row(bench="cost", what=f"{load.routes} routes: logins a message", figure=cost.logins, unit="")
        many, few = costs[LOADS[-1].routes], costs[LOADS[0].routes]
        yield _row(f"{LOADS[-1].routes} routes", many.seconds, few.seconds, f"{LOADS[0].routes} routes", limit=1.2)
        yield Row(bench="cost", what="10000 routes every 5 min: share of a core", figure=many.share, unit="", limit=0.2)
        blackbox = blackbox_seconds(host, BLACKBOX_CHECKS)
        yield _row("100 routes", few.seconds, blackbox, "blackbox_exporter, two checks without mail", limit=1.0)
        nagios = nagios_seconds(host, host.users[-1], NAGIOS_RUNS)
        yield _row("100 routes", few.seconds, nagios, "check_email_delivery", limit=1.0)


async def _cost(load: Load, host: MailHost) -> Cost:
    """Return what an agent takes while it is scraped as Prometheus would."""
    async with agent_under(load, host) as agent:
        await asyncio.sleep(WARM_UP_SECONDS)
        first = await agent.metrics()
        before, loop = cpu_seconds(agent.process.pid), asyncio.get_running_loop()
        started = loop.time()
        while loop.time() < started + MEASURED_SECONDS:
            await asyncio.sleep(SCRAPE_SECONDS)
            await agent.get("/metrics")
        spent, lasted = cpu_seconds(agent.process.pid) - before, loop.time() - started
        last = await agent.metrics()
    done = ended(last) - ended(first)
    on_time = ended(last, "on_time") - ended(first, "on_time")
    assert on_time >= 0.99 * done, f"{done} attempts ended, {on_time} of them on time"
    logins = last.total("mailsonar_maildrop_polls_total") - first.total("mailsonar_maildrop_polls_total")
    return Cost(seconds=spent / done, logins=logins / done, share=spent / lasted)


def _row(what: str, seconds: float, yardstick: float, name: str, limit: float) -> Row:
    return Row(
        bench="cost",
        what=f"{what}: processor time of a round trip",
        figure=seconds * 1000,
        unit="ms",
        yardstick=yardstick * 1000,
        yardstick_name=name,
        limit=limit,
    )
