"""From a server to a connected socket: addresses raced as RFC 8305 says, under one deadline."""

from __future__ import annotations

import asyncio
import errno
import math
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from mailsonar.model.fault import AgentFault, ConnectFailed, MailSonarError
from mailsonar.model.stage import Stage
from mailsonar.net.errors import while_connecting
from mailsonar.net.resolve import Address
from mailsonar.net.stamps import stamp_arrivals

ATTEMPT_DELAY_SECONDS = 0.25

# What tells most about the server comes first; an address family that this machine lacks tells least.
_TELLING = (errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH)

_TCP_INFO = struct.Struct("@68xI28xI")  # tcpi_rtt in microseconds, and tcpi_total_retrans


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection, and when the peer's consent came in, in the event loop's seconds."""

    socket: socket.socket
    at: float


async def connect(addresses: Sequence[Address]) -> Connected:
    """Return the first connection that comes about; each next address starts 250 ms later, or on a failure.

    Args:
        addresses: where to, the preferred one first.

    Raises:
        ConnectFailed: every address failed.
        AgentFault: the agent has no socket left.
    """
    if len(addresses) == 1:
        return await _attempt(addresses[0])
    race = _Race()
    try:
        for address in addresses:
            race.enter(address)
            if winner := await race.watch(ATTEMPT_DELAY_SECONDS):
                return winner
        while race.running:
            if winner := await race.watch(None):
                return winner
        raise race.loss()
    finally:
        await race.end()


class _Race:
    """Connection attempts side by side; those that lose are closed."""

    def __init__(self) -> None:
        self.running: set[asyncio.Task[Connected]] = set()
        self._winner: Connected | None = None
        self._losses: list[MailSonarError] = []

    def enter(self, address: Address) -> None:
        self.running.add(asyncio.create_task(_attempt(address)))

    async def watch(self, seconds: float | None) -> Connected | None:
        """Return the winner, or None once an attempt failed or the time is over."""
        done, self.running = await asyncio.wait(self.running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            self._settle(task)
        return self._winner

    def _settle(self, task: asyncio.Task[Connected]) -> None:
        error = task.exception()
        if isinstance(error, MailSonarError):
            self._losses.append(error)
        elif self._winner is None:
            self._winner = task.result()
        else:
            task.result().socket.close()

    def loss(self) -> MailSonarError:
        """Return the error that tells most about the server."""
        for loss in self._losses:
            if isinstance(loss, AgentFault):
                return loss
        numbers = [loss.errno for loss in self._losses if isinstance(loss, ConnectFailed)]
        details = dict.fromkeys(loss.detail for loss in self._losses)
        telling = next((number for number in _TELLING if number in numbers), numbers[0])
        return ConnectFailed("; ".join(details), errno=telling, stage=Stage.CONNECT)

    async def end(self) -> None:
        """Take the attempts that still run out of the race; whoever is cancelled meanwhile, none keeps its socket."""
        for task in self.running:
            task.add_done_callback(_drop)
            task.cancel()
        try:
            await asyncio.gather(*self.running, return_exceptions=True)
        except asyncio.CancelledError:
            if self._winner:
                self._winner.socket.close()
            raise


def _drop(attempt: asyncio.Task[Connected]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().socket.close()


async def _attempt(address: Address) -> Connected:
    try:
        candidate = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise while_connecting(error, address.endpoint[0]) from error
    loop = asyncio.get_running_loop()
    try:
        stamp_arrivals(candidate)
        started = loop.time()
        await loop.sock_connect(candidate, address.endpoint)
        return Connected(candidate, min(loop.time(), started + _handshake_seconds(candidate)))
    except OSError as error:
        candidate.close()
        raise while_connecting(error, address.endpoint[0]) from error
    except BaseException:
        candidate.close()
        raise


def _handshake_seconds(connected: socket.socket) -> float:
    """Return how long the peer took for its SYN+ACK, as the kernel timed it; no bound where packets were lost."""
    rtt, retransmitted = _TCP_INFO.unpack(connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size))
    return math.inf if retransmitted or not rtt else rtt / 1e6
