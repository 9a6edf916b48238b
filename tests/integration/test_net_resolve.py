"""Names to addresses while a name server is silent: it holds threads of its own, and nobody else."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mailsonar.model.fault import ResolveFailed
from mailsonar.model.server import Protocol, Security, Server
from mailsonar.net import resolve
from mailsonar.net.resolve import Resolver

ASK_AND_END = """
import asyncio, socket, threading
from mailsonar.model.fault import ResolveFailed
from mailsonar.model.server import Protocol, Security, Server
from mailsonar.net.resolve import Resolver
socket.getaddrinfo = lambda *_: threading.Event().wait()
async def main():
    resolver = Resolver()
    try:
        server = Server(protocol=Protocol.SMTP, host="silent.example", port=25, security=Security.PLAINTEXT)
        await resolver.resolve(server, 0.1)
    except ResolveFailed:
        resolver.close()
        print("ended")
asyncio.run(main())
"""


def server(host: str) -> Server:
    """Return a server of this name."""
    return Server(protocol=Protocol.SMTP, host=host, port=25, security=Security.PLAINTEXT)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names that the system was asked for; those in `silent.example` are answered in the end only."""
    names: list[str] = []
    over = threading.Event()
    real = socket.getaddrinfo

    def look_up(host: str, *rest: Any) -> Any:
        names.append(host)
        if host.endswith("silent.example"):
            over.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return real("127.0.0.1", *rest)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield names
    over.set()


async def test_those_who_ask_for_one_name_share_a_look_up(asked: list[str]) -> None:
    """Hundreds of routes to one silent name hold one thread; each still has its own deadline."""
    resolver = Resolver()
    asks = [resolver.resolve(server("silent.example"), 0.1) for _ in range(500)]
    ends = await asyncio.gather(*asks, return_exceptions=True)
    assert {type(end) for end in ends} == {ResolveFailed}
    assert asked == ["silent.example"]
    resolver.close()


async def test_silent_names_hold_nobody_else(asked: list[str]) -> None:
    """While many names of one customer hang, another's are answered at once."""
    resolver = Resolver()
    hanging = [
        asyncio.create_task(resolver.resolve(server(f"{number}.silent.example"), 0.5))
        for number in range(resolve.THREADS_LIMIT - 1)
    ]
    await asyncio.sleep(0)
    [address] = await resolver.resolve(server("well.example"), 5.0)
    assert address.endpoint[0] == "127.0.0.1"
    ends = await asyncio.gather(*hanging, return_exceptions=True)
    assert {type(end) for end in ends} == {ResolveFailed}
    resolver.close()


async def test_a_name_is_asked_for_anew(asked: list[str]) -> None:
    """An answer is shared by those who wait for it, and by nobody after them: addresses change."""
    resolver = Resolver()
    for _ in range(2):
        await resolver.resolve(server("well.example"), 5.0)
    assert asked == ["well.example"] * 2
    resolver.close()


def test_a_look_up_that_hangs_does_not_hold_the_process() -> None:
    """The process ends although a thread of it waits for a name server for ever."""
    ended = subprocess.run([sys.executable, "-c", ASK_AND_END], capture_output=True, text=True, timeout=20, check=True)
    assert ended.stdout == "ended\n"
