"""Memory and series of the whole agent with 10 to 10,000 routes, a state directory, and results of every route.

Each agent runs in a process of its own, with labels and a journal. Attempts reach it faster than any server could
answer them (see `memory_agent`); in the end each route has as many behind it as are ever remembered, and was scraped.
Routes share accounts as those of a matrix do; the last rows are of routes that have two accounts of their own each.
What a route takes is told by the difference of two agents: what all have in common cancels out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from pathlib import Path

from tests.bench.row import Row

MIB, KIB = 2**20, 2**10
FEW = 100
COUNTS = (10, FEW, 1_000, 10_000)
COUNTS_OF_OWN = (FEW, 10_000)
ATTEMPTS = 26  # at one every five minutes, those of twice a `give_up` of an hour
SENDER = "  out{n}: {{address: probe@c{n}.example, smtp: {{host: smtp{n}.localhost, security: starttls, {login}}}}}"
MAILDROP = "  in{n}: {{address: probe@c{n}.example, pop3: {{host: pop{n}.localhost, security: implicit_tls, {login}}}}}"
LOGIN = "username: probe@c{n}.example, password: {{env: MAIL_PASSWORD}}"
ROUTE = "  customer{n}-site: {{from: out{sender}, to: in{maildrop}, labels: {{customer: customer{n}, site: s{site}}}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an agent took, in bytes: ready, after attempts of all routes, and after scrapes; and series a route."""

    start: float
    fed: float
    scraped: float
    series: float


def measure() -> Iterator[Row]:
    """Yield the rows of each number of routes, and what one route takes."""
    taken = {}
    for count in COUNTS:
        taken[count] = _taken(count, accounts=isqrt(count))
        yield _row(f"{count} routes, once ready", taken[count].start / MIB, "MiB")
        limit = 250 if count == COUNTS[-1] else None
        yield _row(f"{count} routes, after {ATTEMPTS} attempts of each", taken[count].fed / MIB, "MiB", limit)
        yield _row(f"{count} routes, after scrapes", taken[count].scraped / MIB, "MiB")
        yield _row(f"{count} routes: series of a route", taken[count].series, "", None if count == COUNTS[0] else 60)
    yield _row("a route's share", _share(taken[FEW], taken[COUNTS[-1]], COUNTS[-1]), "KiB", 20)
    few, many = (_taken(count, accounts=count) for count in COUNTS_OF_OWN)
    yield _row("a route's share, two accounts of its own included", _share(few, many, COUNTS_OF_OWN[-1]), "KiB")
    yield _row("series of a route, those of its own accounts included", many.series, "")


def _row(what: str, figure: float, unit: str, limit: float | None = None) -> Row:
    return Row(bench="memory", what=what, figure=figure, unit=unit, limit=limit)


def _share(few: Taken, many: Taken, count: int) -> float:
    """Return the KiB that a route takes once all are filled."""
    return (many.fed - few.fed) / (count - FEW) / KIB


def _taken(count: int, *, accounts: int) -> Taken:
    """Run an agent.

    Args:
        count: of routes.
        accounts: how many senders they share, and how many maildrops.
    """
    with tempfile.TemporaryDirectory(prefix="msb-memory-") as name:
        folder = Path(name)
        file, key = folder / "mailsonar.yml", folder / "key"
        key.touch(mode=0o600)
        key.write_text("k" * 32)
        file.write_text(_config(count, accounts, key))
        command = [sys.executable, "-m", "tests.bench.memory_agent", file, folder / "state", str(ATTEMPTS)]
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return Taken(**json.loads(told.stdout))


def _config(count: int, accounts: int, key: Path) -> str:
    """Return a config whose schedules rest for a day: the attempts are the bench's."""
    logins = [LOGIN.format(n=n) for n in range(accounts)]
    lines = [f"signing_key: {{file: {key}}}", "labels: [customer, site]"]
    lines += ["defaults: {interval: 24h, deadline: 2m, give_up: 1h}", "senders:"]
    lines += [SENDER.format(n=n, login=login) for n, login in enumerate(logins)]
    lines += ["maildrops:", *(MAILDROP.format(n=n, login=login) for n, login in enumerate(logins)), "routes:"]
    for n in range(count):
        sender = n % accounts
        lines.append(ROUTE.format(n=n, site=n % 7, sender=sender, maildrop=(sender + n // accounts) % accounts))
    return "\n".join(lines)
