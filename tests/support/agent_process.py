"""The agent as its users run it: a process with a config file, watched from outside by HTTP and signals."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from tests.support.ports import PortReservation
from tests.support.scrape import Scrape

POLL_SECONDS = 0.05
REQUEST_SECONDS = 15.0
DRAIN_SECONDS = 30.0
INTERPRETER = (sys.executable, "-X", "dev", "-W", "error")
PROGRAM = (*INTERPRETER, "-m", "mailsonar")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the agent runs: the address that it serves its pages at, and what goes before its command to get there.

    `program` is the command, for a place that has one of its own. With `tls`, its web config has TLS on: whom to trust,
    and what to show.
    """

    address: str = "127.0.0.1"
    entry: Sequence[str] = ()
    program: Sequence[str] = PROGRAM
    tls: ssl.SSLContext | None = None


class AgentProcess:
    """Runs `mailsonar run` as long as its `async with` block lasts; warnings are errors in it.

    Args:
        config_file: the agent's config.
        folder: where its output goes: `stdout` and `stderr`, added to when the agent starts again.
        arguments: further arguments of `mailsonar run`, for instance `--storage.path`.
        environment: variables beside the test's own.
        place: where it runs.

    Leaving the block ends the agent and says nothing about how; `stop` does.
    """

    def __init__(
        self,
        config_file: Path,
        folder: Path,
        arguments: Sequence[str | Path] = (),
        environment: Mapping[str, str] | None = None,
        place: Place = Place(),
    ) -> None:
        self._place = place
        self._config_file = config_file
        self._folder = folder
        self._arguments = arguments
        self._environment = {**os.environ, **(environment or {})}
        self._reservation = PortReservation()
        self._process: asyncio.subprocess.Process | None = None
        self.port = self._reservation.reserve()
        self.address = f"{place.address}:{self.port}"
        self.url = f"{'https' if place.tls else 'http'}://{self.address}"

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
            connector=aiohttp.TCPConnector(ssl=self._place.tls or True),
        )
        try:
            await self.start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    @property
    def process(self) -> asyncio.subprocess.Process:
        """Return the running process, for its id and for signals."""
        assert self._process is not None, "the agent does not run"
        return self._process

    @property
    def stdout(self) -> str:
        """Return what the agent wrote to standard output so far."""
        return (self._folder / "stdout").read_text(errors="replace")

    @property
    def stderr(self) -> str:
        """Return what the agent wrote to standard error so far."""
        return (self._folder / "stderr").read_text(errors="replace")

    async def start(self, timeout_seconds: float = 60.0) -> None:
        """Start the agent, the first time or again on the same port, and wait until its /-/ready says yes.

        Raises:
            AssertionError: it ended, or did not get ready in time; the message carries what it wrote.
        """
        command: list[str | Path] = [
            *self._place.entry,
            *self._place.program,
            "run",
            "--config.file",
            self._config_file,
        ]
        command += ["--web.listen-address", self.address, *self._arguments]
        with (self._folder / "stdout").open("ab") as stdout, (self._folder / "stderr").open("ab") as stderr:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=self._environment
            )
        await self._poll(self._is_ready, "to be ready", timeout_seconds)

    async def get(self, path: str) -> tuple[int, str]:
        """Return the status and the body of a page of the agent.

        Raises:
            AssertionError: it did not answer in time.
            aiohttp.ClientConnectionError: nobody is there, or the connection broke.
        """
        try:
            async with self._http.get(self.url + path) as response:
                return response.status, await response.text()
        except TimeoutError:
            raise AssertionError(f"{path} was not answered in {REQUEST_SECONDS} s\n{self._output()}") from None

    async def post(self, path: str) -> tuple[int, str]:
        """POST nothing to a path; return the status and the body of the answer."""
        async with self._http.post(self.url + path) as response:
            return response.status, await response.text()

    async def metrics(self) -> Scrape:
        """Scrape the agent once."""
        status, text = await self.get("/metrics")
        assert status == 200, f"/metrics answered {status}: {text[:500]}"
        return Scrape.parse(text)

    async def until(
        self, predicate: Callable[[Scrape], bool], timeout_seconds: float, what: str = "the condition"
    ) -> Scrape:
        """Scrape again and again until the predicate holds.

        Returns:
            The scrape that satisfied it.

        Raises:
            AssertionError: it did not in time, or the agent ended; the message carries what the agent wrote.
        """
        last = Scrape("", ())

        async def satisfied() -> bool:
            nonlocal last
            try:
                last = await self.metrics()
            except aiohttp.ClientConnectionError:  # the agent just ended: the next round sees it
                return False
            return predicate(last)

        try:
            await self._poll(satisfied, f"for {what}", timeout_seconds)
        except AssertionError as error:
            probes = "\n".join(line for line in last.text.splitlines() if line.startswith("mailsonar_probe"))
            raise AssertionError(f"{error}\nlast scrape:\n{probes}") from None
        return last

    async def watch(self, seconds: float, gap_seconds: float = 1.0) -> AsyncIterator[Scrape]:
        """Yield a scrape after each gap, for so many seconds."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + seconds
        while loop.time() < ends:
            await asyncio.sleep(gap_seconds)
            yield await self.metrics()

    async def stop(self, exit_status: int = 0) -> None:
        """End the agent by SIGTERM and insist on its exit status, once it has drained."""
        self.process.terminate()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                status = await self.process.wait()
        except TimeoutError:
            raise AssertionError(f"the agent still drains after {DRAIN_SECONDS} s\n{self._output()}") from None
        assert status == exit_status, f"exit status {status}, not {exit_status}\n{self._output()}"

    async def kill(self) -> None:
        """End the agent by SIGKILL, as a crash would."""
        self.process.kill()
        await self.process.wait()

    async def _is_ready(self) -> bool:
        try:
            return (await self.get("/-/ready"))[0] == 200
        except aiohttp.ClientConnectionError:
            return False

    async def _poll(self, condition: Callable[[], Awaitable[bool]], what: str, timeout_seconds: float) -> None:
        """Ask until the condition holds, the agent ends, or the time is up."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while not await condition():
                    assert self.process.returncode is None, (
                        f"the agent ended with {self.process.returncode}\n{self._output()}"
                    )
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise AssertionError(f"waited {timeout_seconds} s {what}\n{self._output()}") from None

    async def _close(self) -> None:
        """End what still runs."""
        await self._http.close()
        self._reservation.close()
        if self._process is not None and self._process.returncode is None:
            await self.kill()

    def _output(self) -> str:
        """Return the end of what the agent wrote, for a failure's message."""
        return f"stderr: {self.stderr[-4000:]}\nstdout: {self.stdout[-1000:]}"
