"""The agent in a process of its own, whose routes are told of attempts faster than any server could answer them.

Run as `python -m tests.bench.memory_agent CONFIG STATE ATTEMPTS`: prints a JSON object of what memory it takes once it
is ready, and once so many attempts of each route have gone through ledger, owner of the maildrop and observers, and its
metrics have been scraped. One attempt in ten fails, with a transcript; every value is made anew, as from a connection.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import urllib.request
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.bench.resident import resident
from tests.support.observed import all_stages, failed, on_time, told, transcript

from mailsonar.app.agent import Agent, _serve
from mailsonar.app.board import Board
from mailsonar.app.settings import Settings
from mailsonar.app.state import opened_state
from mailsonar.app.tools import opened_tools
from mailsonar.clock import SystemClock
from mailsonar.message.token import ID_BYTES, base32
from mailsonar.model.observer import Login, Look
from mailsonar.model.result import Attempt, Outcome, Result, TlsFacts
from mailsonar.model.route import Route, accounts_of
from mailsonar.model.server import Account
from mailsonar.model.shard import ALONE
from mailsonar.net.tls import shared
from mailsonar.observe.result_json import result_as_json
from mailsonar.observe.result_restore import restored
from mailsonar.observe.transcript_json import restored_transcripts, transcripts_as_json
from mailsonar.probe.known import Sighting
from mailsonar.probe.ledger import Intent
from mailsonar.probe.pending import Awaited, Fate
from mailsonar.probe.telling import tell

INTERVAL_SECONDS = 300.0
LISTEN_SECONDS = 300.0
LASTING = 3
TALKATIVE = tuple(transcript(*(f"250 line {number} of what a server says" for number in range(20))) for _ in range(2))


class Feed:
    """Tells an agent that runs of attempts."""

    def __init__(self, agent: Agent, board: Board, routes: tuple[Route, ...]) -> None:
        self._agent = agent
        self._board = board
        self._routes = routes
        self._clock = SystemClock()

    async def attempts(self, number: int, of: int) -> None:
        """Let an attempt of each route run, as the one that started so many intervals ago."""
        for first in range(0, len(self._routes), 100):
            await asyncio.gather(*(self._attempt(route, number, of) for route in self._routes[first : first + 100]))

    async def _attempt(self, route: Route, number: int, of: int) -> None:
        ago = (of - number) * INTERVAL_SECONDS
        token = base32(secrets.token_bytes(ID_BYTES))
        clock, ledger, observers = self._clock, self._agent._state.ledger, self._board.observers[:2]
        started, wall = clock.monotonic() - ago, clock.wall() - ago
        assert ledger is not None
        is_lasting = number >= of - LASTING
        if is_lasting:
            await ledger.intend(Intent(token_id=token, route=route.name, purpose=route.purpose, started_wall=wall))
        attempt = Attempt(route=route, token_id=token, started=started, started_wall=wall)
        tell(observers, lambda observer: observer.attempt_started(attempt))
        self._look(attempt)
        result = _result(attempt, is_failure=(number + hash(route.name)) % 10 == 0)
        if is_lasting:
            ledger.accept(token, wall + 0.3)
            await ledger.arrive(token, wall + 1.8, wall + 1.5)
            result = _fresh(result)
        for account, tls in zip(accounts_of(route), result.tls, strict=True):
            login = Login(account=account, authenticated=True, tls=tls, offered=("PLAIN", "LOGIN"))
            tell(observers, partial(_log_in, login=login))
        look = Look(maildrop=route.maildrop, messages=number, octets=3000 * number, listed_wall=wall + 1.8)
        tell(observers, lambda observer: observer.maildrop_looked(look))
        if is_lasting:
            await ledger.end(result)
        tell(observers, lambda observer: observer.attempt_ended(result))

    def _look(self, attempt: Attempt) -> None:
        """Let the owner of the maildrop see the message."""
        assert self._agent._fleet is not None
        owner = self._agent._fleet._owners[attempt.route.maildrop.name]
        ends = attempt.started + attempt.route.give_up_seconds
        future = asyncio.get_running_loop().create_future()
        awaited = Awaited(attempt=attempt, deadline=ends, gives_up=ends, left_at=lambda: attempt.started, fate=future)
        owner.await_(awaited)
        known, key = owner._book.known, int.from_bytes(attempt.token_id[:4].encode())
        known.take_in([key], seen=attempt.started + 1.8, asked=attempt.started + 1.5)
        sighting = known.sighting(key) or Sighting(key, attempt.started + 1.8, None)
        owner._book.pending.recognise(attempt.token_id, sighting, known)
        known.forget(key)
        owner.give_up(awaited, Fate())


def _log_in(observer: object, login: Login) -> None:
    observer.account_used(login)  # type: ignore[attr-defined]  # an observer


def _result(attempt: Attempt, *, is_failure: bool) -> Result:
    tls = tuple(_facts(account) for account in accounts_of(attempt.route))
    seconds = 0.1 + secrets.randbelow(10_000) / 1000
    stages = tuple(replace(stage, seconds=stage.seconds * seconds) for stage in all_stages())
    if is_failure:
        return failed(attempt, Outcome.LATE, stages=stages, tls=tls, round_trip_seconds=300.0, transcripts=TALKATIVE)
    return on_time(attempt, seconds, stages=stages, tls=tls, provenance=told())


def _facts(account: Account) -> TlsFacts:
    return TlsFacts(
        server=account.server.name,
        protocol=account.server.protocol,
        version="TLSv1.3",
        cipher="TLS_AES_256_GCM_SHA384",
        verified=True,
        not_after_wall=1_800_000_000.0,
        not_after_earliest_wall=1_800_000_000.0,
        names=(account.server.host, f"www.{account.server.host}"),
        issuer="CN=R11, O=Let's Encrypt, C=US",
        key="ECDSA P-256",
    )


def _fresh(result: Result) -> Result:
    """Return the result with strings and figures of its own, as if they had just come over a connection."""
    made = restored(json.dumps(result_as_json(result)), result.attempt)
    assert made is not None
    tls = tuple(shared(facts) for facts in made.tls)
    return replace(made, tls=tls, transcripts=restored_transcripts(json.dumps(transcripts_as_json(result.transcripts))))


async def _run(config_file: Path, folder: Path, attempts: int) -> dict[str, float]:
    """Return what memory the agent takes at the start and in the end, and how many series it shows."""
    clock = SystemClock()
    settings = Settings(config_file=config_file, environ=os.environ, storage=folder, allow_inline_secrets=True)
    board = Board.fresh(clock, ALONE, in_journal=True)
    async with opened_state(folder, clock, board.metrics.journal_failed) as state:
        with opened_tools(clock, board.observers, state) as tools:
            agent, url = Agent(settings, board, tools, state), asyncio.get_running_loop().create_future()
            plan = agent.prepare(settings.load())
            serving = asyncio.create_task(_serve(agent, plan, {}, "127.0.0.1:0", url.set_result))
            page = f"{await url}metrics"
            while agent._plan is None:  # noqa: ASYNC110 - a bench has time
                await asyncio.sleep(0.05)
            start = resident(os.getpid())
            await asyncio.to_thread(_scrape, page)
            feed = Feed(agent, board, plan.routes)
            for number in range(attempts):
                await feed.attempts(number, attempts)
            fed = resident(os.getpid())
            series = await asyncio.to_thread(_scrape, page)
            await asyncio.to_thread(_scrape, page)
            scraped = resident(os.getpid())
            agent._stop.set()
            await serving
    return {"start": start, "fed": fed, "scraped": scraped, "series": series / len(plan.routes)}


def _scrape(url: str) -> int:
    with urllib.request.urlopen(url, timeout=LISTEN_SECONDS) as answer:  # noqa: S310 - our own page
        return sum(line.startswith(b"mailsonar_") for line in answer)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_run(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))))
