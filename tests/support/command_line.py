"""One run of a `mailsonar` command, as an operator or a CI job makes it; warnings are errors in it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.agent_process import INTERPRETER

LONGEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended; `seconds` spans the whole process, the start of the interpreter included."""

    status: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def json(self) -> Any:
        """Return what stands on standard output, read as JSON."""
        return json.loads(self.stdout)


async def mailsonar(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Finished:
    """Run a command to its end.

    Args:
        arguments: what follows `mailsonar`.
        environment: variables beside the test's own.

    Raises:
        AssertionError: it did not end in a minute, or spoke of a bug of ours: a traceback, a warning of Python's.
    """
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *INTERPRETER,
        "-m",
        "mailsonar",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError(f"mailsonar {arguments} still ran after {LONGEST_SECONDS} s") from None
    assert process.returncode is not None
    spoken = without_slowness(stderr.decode())
    finished = Finished(process.returncode, stdout.decode(), spoken, time.monotonic() - begun)
    assert_no_bug_shows(finished.stderr)
    return finished


def without_slowness(stderr: str) -> str:
    """Leave out what asyncio's debug mode tells of a step that took 100 ms: on a busy machine, any may."""
    lines = stderr.splitlines(keepends=True)
    return "".join(line for line in lines if not re.match(r'(.* logger=asyncio msg=")?Executing <', line))


def warnings_in(stderr: str) -> list[str]:
    """Return the warnings in an agent's log, but for one: that our Dovecot takes passwords before STLS."""
    lines = [line for line in without_slowness(stderr).splitlines() if "level=warning" in line]
    dovecots = [line for line in lines if "offers logins before TLS" in line and "protocol=pop3" in line]
    return [line for line in lines if line not in dovecots[:1]]


def assert_no_bug_shows(stderr: str) -> None:
    """Insist that standard error tells of no bug of ours."""
    for sign in ("Traceback", "Warning", "Exception ignored", "was never", "our own fault"):
        assert sign not in stderr, stderr
