"""The driver: holds one session with a server, performing a dialogue under its deadlines.

Each stage is entered, timed and, on failure, named here and only here. A deadline is absolute: one byte a second does
not extend it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from mailsonar.clock import Clock
from mailsonar.dialogue.steps import Dialogue, Exchange, Patience, Step, Wait
from mailsonar.model.fault import MailSonarError, StageTimeout, StarttlsInjected, TlsFailed
from mailsonar.model.result import TlsFacts
from mailsonar.model.server import Server
from mailsonar.model.stage import Stage
from mailsonar.net.connect import connect
from mailsonar.net.connection import Connection
from mailsonar.net.resolve import Resolver, literal
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.net.tls import TlsContexts, unverified_facts, verified_facts

T = TypeVar("T")
Script = Callable[[str], Dialogue[T]]

QUIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Network:
    """What sessions share: the clock, the resolver, and the TLS contexts."""

    clock: Clock
    resolver: Resolver
    tls: TlsContexts


class Session:
    """One session with a server: afterwards `tls` holds what the handshake told, `stopwatch` how long all took."""

    def __init__(self, network: Network, server: Server, stopwatch: Stopwatch) -> None:
        self.server = server
        self.stopwatch = stopwatch
        self.tls: TlsFacts | None = None
        self._recording = stopwatch.recording
        self._recording.server = server.name
        self._network = network
        self._ends = stopwatch.started + server.timeouts.session

    async def hold(self, script: Script[T]) -> T:
        """Connect, perform the dialogue, and drop the connection.

        Args:
            script: given our own address as a literal (RFC 5321 section 4.1.3), starts the dialogue.

        Returns:
            What the dialogue returned.

        Raises:
            MailSonarError: a stage failed; the error names it.
        """
        self.stopwatch.failed = None
        self._recording.is_over = False
        try:
            connection = await self._connect()
            try:
                value = await self._perform(script(_address_literal(connection.local_host)), connection)
            finally:
                connection.close()
        except MailSonarError as error:
            self.stopwatch.failed = error.stage
            self.fail(error)
            raise
        finally:
            self._recording.is_over = True
        self._recording.happened(self._network.clock.monotonic(), Stage.QUIT, "closed")
        return value

    def fail(self, error: MailSonarError) -> None:
        """Put on record why the session failed, or never came about."""
        self._recording.failed(self._network.clock.monotonic(), error)

    async def _connect(self) -> Connection:
        timeout = self.server.timeouts.connect
        ends = min(self.stopwatch.started + timeout, self._ends)
        with self._stage(Stage.RESOLVE):
            self.stopwatch.act()
            spelt_out = literal(self.server)
            left = ends - self._network.clock.monotonic()
            addresses = [spelt_out] if spelt_out else await self._network.resolver.resolve(self.server, left)
        with self._stage(Stage.CONNECT) as connecting:
            async with self._deadline(ends, f"no connection within {timeout:.3g} s"):
                connected = await connect(addresses)
            connecting.ended = connected.at
        connection = Connection(connected.socket, self._network.clock, connected.at)
        self._recording.happened(connection.received_at, Stage.CONNECT, f"connected to {connection.peer}")
        return connection

    async def _perform(self, dialogue: Dialogue[T], connection: Connection) -> T:
        step: Step
        try:
            step = next(dialogue)
            while True:
                try:
                    value = await self._take(step, connection)
                except MailSonarError as error:
                    self.fail(error)
                    step = dialogue.throw(error)
                else:
                    step = dialogue.send(value)
        except StopIteration as end:
            returned: T = end.value
            return returned

    async def _take(self, step: Step, connection: Connection) -> Any:
        if isinstance(step, Exchange):
            return await self._exchange(step, connection)
        if isinstance(step, Wait):
            with self._stage(Stage.QUIT):
                async with self._deadline(self._ends, "the session's time was over"):
                    return await step.until()
        if not step.implicit:
            with self._stage(Stage.STARTTLS) as stage:
                if connection.anything_waits():
                    raise StarttlsInjected("plaintext was waiting when TLS was to start")
                stage.ended = connection.received_at
        await self._start_tls(connection)
        return None

    async def _exchange(self, exchange: Exchange[T], connection: Connection) -> T:
        seconds = self._patience(exchange.patience)
        ends = min(self._network.clock.monotonic() + seconds, self._ends)
        sent = False
        try:
            with self._stage(exchange.stage) as stage:
                connection.give_until(ends, f"no answer within {seconds:.3g} s")
                if exchange.send:
                    await self._ask(exchange, connection)
                sent = True
                while (value := exchange.read(connection.buffer)) is None:
                    await connection.receive()
                stage.ended = connection.received_at
        except MailSonarError as error:
            error.sent = sent
            raise
        self.stopwatch.received_at[exchange.stage] = connection.received_at
        self._recording.answered(connection.received_at, exchange.stage, value)
        return value

    async def _ask(self, exchange: Exchange[T], connection: Connection) -> None:
        if connection.anything_waits():
            raise exchange.unasked(bytes(connection.buffer))
        self.stopwatch.act()
        try:
            await connection.send(exchange.send)
        finally:
            self.stopwatch.sent_at[exchange.stage] = connection.sent_at
            self._recording.asked(connection.sent_at, exchange)

    async def _start_tls(self, connection: Connection) -> None:
        timeout = self.server.timeouts.tls
        ends = min(self._network.clock.monotonic() + timeout, self._ends)
        with self._stage(Stage.TLS_HANDSHAKE):
            context = self._network.tls.of(self.server.tls)
            self.stopwatch.act()
            unread_before = connection.unread_seconds
            connection.give_until(ends, f"no TLS handshake within {timeout:.3g} s")
            try:
                session = await connection.start_tls(context, self.server.tls_name)
            except TlsFailed as failure:
                self.tls = None if failure.verify_code is None else unverified_facts(self.server, failure.detail)
                raise
            self.stopwatch.lag(connection.unread_seconds - unread_before)
        self.tls = verified_facts(self.server, session)
        self._recording.happened(self._network.clock.monotonic(), Stage.TLS_HANDSHAKE, self.tls)

    def _patience(self, patience: Patience) -> float:
        if patience is Patience.QUIT:
            return QUIT_SECONDS
        timeouts = self.server.timeouts
        if patience is Patience.GREETING:
            return timeouts.greeting
        return timeouts.data if patience is Patience.DATA else timeouts.command

    def _stage(self, stage: Stage) -> _Stage:
        return _Stage(stage, self.stopwatch)

    @asynccontextmanager
    async def _deadline(self, ends: float, detail: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(ends - self._network.clock.monotonic()):
                yield
        except TimeoutError:
            raise StageTimeout(detail) from None


class _Stage:
    """A stage under way: gives it its time up to `ended`, now by default, and its name to what fails in it."""

    __slots__ = ("_stage", "_stopwatch", "ended")

    def __init__(self, stage: Stage, stopwatch: Stopwatch) -> None:
        self.ended: float | None = None
        self._stage = stage
        self._stopwatch = stopwatch

    def __enter__(self) -> Self:
        self._stopwatch.enter(self._stage)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, MailSonarError):
            error.stage = error.stage or self._stage
        self._stopwatch.leave(self._stage, self.ended)


def _address_literal(host: str) -> str:
    return f"[IPv6:{host.partition('%')[0]}]" if ":" in host else f"[{host}]"
