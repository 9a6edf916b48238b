"""Starts attempts: waits for the route's turn, signs a token, composes the message, sets the round trip going."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from mailsonar.dialogue.submit import Mail
from mailsonar.message.compose import Envelope, Filling, compose
from mailsonar.message.token import ID_BYTES, INSTANCE_BYTES, Token, base32, route_digest
from mailsonar.model.fault import Fault, HeldBack
from mailsonar.model.result import Attempt, Outcome, Result
from mailsonar.model.route import Route, maildrops_of
from mailsonar.model.stage import Leg
from mailsonar.probe.admission import have_token
from mailsonar.probe.classify import classify
from mailsonar.probe.findings import NOT_ARRIVED, Findings
from mailsonar.probe.known import NO_KEY, Sighting
from mailsonar.probe.ledger import Intent, PastAttempt
from mailsonar.probe.pending import Fate
from mailsonar.probe.roundtrip import Owners, RoundTrip
from mailsonar.probe.submission import SubmissionReport, past_submission
from mailsonar.probe.telling import tell
from mailsonar.probe.workshop import Workshop

T = TypeVar("T")

log = logging.getLogger(__name__)


class Spawn(Protocol):
    """Starts a task that lives as long as the agent."""

    def __call__(self, coroutine: Coroutine[Any, Any, T], /) -> asyncio.Task[T]:
        """Start it."""


Randomness = Callable[[int], bytes]


def new_instance(randomness: Randomness = secrets.token_bytes) -> str:
    """Return a name for this process, which its tokens carry."""
    return base32(randomness(INSTANCE_BYTES))


class Prober:
    """Begins attempts on routes whose maildrops have owners.

    Args:
        workshop: what to work with.
        owners: of the maildrops, by name.
        spawn: starts the tasks of attempts.
        under_way: holds the attempts from their start to their end.
        randomness: makes ids.
    """

    def __init__(
        self,
        workshop: Workshop,
        owners: Owners,
        spawn: Spawn,
        under_way: set[RoundTrip] | None = None,
        randomness: Randomness = secrets.token_bytes,
    ) -> None:
        self._workshop = workshop
        self._owners = owners
        self._spawn = spawn
        self._under_way = set() if under_way is None else under_way
        self._randomness = randomness
        self._setting_off = 0

    async def begin(self, route: Route) -> tuple[RoundTrip, asyncio.Task[Result]]:
        """Start an attempt as soon as the route and its sender's account are free.

        Where the account stays busy for as long as the deadline, the attempt starts all the same and is held back: a
        route that waits for its turn must not look as well as it last did.

        Args:
            route: on which route.

        Returns:
            The round trip, and the task that ends with its result.
        """
        async with AsyncExitStack() as stack:
            crowded = None
            try:
                await stack.enter_async_context(self._workshop.turns.submission(route))
            except HeldBack as error:
                crowded = classify(error, Leg.SUBMISSION)
            owners = {maildrop.name: self._owners[maildrop.name] for maildrop in maildrops_of([route])}
            for owner in owners.values():
                stack.enter_context(owner.kept())
            # Once an intent is on record there must be an attempt, whoever is cancelled in between.
            setting_off = self._spawn(self._guarded(self._set_off(route, owners, crowded, stack.pop_all())))
            begun = await asyncio.shield(setting_off)
            if isinstance(begun, Exception):
                raise begun
            return begun

    @property
    def is_setting_off(self) -> bool:
        """Tell whether an attempt is between its intent and its submission."""
        return self._setting_off > 0

    async def _guarded(self, work: Coroutine[Any, Any, T]) -> T | Exception:
        """Return what comes of work that nobody may be waiting for; a bug in it is its own end only."""
        self._setting_off += 1
        try:
            return await work
        except Exception as bug:
            log.exception("an attempt could not be set off by our own fault")
            return bug
        finally:
            self._setting_off -= 1

    async def _set_off(
        self, route: Route, owners: Owners, crowded: Fault | None, turn: AsyncExitStack
    ) -> tuple[RoundTrip, asyncio.Task[Result]]:
        async with turn:
            token_id = base32(self._randomness(ID_BYTES))
            clock = self._workshop.network.clock
            await have_token(route.sender.account, self._workshop.tokens)
            try:
                await self._intend(route, token_id)
                mail: Mail | Fault = crowded or self._compose(route, token_id)
            except Exception as bug:
                log.exception("an attempt on route %s could not be prepared by our own fault", route.name)
                mail = classify(bug, Leg.AGENT)
            attempt = Attempt(route=route, token_id=token_id, started=clock.monotonic(), started_wall=clock.wall())
            roundtrip = RoundTrip(attempt, owners, self._workshop)
            task = self._spawn(roundtrip.run(mail, turn.pop_all()))
            self._under_way.add(roundtrip)
            task.add_done_callback(lambda _: self._under_way.discard(roundtrip))
            return roundtrip, task

    def resume(self, past: PastAttempt, route: Route) -> asyncio.Task[Result]:
        """Go on with an attempt that an earlier process started.

        Args:
            past: what is on record of it.
            route: its route.

        Returns:
            The task that ends with its result.
        """
        clock = self._workshop.network.clock
        now, ahead = clock.monotonic(), clock.monotonic() - clock.wall()
        started = min(past.started_wall + ahead, now)  # a wall clock that was set back must not put it into the future

        def instant(wall: float) -> float:
            return max(started, min(wall + ahead, now))

        attempt = Attempt(
            route=route,
            token_id=past.token_id,
            started=started,
            started_wall=past.started_wall,
            resumed=True,
        )
        report = past_submission(None if past.accepted_wall is None else instant(past.accepted_wall))
        sighting = None
        if past.seen_wall is not None and past.since_wall is not None:
            sighting = Sighting(NO_KEY, instant(past.seen_wall), instant(past.since_wall))
        fate = Fate(sighting=sighting, bounce=past.bounce) if sighting or past.bounce else None
        if fate is None and past.purpose != route.purpose:
            return self._spawn(self._abandon(attempt, report))
        return self._spawn(RoundTrip(attempt, self._owners, self._workshop).resume(report, fate))

    async def _abandon(self, attempt: Attempt, report: SubmissionReport) -> Result:
        """End an attempt that was made for what its route is for no longer: nobody can judge it now."""
        observers = self._workshop.observers
        fault = replace(NOT_ARRIVED, detail="since the start the route has got another maildrop, or another `expect`")
        findings = Findings(attempt=attempt, report=report, left_at=attempt.started)
        result = findings.result(Outcome.UNOBSERVED, fault=fault)
        tell(observers, lambda observer: observer.attempt_resumed(attempt))
        await self._workshop.ledger.end(result)
        tell(observers, lambda observer: observer.attempt_ended(result))
        return result

    async def _intend(self, route: Route, token_id: str) -> None:
        intent = Intent(
            token_id=token_id,
            route=route.name,
            purpose=route.purpose,
            started_wall=self._workshop.network.clock.wall(),
        )
        await self._workshop.ledger.intend(intent)

    def _compose(self, route: Route, token_id: str) -> Mail:
        wall, identity = self._workshop.network.clock.wall(), self._workshop.identity
        token = Token(
            id=token_id, route=route_digest(route.name), instance=identity.instance, started_ms=int(wall * 1000)
        )
        envelope = Envelope(reverse_path=route.sender.address, forward_path=route.maildrop.address)
        filling = Filling(size_bytes=route.size_bytes, content=route.content)
        content = compose(envelope, token.signed(identity.signing_key), wall, filling)
        return Mail(envelope=envelope, content=content)
