"""Programs that a test starts for itself: in a process group of their own, in the foreground, ended by its id."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

POLL_SECONDS = 0.01
STOP_SECONDS = 10.0


class ProgramMissing(Exception):
    """A program that the tests need is not installed; the message says how to install it."""


def require_program(name: str, package: str) -> str:
    """Find a program.

    Args:
        name: a program's name, looked for in PATH and the system folders, or its full path.
        package: the Debian package that brings it.

    Returns:
        Its full path.

    Raises:
        ProgramMissing: it is not there.
    """
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if found is None:
        raise ProgramMissing(
            f"{name} is not installed, and these tests are worth nothing without it: run `make test`, "
            f"which installs the packages of tests/debian-packages.txt, or `apt-get install {package}`"
        )
    return found


def until(condition: Callable[[], bool], what: str, timeout_seconds: float = 30.0) -> None:
    """Return as soon as the condition holds.

    Raises:
        TimeoutError: it did not in time; the message says `what` was awaited.
    """
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_seconds} s for {what}")
        time.sleep(POLL_SECONDS)


class Program:
    """A running program and all that it forked.

    Args:
        command: the program and its arguments.
        log_file: where its standard output and standard error are added.
    """

    def __init__(self, command: Sequence[str | Path], log_file: Path) -> None:
        self._command = command
        self._log_file = log_file
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def until_ready(self, ready: Callable[[], bool], log: Callable[[], str]) -> None:
        """Wait until the program serves.

        Raises:
            RuntimeError: it ended instead, or did not get ready in time; the message carries the end of its log.
        """
        try:
            until(lambda: self.exit_status is not None or ready(), f"{self._command[0]} to serve")
        except TimeoutError as error:
            raise RuntimeError(f"{error}\n{log()[-4000:]}") from error
        if self.exit_status is not None:
            raise RuntimeError(f"{self._command[0]} ended with {self.exit_status}\n{log()[-4000:]}")

    @property
    def process_id(self) -> int:
        """Return the id of the program itself."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """Return what it ended with, None while it runs."""
        return self._process.poll()

    def signal(self, number: int) -> None:
        """Send a signal to the program itself; nothing happens where it has ended."""
        self._process.send_signal(number)

    def stop(self) -> None:
        """End the program and whatever it leaves behind in its process group."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the program's process group at once, even one that is stopped by a signal."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
