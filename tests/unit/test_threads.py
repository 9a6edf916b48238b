"""Work in threads that hold nobody."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from mailsonar.threads import in_thread

HANG_AND_END = """
import asyncio, threading
from mailsonar.threads import in_thread
async def main():
    try:
        await asyncio.wait_for(in_thread(threading.Event().wait, "hangs"), 0.1)
    except TimeoutError:
        print("ended")
asyncio.run(main())
"""


async def test_work_comes_back() -> None:
    """What work returns or raises reaches whoever waits; it ran elsewhere."""
    assert await in_thread(lambda: threading.current_thread().name, "here") == "here"
    with pytest.raises(KeyError, match="no"):
        await in_thread(lambda: {}["no"], "raises")


async def test_work_that_nobody_waits_for_is_left_to_itself() -> None:
    """Who gives up is free at once; what comes of the work later disturbs nobody."""
    over, done = threading.Event(), threading.Event()

    def work() -> None:
        over.wait(10)
        done.set()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(in_thread(work, "slow"), 0.05)
    over.set()
    assert await in_thread(lambda: done.wait(10), "waits")


def test_work_that_hangs_does_not_hold_the_process() -> None:
    """The process ends although a thread of it hangs for ever."""
    ended = subprocess.run([sys.executable, "-c", HANG_AND_END], capture_output=True, text=True, timeout=20, check=True)
    assert ended.stdout == "ended\n"


async def test_a_thread_does_one_job_after_the_other() -> None:
    """A thread that has done its work is there for the next, and never for two at once."""
    first = await in_thread(threading.get_ident, "first")
    assert await in_thread(threading.get_ident, "second") == first
    meeting = threading.Barrier(3, timeout=10)

    def meet() -> int:
        meeting.wait()
        return threading.get_ident()

    assert len(set(await asyncio.gather(*(in_thread(meet, "meets") for _ in range(3))))) == 3
