"""A program of Debian's that serves HTTP on a free port of loopback as long as an `async with` block lasts."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from tests.support.ports import PortReservation
from tests.support.processes import Program, require_program

POLL_SECONDS = 0.2
REQUEST_SECONDS = 10.0
START_SECONDS = 30.0


class HttpProgram(ABC):
    """Starts, is asked, and is ended by its id; `url` is known before it runs.

    Args:
        program: its name.
        package: the Debian package that brings it.
        folder: an existing folder for its config, its data and its log.

    Raises:
        ProgramMissing: it is not installed.
    """

    def __init__(self, program: str, package: str, folder: Path) -> None:
        self._program = require_program(program, package)
        self._folder = folder
        self._log_file = folder / f"{program}.log"
        self._reservation = PortReservation()
        self._running = AsyncExitStack()
        self.address = f"127.0.0.1:{self._reservation.reserve()}"
        self.url = f"http://{self.address}"

    @abstractmethod
    def _arguments(self) -> Sequence[str]:
        """Write the files that it reads, and return its arguments."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            starting.callback(self._reservation.close)
            timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
            self._http = await starting.enter_async_context(aiohttp.ClientSession(self.url, timeout=timeout))
            self._process = Program([self._program, *self._arguments()], self._log_file)
            starting.push_async_callback(asyncio.to_thread, self._process.stop)
            await self.poll(self._is_ready, "to be ready", START_SECONDS)
            self._running = starting.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.aclose()

    @property
    def log(self) -> str:
        """Return what it wrote so far."""
        return self._log_file.read_text(errors="replace")

    async def json(self, path: str, **parameters: str) -> Any:
        """Return the JSON that a GET is answered with.

        Raises:
            AssertionError: the status is not 200; the message carries the answer.
        """
        async with self._http.get(path, params=parameters) as answer:
            text = await answer.text()
            assert answer.status == 200, f"{path} {parameters} answered {answer.status}: {text[:1000]}"
            return await answer.json()

    async def _is_ready(self) -> bool:
        try:
            async with self._http.get("/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientConnectionError:
            return False

    async def poll(self, condition: Callable[[], Awaitable[bool]], what: str, timeout_seconds: float) -> None:
        """Ask until the condition holds.

        Raises:
            AssertionError: it did not in time, or the program ended; the message carries the end of the log.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                while not await condition():
                    assert self._process.exit_status is None, f"{self._program} ended\n{self.log[-4000:]}"
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise AssertionError(f"waited {timeout_seconds} s {what}\n{self.log[-4000:]}") from None
