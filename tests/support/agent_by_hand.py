"""The agent without a network, step by step: its time passes when a test says so, and a crash leaves only the journal.

All that decides is the product's own, from the fleet to the journal's file. Left out are sockets and schedules: what a
submission ends with, and what a look is shown, the test says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from math import inf
from pathlib import Path
from typing import Any

from tests.support.mail_by_hand import KEY, LookPlan, Post, Script
from tests.support.observed import WALL
from tests.support.probing import Recorder

from mailsonar.app.fleet import Fleet
from mailsonar.app.ledger import JournalLedger
from mailsonar.app.past import Moment, remembered_of
from mailsonar.app.state import State
from mailsonar.journal.folder import open_store
from mailsonar.journal.reader import Inquiry
from mailsonar.journal.store import Store
from mailsonar.model.route import Route
from mailsonar.net.converse import Network
from mailsonar.observe.metrics import Metrics
from mailsonar.probe.examination import Identity
from mailsonar.probe.retreat import Retreats
from mailsonar.probe.turns import Turns
from mailsonar.probe.workshop import Workshop


class HandLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is set by hand; `bugs` are exceptions that reached nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.set_debug(False)  # a traceback for each callback would be most of the work
        self.now = 1000.0
        self.bugs: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _, context: self.bugs.append(context))

    def time(self) -> float:
        return self.now

    def settle(self) -> None:
        """Run all that can run now."""
        while self._ready or self._next_timer() <= self.now:
            self.call_soon(self.stop)
            self.run_forever()

    def advance(self, seconds: float) -> None:
        """Let time pass, from timer to timer."""
        ends = self.now + seconds
        while (due := self._next_timer()) <= ends:
            self.now = max(self.now, due)
            self.settle()
        self.now = ends
        self.settle()

    def do(self, action: Callable[[], Any]) -> Any:
        """Call something within the loop, and run what comes of it."""

        async def act() -> Any:
            return action()

        made = self.run_until_complete(act())
        self.settle()
        return made

    def _next_timer(self) -> float:
        return min((timer.when() for timer in self._scheduled if not timer.cancelled()), default=inf)


class LoopClock:
    """The clock of a loop; `ahead` is the wall clock's lead over the loop's time."""

    def __init__(self, loop: HandLoop) -> None:
        self._loop = loop
        self.ahead = WALL

    def monotonic(self) -> float:
        return self._loop.now

    def wall(self) -> float:
        return self._loop.now + self.ahead

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class Disk:
    """Stands for the journal's thread: commits at once, or, while it hangs, not yet.

    With each batch the one before is made again, as after a commit whose answer was lost.
    """

    def __init__(self, store: Store, loop: HandLoop) -> None:
        self.store = store
        self.hangs = False
        self._loop = loop
        self._done: list[Callable[[Store], None]] = []
        self._orders: list[Callable[[Store], None]] = []
        self._waiting: list[asyncio.Future[None]] = []

    async def write(self, change: Callable[[Store], None]) -> None:
        """Return once the change is durable."""
        self._orders.append(change)
        if self.hangs:
            self._waiting.append(self._loop.create_future())
            await self._waiting[-1]
        else:
            self.commit()

    def order(self, change: Callable[[Store], None]) -> None:
        """Take a change that nobody waits for."""
        self._orders.append(change)
        if not self.hangs:
            self._loop.call_soon(self._commit_unless_it_hangs)

    def _commit_unless_it_hangs(self) -> None:
        if not self.hangs:
            self.commit()

    def commit(self) -> None:
        """Make durable what was ordered."""
        with self.store.transaction():
            for change in (*self._done, *self._orders):
                change(self.store)
        self._done, self._orders = self._orders, []
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.set_result(None)


class _Group:
    """Starts tasks."""

    def __init__(self, loop: HandLoop) -> None:
        self._loop = loop

    def create_task(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self._loop.create_task(coroutine)


class _Idle:
    """Keeps nothing going: neither schedules nor looks start by themselves."""

    def __init__(self, loop: HandLoop) -> None:
        self._loop = loop

    def keep(self, *_: object) -> asyncio.Future[None]:
        return self._loop.create_future()


class AgentByHand:
    """One process of the agent on a state directory; `told` is what its observers heard."""

    def __init__(self, loop: HandLoop, clock: LoopClock, folder: Path, routes: Sequence[Route]) -> None:
        self.clock = clock
        self.told = Recorder()
        self.metrics = Metrics(clock)
        self._loop = loop
        store = open_store(folder, "a" * 8)
        store._connection.execute("PRAGMA synchronous=OFF")  # the process crashes here, not the machine
        self.disk = Disk(store, loop)
        self.ledger = JournalLedger(self.disk, store.counts(), clock)
        self.metrics.counts_of = self.ledger.counts_of
        leftover_seconds = 2 * max(route.give_up_seconds for route in routes)
        identity = Identity(signing_key=KEY, instance=store.instance, leftover_seconds=leftover_seconds)
        network = Network(clock, None, None)
        observers = (self.metrics, self.told)
        self.workshop = Workshop(network, identity, Turns(clock), observers, Retreats(lambda: 0.5), self.ledger)
        self.fleet = Fleet(_Group(loop), _Idle(loop), clock, lambda _: None)
        self.reload(routes)
        self.left = tuple(store.open_attempts())
        state = State(
            instance=store.instance,
            ledger=self.ledger,
            open_attempts=self.left,
        )
        remembered = remembered_of(Inquiry(store._connection), routes, Moment.of(clock))
        loop.do(lambda: self.fleet.resume(state, remembered))

    @property
    def store(self) -> Store:
        """Return what outlives this process."""
        return self.disk.store

    def reload(self, routes: Sequence[Route]) -> None:
        """Run these routes from now on."""
        self.metrics.set_routes(routes, [])
        self._loop.do(lambda: self.fleet.apply(routes, self.workshop))

    def begin(self, route: Route) -> None:
        """Start an attempt."""
        self._loop.create_task(self.fleet._begin(route))
        self._loop.settle()

    def look(self, name: str, plan: LookPlan, post: Post) -> Script:
        """Start a look into a maildrop; return its session, which may wait for the test to let it go on."""
        script = post.script = Script(plan)
        task = self._loop.create_task(self.fleet._owners[name].look())
        task.add_done_callback(lambda _: script.finish())
        self._loop.settle()
        return script

    def crash(self) -> None:
        """End it as SIGKILL would: nothing more reaches the journal."""
        self.disk.hangs = True
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.settle()
        self.store.close()
