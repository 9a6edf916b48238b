"""From a server to a connected socket: addresses raced as RFC 8305 says, under one deadline."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence

from mailsonar.model.fault import AgentFault, ConnectFailed, MailSonarError
from mailsonar.model.stage import Stage
from mailsonar.net.errors import while_connecting
from mailsonar.net.resolve import Address

ATTEMPT_DELAY_SECONDS = 0.25

# What tells most about the server comes first; an address family that this machine lacks tells least.
_TELLING = (errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH)


async def connect(addresses: Sequence[Address]) -> socket.socket:
    """Return the first connection that comes about; each next address starts 250 ms later, or on a failure.

    Args:
        addresses: where to, the preferred one first.

    Raises:
        ConnectFailed: every address failed.
        AgentFault: the agent has no socket left.
    """
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
        self.running: set[asyncio.Task[socket.socket]] = set()
        self._winner: socket.socket | None = None
        self._losses: list[MailSonarError] = []

    def enter(self, address: Address) -> None:
        self.running.add(asyncio.create_task(_attempt(address)))

    async def watch(self, seconds: float | None) -> socket.socket | None:
        """Return the winner, or None once an attempt failed or the time is over."""
        done, self.running = await asyncio.wait(self.running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            self._settle(task)
        return self._winner

    def _settle(self, task: asyncio.Task[socket.socket]) -> None:
        error = task.exception()
        if isinstance(error, MailSonarError):
            self._losses.append(error)
        elif self._winner is None:
            self._winner = task.result()
        else:
            task.result().close()

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
                self._winner.close()
            raise


def _drop(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _attempt(address: Address) -> socket.socket:
    try:
        candidate = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise while_connecting(error, address.endpoint[0]) from error
    try:
        await asyncio.get_running_loop().sock_connect(candidate, address.endpoint)
    except OSError as error:
        candidate.close()
        raise while_connecting(error, address.endpoint[0]) from error
    except BaseException:
        candidate.close()
        raise
    return candidate
