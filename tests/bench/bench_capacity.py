"""How many round trips a second one agent keeps up with, while Postfix and Dovecot share its two processors.

The rate rises until one attempt in a hundred starts more than 250 ms after its time. What the machine cannot serve
shows as schedule lag, and not as probes left out: the attempts that should have started are counted, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.crowd import Load, agent_under, crowded_host, ended
from tests.bench.row import Row
from tests.support.mailhost import MailHost
from tests.support.scrape import Scrape

ROUTES = 600
RATES = (40, 60, 80, 100, 110, 120, 130, 140, 160)
WARM_UP_SECONDS = 5.0
MEASURED_SECONDS = 15.0
LAG_SECONDS = 0.25
ON_TIME_SHARE = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What came of a rate: the share of attempts that started in time, and the round trips that ended a second."""

    in_time: float
    ended_rate: float

    def keeps_up_with(self, rate: float) -> bool:
        """Tell whether the agent kept up."""
        return self.in_time >= ON_TIME_SHARE and self.ended_rate >= 0.9 * rate


def measure() -> Iterator[Row]:
    """Yield the highest rate that was kept up with."""
    highest = 0.0
    with crowded_host() as host:
        for rate in RATES:
            kept = asyncio.run(_kept(Load(routes=ROUTES, interval_seconds=ROUTES / rate), host))
            yield _row(f"{rate} a second: share started within 250 ms", kept.in_time)
            if not kept.keeps_up_with(rate):
                break
            highest = rate
    yield Row(
        bench="capacity",
        what="round trips a second, 99 % started within 250 ms",
        figure=highest,
        unit="/s",
        limit=100,
        is_least=True,
    )


async def _kept(load: Load, host: MailHost) -> Kept:
    async with agent_under(load, host) as agent:
        await asyncio.sleep(WARM_UP_SECONDS)
        loop, first = asyncio.get_running_loop(), await agent.metrics()
        started = loop.time()
        await asyncio.sleep(MEASURED_SECONDS)
        last, lasted = await agent.metrics(), loop.time() - started
    starts = _lags(last, "+Inf") - _lags(first, "+Inf")
    in_time = _lags(last, str(LAG_SECONDS)) - _lags(first, str(LAG_SECONDS))
    return Kept(in_time=in_time / max(starts, 1), ended_rate=(ended(last) - ended(first)) / lasted)


def _lags(scrape: Scrape, bound: str) -> float:
    return scrape.value("mailsonar_schedule_lag_seconds_bucket", le=bound) or 0.0


def _row(what: str, figure: float) -> Row:
    return Row(bench="capacity", what=what, figure=figure, unit="")
