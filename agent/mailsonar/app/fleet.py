"""The routes that run just now: each with its schedule, each maildrop with its owner.

A new config replaces the old one without disturbing what it leaves unchanged. Attempts in flight end as they began.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from mailsonar.app.state import State
from mailsonar.app.supervise import Supervisor
from mailsonar.clock import Clock
from mailsonar.journal.records import OpenRecord
from mailsonar.model.route import Maildrop, Route, maildrops_of
from mailsonar.probe.ledger import PastAttempt
from mailsonar.probe.maildrop import MaildropOwner
from mailsonar.probe.pending import Bounce
from mailsonar.probe.prober import Prober
from mailsonar.probe.remembered import Remembered
from mailsonar.probe.roundtrip import RoundTrip
from mailsonar.probe.workshop import Workshop
from mailsonar.schedule import Schedule

T = TypeVar("T")

DRAIN_SECONDS = 10.0
_DRAIN_LOOK_SECONDS = 0.05

log = logging.getLogger(__name__)


class Fleet:
    """Runs routes; `lagged` is told by how many seconds each attempt started too late."""

    def __init__(
        self, group: asyncio.TaskGroup, supervisor: Supervisor, clock: Clock, lagged: Callable[[float], None]
    ) -> None:
        self._group = group
        self._supervisor = supervisor
        self._clock = clock
        self._lagged = lagged
        self._routes: dict[str, Route] = {}
        self._schedules: dict[str, Schedule] = {}
        self._starts: dict[str, asyncio.Task[None]] = {}
        self._retired: list[MaildropOwner] = []
        self._owners: dict[str, MaildropOwner] = {}
        self._prober: Prober | None = None
        self._past_probers: list[Prober] = []
        self._under_way: set[RoundTrip] = set()
        self._asked_for: dict[str, asyncio.Task[None]] = {}

    def apply(self, routes: Sequence[Route], workshop: Workshop) -> None:
        """Run these routes from now on, with these tools.

        Args:
            routes: all routes of the config; those that are not enabled rest.
            workshop: what probes work with.
        """
        wanted = {route.name: route for route in routes if route.enabled}
        self._employ({maildrop.name: maildrop for maildrop in maildrops_of(wanted.values())}, workshop)
        self._past_probers = [one for one in self._probers if one.is_setting_off]
        self._prober = Prober(workshop, self._owners, self._spawn, self._under_way)
        for name in [name for name, route in self._routes.items() if wanted.get(name) != route]:
            del self._schedules[name]
            self._starts.pop(name).cancel()
            if asked_for := self._asked_for.pop(name, None):
                asked_for.cancel()
            del self._routes[name]
        for name, route in wanted.items():
            if name not in self._routes:
                self._routes[name] = route
                self._start(route)

    def resume(self, state: State, remembered: Mapping[str, Remembered]) -> None:
        """Go on with what an earlier process left: attempts in flight, and messages that may still have to be removed.

        An attempt whose route is gone, from the config or to another agent, ends as `unobserved`.

        Args:
            state: what is on record.
            remembered: by maildrop, the messages of attempts that have ended.
        """
        gone = sum(record.route not in self._routes for record in state.open_attempts)
        if gone:
            log.warning("attempts of routes that do not run here any more end as unobserved: %d", gone)
        for record in state.open_attempts:
            route = self._routes.get(record.route)
            if route and self._prober:
                self._prober.resume(_past(record), route)
            elif state.ledger:
                state.ledger.abandon(record)
        for name, messages in remembered.items():
            if owner := self._owners.get(name):
                owner.remember(messages)

    def probe_now(self, route_name: str) -> bool:
        """Start an attempt at once, besides the schedule; tell whether there is such a route.

        While one that was asked for waits for its turn, further requests mean that one.
        """
        route = self._routes.get(route_name)
        if route is None:
            return False
        waiting = self._asked_for.get(route_name)
        if waiting is None or waiting.done():
            self._asked_for[route_name] = self._supervisor.keep("probe_now", route_name, lambda: self._begin(route))
        return True

    def is_running(self, patience_seconds: float) -> bool:
        """Tell whether every schedule runs: nothing is due for longer than that without being set off."""
        return not any(schedule.overdue_seconds > patience_seconds for schedule in self._schedules.values())

    async def drain(self) -> None:
        """Start nothing more, and let sessions that are under way come to their end, within bounds.

        Looks read no further, and leave by QUIT: no lock on a maildrop stays behind.
        """
        for start in (*self._starts.values(), *self._asked_for.values()):
            start.cancel()
        for owner in self._all_owners:
            owner.rest()
        self._routes.clear()
        ends = self._clock.monotonic() + DRAIN_SECONDS
        while self._is_talking and self._clock.monotonic() < ends:
            await self._clock.sleep(_DRAIN_LOOK_SECONDS)

    @property
    def _is_talking(self) -> bool:
        return (
            any(prober.is_setting_off for prober in self._probers)
            or any(one.is_submitting for one in self._under_way)
            or any(owner.looking is not None for owner in self._all_owners)
        )

    @property
    def _probers(self) -> list[Prober]:
        return [*self._past_probers, *([self._prober] if self._prober else [])]

    @property
    def _all_owners(self) -> list[MaildropOwner]:
        return [*self._owners.values(), *self._retired]

    def _employ(self, maildrops: Mapping[str, Maildrop], workshop: Workshop) -> None:
        self._retired = [owner for owner in self._retired if not owner.is_done]
        for name in [name for name, owner in self._owners.items() if maildrops.get(name) != owner.maildrop]:
            retired = self._owners.pop(name)
            retired.retire()
            self._retired.append(retired)
        for name, maildrop in maildrops.items():
            if name in self._owners:
                self._owners[name].adopt(workshop)
            else:
                owner = self._owners[name] = MaildropOwner(maildrop, workshop)
                self._supervisor.keep("maildrop", name, owner.run)

    def _start(self, route: Route) -> None:
        schedule = self._schedules[route.name] = Schedule(route.name, route.interval_seconds, self._clock)
        self._starts[route.name] = self._supervisor.keep(
            "route", route.name, lambda: schedule.run(lambda: self._begin(route), self._lagged)
        )

    async def _begin(self, route: Route) -> None:
        assert self._prober is not None  # noqa: S101 - routes start in `apply`, after the prober
        await self._prober.begin(route)

    def _spawn(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return self._group.create_task(coroutine)


def _past(record: OpenRecord) -> PastAttempt:
    return PastAttempt(
        token_id=record.token_id,
        purpose=record.purpose,
        started_wall=record.started_wall,
        accepted_wall=record.accepted_wall,
        seen_wall=record.seen_wall,
        since_wall=record.since_wall,
        bounce=_bounce(record.bounce) if record.bounce else None,
    )


def _bounce(text: str) -> Bounce | None:
    try:
        return Bounce(**json.loads(text))
    except (TypeError, ValueError):
        return None
