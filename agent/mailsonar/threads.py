"""Work that may hang for ever, in threads that hold nobody: neither the event loop, nor the end of the process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T], name: str) -> T:
    """Return what work returns, or raise what it raises.

    Args:
        work: called in a thread of its own; whoever waits for it no longer leaves it to itself.
        name: of the thread.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[Any], None], value: object) -> None:
        if not answer.done():
            settle(value)

    def run() -> None:
        news: tuple[Callable[[Any], None], object]
        try:
            news = answer.set_result, work()
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            news = answer.set_exception, error
        with suppress(RuntimeError):  # the loop may have ended in the meantime
            loop.call_soon_threadsafe(tell, *news)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await answer
