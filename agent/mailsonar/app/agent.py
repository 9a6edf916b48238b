"""The agent's life: start, run, reload, drain.

The page is up before the first attempt, and until the last session has drained.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from mailsonar import __version__
from mailsonar.app.board import Board
from mailsonar.app.fleet import Fleet
from mailsonar.app.plan import Plan
from mailsonar.app.settings import Settings
from mailsonar.app.signing import signing_key, with_key
from mailsonar.app.state import Memory, State, opened_state
from mailsonar.app.supervise import Supervisor
from mailsonar.app.tools import Tools, opened_tools
from mailsonar.app.upkeep import beat, prune, stay_tidy
from mailsonar.app.watch import Watch
from mailsonar.clock import Clock
from mailsonar.config.load import Config, ConfigInvalid
from mailsonar.config.redacted import redacted
from mailsonar.config.shards import routes_of, shard_warnings
from mailsonar.journal.folder import StateUnusable
from mailsonar.model.fault import TlsFailed
from mailsonar.model.server import Secret
from mailsonar.threads import in_thread
from mailsonar.web.entrance import Entrance
from mailsonar.web.listen import serve, url_of
from mailsonar.web.server import build_app
from mailsonar.web.site import Site, nothing_past

PATIENCE_OF_READINESS_SECONDS = 5.0
PATIENCE_OF_HEALTH_SECONDS = 60.0
WATCH_SECONDS = 2.0  # 1,200 files take 45 ms of a thread

log = logging.getLogger(__name__)


async def run_agent(config: Config, settings: Settings, clock: Clock, listening: Callable[[str], None]) -> None:
    """Run the agent until SIGTERM or SIGINT, then drain.

    Args:
        config: what to start with.
        settings: what the command line says.
        clock: whose time to use.
        listening: told the page's address once it is up.

    Raises:
        ListenFailed: the page's address cannot be listened on.
        StateUnusable: the state directory cannot be used.
        TlsFailed: a file named under `tls` cannot be used.
    """
    board = Board.fresh(clock, settings.shard, in_journal=settings.storage is not None)
    async with opened_state(settings.storage, clock, board.metrics.journal_failed) as state:
        with opened_tools(clock, board.observers, state) as tools:
            agent = Agent(settings, board, tools, state)
            plan = agent.prepare(config)
            await _serve(agent, plan, await state.remembered(plan.routes), settings.listen_address, listening)


async def _serve(agent: Agent, plan: Plan, remembered: Memory, address: str, listening: Callable[[str], None]) -> None:
    site = agent.site(plan)
    listener = await serve(build_app(site), address, site.entrance)
    try:
        listening(url_of(*listener.addresses[0], tls=plan.entrance.context is not None))
        await agent.live(plan, remembered)
    finally:
        await listener.close()


class _Drained(Exception):
    """Ends what still waits in the agent's task group: nothing of it talks to a server any more."""


class Agent:
    """Runs one plan after the other."""

    def __init__(self, settings: Settings, board: Board, tools: Tools, state: State) -> None:
        self._settings = settings
        self._board = board
        self._tools = tools
        self._state = state
        if state.ledger:
            board.metrics.counts_of = state.ledger.counts_of
        self._clock = tools.clock
        self._fleet: Fleet | None = None
        self._keys: tuple[Secret, ...] = ()
        self._plan: Plan | None = None
        self._stop = asyncio.Event()
        self._reloading = asyncio.Lock()

    def prepare(self, config: Config) -> Plan:
        """Make what a config needs, before anything of it runs.

        Raises:
            StateUnusable: the state directory cannot be used.
            TlsFailed: a file named under `tls` or `tls_server_config` cannot be used.
        """
        shard, keys = self._settings.shard, self._keys
        warnings = [*config.warnings, *shard_warnings(config, shard.total)]
        if config.signing_key or not keys:
            key, warning = signing_key(config.signing_key, self._settings.storage)
            keys = with_key(key, keys)
            warnings += [warning] if warning else []
        plan = Plan(
            config=config,
            shard=shard,
            routes=routes_of(shard, config.routes),
            workshop=self._tools.workshop(config, keys),
            entrance=Entrance.by(config.web),
        )
        self._keys = keys
        for text in warnings:
            log.warning("%s", text)
        return plan

    async def live(self, plan: Plan, remembered: Memory) -> None:
        """Run a plan, and those that follow it, until told to stop; `remembered` is what an earlier process ended."""
        try:
            async with asyncio.TaskGroup() as group:
                supervisor = Supervisor(group, self._clock, self._board.metrics.task_restarted)
                self._fleet = Fleet(group, supervisor, self._clock, self._board.metrics.schedule_lagged)
                with self._signals(group):
                    self._take_up(plan, self._fleet, remembered)
                    self._keep_up(supervisor)
                    await self._stop.wait()
                    log.info("draining: no new attempts start, sessions under way come to their end")
                    await self._fleet.drain()
                raise _Drained  # noqa: TRY301 - the one way to end a task group from within
        except* _Drained:
            log.info("drained")

    def _take_up(self, plan: Plan, fleet: Fleet, remembered: Memory) -> None:
        """Go on where an earlier process stopped."""
        held_back = self._tools.recall_breakers(plan.config)
        self._put_in_force(plan, fleet)
        for login in held_back:
            self._board.metrics.account_used(login)
        fleet.resume(self._state, remembered)
        kept = f"in {self._settings.storage}" if self._settings.storage else "in memory only"
        log.info("MailSonar %s: %s; results are kept %s", __version__, plan.summary, kept)

    def _keep_up(self, supervisor: Supervisor) -> None:
        supervisor.keep("event_loop_beat", "", lambda: beat(self._clock, self._board.metrics.loop_lagged))
        supervisor.keep("memory_tidying", "", lambda: stay_tidy(self._clock))
        supervisor.keep("config_watch", "", self._watch)
        if archive := self._state.archive:
            routes = self._plan.routes if self._plan else ()
            supervisor.keep("recall", "", lambda: archive.recall(routes, self._board.history.recall))
        if ledger := self._state.ledger:
            supervisor.keep("journal_pruning", "", lambda: prune(ledger, self._longest_give_up, self._clock))

    async def reload(self) -> str | None:
        """Take over the config as it is on disk now, or nothing of it.

        Returns:
            None if it was accepted, else what is wrong with it.
        """
        async with self._reloading:
            try:
                plan = self.prepare(await in_thread(self._settings.load, "config"))
            except (ConfigInvalid, StateUnusable, TlsFailed) as error:
                self._board.metrics.config_reloaded(successful=False)
                log.error("the config was not reloaded, the old one stays in force: %s", error)  # noqa: TRY400 - no bug
                return str(error)
            if self._stop.is_set():
                return "the agent is about to stop"
            if self._fleet:
                self._put_in_force(plan, self._fleet)
            log.info("the config was reloaded: %s", plan.summary)
            return None

    def site(self, first: Plan) -> Site:
        """Return what the page shows and sets off; the first plan's entrance is in force from the start."""
        return Site(
            registry=self._board.registry,
            history=self._board.history,
            past=self._state.archive.results if self._state.archive else nothing_past,
            metrics=self._board.metrics,
            clock=self._clock,
            ready=lambda: self._plan is not None and self._is_running(PATIENCE_OF_READINESS_SECONDS),
            healthy=lambda: self._stop.is_set() or self._is_running(PATIENCE_OF_HEALTH_SECONDS),
            reload=self.reload,
            probe_now=lambda name: self._fleet is not None and self._fleet.probe_now(name),
            config_text=lambda: redacted(self._plan.config) if self._plan else "",
            part=lambda: self._plan.part if self._plan else "",
            lifecycle=self._settings.enable_lifecycle,
            entrance=lambda: (self._plan or first).entrance,
        )

    def _is_running(self, patience_seconds: float) -> bool:
        return self._fleet is None or self._fleet.is_running(patience_seconds)

    def _put_in_force(self, plan: Plan, fleet: Fleet) -> None:
        self._board.metrics.set_routes(plan.routes, plan.config.label_names)
        self._board.history.set_routes(plan.routes)
        fleet.apply(plan.routes, plan.workshop)
        self._board.metrics.config_reloaded(successful=True)
        self._plan = plan

    @contextmanager
    def _signals(self, group: asyncio.TaskGroup) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT, reload on SIGHUP; a second signal to stop ends the process at once."""
        loop = asyncio.get_running_loop()

        def stop() -> None:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
            self._stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        loop.add_signal_handler(signal.SIGHUP, lambda: group.create_task(self._reload_on_signal()))
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    async def _reload_on_signal(self) -> None:
        try:
            await self.reload()
        except Exception:
            log.exception("a reload failed by our own fault")
            self._board.metrics.config_reloaded(successful=False)

    def _longest_give_up(self) -> float:
        routes = self._plan.config.routes if self._plan else ()
        return max((route.give_up_seconds for route in routes), default=0.0)

    async def _watch(self) -> None:
        """Reload when what the config was read from changed on disk."""
        watch = Watch(self._settings.load, self._clock)
        while self._plan:
            if await in_thread(partial(watch.sees_change, self._plan.config.sources), "config watch"):
                await self.reload()
            await self._clock.sleep(WATCH_SECONDS)
