"""A scrape of 10,000 routes over HTTP, compressed, beside `generate_latest` of the client library for the same series.

Between two scrapes a quarter of the routes change. A timer in the event loop tells for how long the scrape held it. The
client is a process of its own; the library's figures are of its collecting and rendering, without HTTP and compression.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from tests.bench.row import Row
from tests.support.observed import all_stages, failed, make_attempt, make_route, on_time
from tests.support.site import Agent, serving

from mailsonar.app.upkeep import tidy_up

ROUTES = 10_000
SCRAPES = 8
BEAT_SECONDS = 0.002
CLIENT = """
import sys, time, urllib.request
for line in sys.stdin:
    started = time.monotonic()
    with urllib.request.urlopen(urllib.request.Request(line.strip(), headers={"Accept-Encoding": "gzip"})) as answer:
        size = len(answer.read())
    print(size, time.monotonic() - started, flush=True)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraped:
    """What scrapes took, in seconds each, and for how long each turn of the event loop came late."""

    cpu: float
    lasted: float
    compressed_bytes: float
    lags: list[float]

    def lag(self, share: float) -> float:
        """Return the lag that this share of the turns stayed below."""
        return sorted(self.lags)[min(int(len(self.lags) * share), len(self.lags) - 1)]


class _Parsed(Collector):
    """The series of a page, which it makes anew for each scrape as any collector does."""

    def __init__(self, page: str) -> None:
        self._families = list(text_string_to_metric_families(page))

    def collect(self) -> Iterator[Metric]:
        for family in self._families:
            metric = Metric(family.name, family.documentation, family.type)
            for sample in family.samples:
                metric.add_sample(sample.name, dict(sample.labels), sample.value)
            yield metric


def measure() -> Iterator[Row]:
    """Yield cost, time and stalls of a scrape."""
    agent = _busy_agent()
    tidy_up()
    scraped = asyncio.run(_scraped(agent))
    with agent.metrics.moment() as moment:
        while moment.go_on():
            pass
    page = b"".join(moment.page().chunks(openmetrics=False)).decode()
    library = _library_seconds(page)
    series = sum(not line.startswith("#") for line in page.splitlines())
    yield _row("series a route", round(series / ROUTES), "", limit=60)
    yield _row("size of the page", len(page) / 1e6, "MB")
    yield _row("size compressed", scraped.compressed_bytes / 1e6, "MB")
    yield _row("time of a scrape", scraped.lasted, "s")
    yield _row("event loop held, 99th percentile during scrapes", scraped.lag(0.99) * 1000, "ms", limit=20)
    yield _row("event loop held, at most", scraped.lag(1.0) * 1000, "ms")
    yield Row(
        bench="scrape",
        what="processor time of a scrape, compression and HTTP included",
        figure=scraped.cpu,
        unit="s",
        yardstick=library,
        yardstick_name="generate_latest alone",
        limit=0.2,
    )


def _row(what: str, figure: float, unit: str, limit: float | None = None) -> Row:
    return Row(bench="scrape", what=what, figure=figure, unit=unit, limit=limit)


def _busy_agent() -> Agent:
    """Return an agent whose every route has had a success and a failure."""
    agent = Agent()
    routes = [make_route(f"customer{number:05}-to-headquarters") for number in range(ROUTES)]
    agent.metrics.set_routes(routes, [])
    for number, route in enumerate(routes):
        first = make_attempt(route, 0.0, f"{number:020}")
        agent.metrics.attempt_started(first)
        agent.metrics.attempt_ended(failed(first))
        _go_round(agent, number, 1)
    return agent


def _go_round(agent: Agent, number: int, turn: int) -> None:
    attempt = make_attempt(make_route(f"customer{number:05}-to-headquarters"), 60.0 * turn, f"{turn:04}{number:016}")
    agent.metrics.attempt_started(attempt)
    agent.metrics.attempt_ended(on_time(attempt, stages=all_stages()))


async def _scraped(agent: Agent) -> Scraped:
    cpu, lasted, sizes, lags = [], [], [], []
    with subprocess.Popen(  # noqa: ASYNC220 - it is talked to from a thread
        [sys.executable, "-c", CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as client:
        async with serving(agent.site(lifecycle=False)) as origin:
            for turn in range(SCRAPES):
                for number in range(turn % 4, ROUTES, 4):
                    _go_round(agent, number, turn + 2)
                gc.collect(0)  # as an agent does all the while
                beating = asyncio.create_task(_beat(lags if turn else []))
                before = time.process_time()
                client.stdin.write(f"{origin}/metrics\n")
                size, seconds = (await asyncio.to_thread(client.stdout.readline)).split()
                if turn:  # the first has all to write down
                    cpu.append(time.process_time() - before)
                    lasted.append(float(seconds))
                    sizes.append(int(size))
                beating.cancel()
        client.stdin.close()
    return Scraped(
        cpu=sum(cpu) / len(cpu),
        lasted=sum(lasted) / len(lasted),
        compressed_bytes=sum(sizes) / len(sizes),
        lags=lags,
    )


async def _beat(lags: list[float]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + BEAT_SECONDS
        await asyncio.sleep(BEAT_SECONDS)
        lags.append(max(0.0, loop.time() - due))


def _library_seconds(page: str) -> float:
    registry = CollectorRegistry()
    registry.register(_Parsed(page))
    started = time.process_time()
    generate_latest(registry)
    return time.process_time() - started
