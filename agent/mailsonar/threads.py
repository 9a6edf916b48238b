"""Work that may hang for ever, in threads that hold nobody: neither the event loop, nor the end of the process.

A thread that has done its work waits a while for more: to start one costs three times what such work costs itself.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Job = Callable[[], None]

IDLE_SECONDS = 10.0

_idle: deque[SimpleQueue[Job]] = deque()


async def in_thread(work: Callable[[], T], name: str) -> T:
    """Return what work returns, or raise what it raises.

    Args:
        work: called in a thread that nothing else shares meanwhile; whoever waits for it no longer leaves it to itself.
        name: of the thread while it works.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[Any], None], value: object) -> None:
        if not answer.done():
            settle(value)

    def job() -> None:
        news: tuple[Callable[[Any], None], object]
        threading.current_thread().name = name
        try:
            news = answer.set_result, work()
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            news = answer.set_exception, error
        with suppress(RuntimeError):  # the loop may have ended in the meantime
            loop.call_soon_threadsafe(tell, *news)

    _hand_out(job)
    return await answer


def _hand_out(job: Job) -> None:
    """Give the job to the thread that has been idle for the shortest time, or to a new one."""
    try:
        jobs = _idle.pop()
    except IndexError:
        jobs = SimpleQueue()
        threading.Thread(target=_work, args=(jobs,), daemon=True).start()
    jobs.put(job)


def _work(jobs: SimpleQueue[Job]) -> None:
    """Do one job after the other, until none has come for a while."""
    while True:
        try:
            job = jobs.get(timeout=IDLE_SECONDS)
        except Empty:
            try:
                _idle.remove(jobs)
            except ValueError:  # taken out just now: its job is on the way
                continue
            return
        job()
        _idle.append(jobs)
