"""A port that never accepts: its queue is full, so that the kernel drops whoever knocks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_QUEUE = 2  # a backlog of 0 holds one connection, and one more is half open


@contextmanager
def deaf_port(host: str = "127.0.0.1") -> Iterator[int]:
    """Give a port on which no connection comes about, as long as the block lasts."""
    with ExitStack() as sockets:
        listening = sockets.enter_context(socket.create_server((host, 0), backlog=0))
        for _ in range(_QUEUE):
            queued = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
            queued.connect_ex(listening.getsockname())
        yield int(listening.getsockname()[1])
