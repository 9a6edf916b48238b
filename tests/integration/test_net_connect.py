"""From addresses to a connection: IPv4 and IPv6 raced, dead addresses left behind, pins obeyed."""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from tests.support.scripted_peer import network

from mailsonar.clock import SystemClock
from mailsonar.dialogue.submit import leave
from mailsonar.model.fault import ConnectFailed, ResolveFailed, StageTimeout
from mailsonar.model.server import IpVersion, Protocol, Security, Server, Timeouts
from mailsonar.model.stage import Leg, Stage
from mailsonar.net.connect import connect
from mailsonar.net.converse import Session
from mailsonar.net.resolve import Address, Resolver, literal
from mailsonar.net.stopwatch import Stopwatch

V4, V6 = "127.0.0.1", "::1"


def address(host: str, port: int) -> Address:
    """Return an address of loopback."""
    if ":" in host:
        return Address(socket.AF_INET6, (host, port, 0, 0))
    return Address(socket.AF_INET, (host, port))


def listener(host: str, port: int = 0, backlog: int = 8) -> socket.socket:
    """Return a socket that listens and whose queue nobody empties."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=backlog)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Close all sockets at the end."""
    with ExitStack() as sockets:
        yield sockets


def black_hole(stack: ExitStack, host: str) -> int:
    """Return a port whose queue is full, so that the kernel drops what comes."""
    full = stack.enter_context(listener(host, backlog=0))
    port = int(full.getsockname()[1])
    for _ in range(2):
        queued = stack.enter_context(socket.socket(full.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
        queued.connect_ex(full.getsockname()[:2])
    return port


def dead_port(stack: ExitStack, host: str) -> int:
    """Return a port where nobody listens."""
    bound = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
    bound.bind((host, 0))
    return int(bound.getsockname()[1])


async def peer_of(addresses: list[Address]) -> tuple[str, float]:
    """Return whom a race was won by, and after how many seconds."""
    clock = SystemClock()
    started = clock.monotonic()
    with (await connect(addresses)).socket as winner:
        return str(winner.getpeername()[0]), clock.monotonic() - started


@pytest.mark.parametrize("first", [V4, V6])
async def test_the_preferred_address_wins(stack: ExitStack, first: str) -> None:
    """Where both families answer, the first address is taken, and no other is even tried."""
    second = V6 if first == V4 else V4
    ours, other = stack.enter_context(listener(first)), stack.enter_context(listener(second))
    host, _ = await peer_of([address(first, ours.getsockname()[1]), address(second, other.getsockname()[1])])
    assert host == first
    other.setblocking(False)
    with pytest.raises(BlockingIOError):
        other.accept()


@pytest.mark.parametrize("first", [V4, V6])
async def test_a_refused_address_costs_nothing(stack: ExitStack, first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only one family listens, the other one's refusal starts the next attempt at once."""
    monkeypatch.setattr("mailsonar.net.connect.ATTEMPT_DELAY_SECONDS", 60.0)
    second = V6 if first == V4 else V4
    port = stack.enter_context(listener(second)).getsockname()[1]
    host, seconds = await peer_of([address(first, dead_port(stack, first)), address(second, port)])
    assert (host, seconds < 10) == (second, True)


@pytest.mark.parametrize("first", [V4, V6])
async def test_a_black_hole_costs_a_quarter_of_a_second(stack: ExitStack, first: str) -> None:
    """An address that never answers holds the next one back for 250 ms, and is left behind."""
    second = V6 if first == V4 else V4
    port = stack.enter_context(listener(second)).getsockname()[1]
    host, seconds = await peer_of([address(first, black_hole(stack, first)), address(second, port)])
    assert host == second
    assert 0.2 < seconds < 10


async def test_the_error_tells_of_every_address(stack: ExitStack) -> None:
    """Where all fail, the refusal, which tells most about the server, is the error, and both are in the detail."""
    unreachable = address("255.255.255.255", 25)
    with pytest.raises(ConnectFailed) as caught:
        await connect([unreachable, address(V4, dead_port(stack, V4))])
    assert caught.value.errno == errno.ECONNREFUSED
    assert caught.value.stage is Stage.CONNECT
    assert "127.0.0.1: connection refused" in caught.value.detail
    assert "255.255.255.255: network is unreachable" in caught.value.detail


async def test_a_cancelled_race_leaves_nothing(stack: ExitStack) -> None:
    """A race that is called off closes its sockets and ends its tasks."""
    before = asyncio.all_tasks()
    race = asyncio.ensure_future(connect([address(V4, black_hole(stack, V4)), address(V6, black_hole(stack, V6))]))
    called_off = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.3, called_off.set_result, None)
    await called_off
    race.cancel()
    with pytest.raises(asyncio.CancelledError):
        await race
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("turns", range(1, 7))
async def test_a_race_that_is_cancelled_twice_leaves_nothing(stack: ExitStack, turns: int) -> None:
    """A deadline and its caller may cancel it one after the other, just as the connection is there: it is closed."""
    port = stack.enter_context(listener(V4)).getsockname()[1]
    race = asyncio.ensure_future(connect([address(V4, port)]))
    for _ in range(turns):
        await asyncio.sleep(0)
    for _ in range(2):
        race.cancel()
        await asyncio.sleep(0)
    with suppress(asyncio.CancelledError):
        (await race).socket.close()
    del race
    gc.collect()  # a socket that is still open warns here, and warnings are errors


def server(host: str, port: int, ip_version: IpVersion = IpVersion.ANY) -> Server:
    """Return a server that is reached in the clear."""
    return Server(
        protocol=Protocol.SMTP, host=host, port=port, security=Security.PLAINTEXT, ip_version=ip_version,
        timeouts=Timeouts(connect=0.2),
    )  # fmt: skip


async def test_a_black_hole_is_a_timeout_of_connect(stack: ExitStack) -> None:
    """Where no address answers, the connect deadline holds over all of them."""
    stopwatch = Stopwatch(Leg.SUBMISSION, SystemClock())
    with network() as net, pytest.raises(StageTimeout) as caught:
        await Session(net, server(V4, black_hole(stack, V4)), stopwatch).hold(lambda _: leave())
    assert caught.value.stage is Stage.CONNECT
    assert stopwatch.failed is Stage.CONNECT
    assert 0.19 < sum(timing.seconds for timing in stopwatch.timings()) < 10


@pytest.mark.parametrize(
    ("host", "pin", "family"),
    [
        (V4, IpVersion.ANY, socket.AF_INET), (V4, IpVersion.V4, socket.AF_INET), (V6, IpVersion.ANY, socket.AF_INET6),
        (V6, IpVersion.V6, socket.AF_INET6), ("::ffff:127.0.0.1", IpVersion.V6, socket.AF_INET6),
    ],
)  # fmt: skip
def test_a_literal_needs_no_resolver(host: str, pin: IpVersion, family: int) -> None:
    """An address that the host spells out is taken as it is."""
    found = literal(server(host, 25, pin))
    assert found is not None
    assert (found.family, found.endpoint[:2]) == (family, (host, 25))


@pytest.mark.parametrize("host", ["mx.example", "127.0.0.1.example", "localhost", "1.2.3"])
def test_a_name_is_no_literal(host: str) -> None:
    """Whatever is no whole address goes to the resolver."""
    assert literal(server(host, 25)) is None


@pytest.mark.parametrize(("host", "pin"), [(V4, IpVersion.V6), (V6, IpVersion.V4)])
async def test_a_pin_holds_for_literals(host: str, pin: IpVersion) -> None:
    """An address of the family that is ruled out is not connected to."""
    stopwatch = Stopwatch(Leg.SUBMISSION, SystemClock())
    with network() as net, pytest.raises(ResolveFailed, match=f"no IPv{pin} address") as caught:
        await Session(net, server(host, 25, pin), stopwatch).hold(lambda _: leave())
    assert caught.value.stage is Stage.RESOLVE


async def test_a_pin_holds_for_names() -> None:
    """Only addresses of the pinned family come from the resolver."""
    resolver = Resolver()
    try:
        found = await resolver.resolve(server("localhost", 25, IpVersion.V4), 5.0)
        with pytest.raises(ResolveFailed):
            await resolver.resolve(server(V4, 25, IpVersion.V6), 5.0)
    finally:
        resolver.close()
    assert {item.family for item in found} == {socket.AF_INET}
    assert (V4, 25) in [item.endpoint for item in found]


async def test_a_resolver_without_time_gives_up() -> None:
    """A look-up that cannot be waited for is a fault of resolving, which names the time."""
    resolver = Resolver()
    try:
        with pytest.raises(ResolveFailed, match="no answer from the name servers"):
            await resolver.resolve(server("mx.example", 25), -1.0)
    finally:
        resolver.close()
