"""Long texts are made in a thread, one at a time, whoever asks for how many: each more would slow down the event loop.

A thread that computes lets the event loop wait for its turn at the interpreter; with six of them, it waits for seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from aiohttp import web

T = TypeVar("T")
V = TypeVar("V")

_TURN = web.AppKey("rendering", asyncio.Lock)


def render_in_turn(app: web.Application) -> None:
    """Let an application render, one text at a time."""
    app[_TURN] = asyncio.Lock()


async def rendered(request: web.Request, gather: Callable[[], V], render: Callable[[V], T]) -> T:
    """Return a text.

    Args:
        request: who asks for it.
        gather: returns what it is made from, in one moment of the event loop.
        render: makes it, in a thread.
    """
    async with request.app[_TURN]:
        return await asyncio.to_thread(render, gather())
