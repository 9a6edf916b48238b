"""What a connection may cost, seen from the other end of a real socket."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest
from aiohttp import web

from mailsonar.web import guard, listen
from mailsonar.web.listen import MAX_CONNECTIONS, ListenFailed, parse_address, serve

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = b"x" * 16_000_000


async def small(_):
    """Answer with a few bytes."""
    return web.Response(text="hello")


async def huge(_):
    """Answer with more than the buffers of a connection hold."""
    return web.Response(body=BODY)


@pytest.fixture
def served():
    """Give the event that an answer is over."""
    return asyncio.Event()


@pytest.fixture
async def listener(served):
    """Give a server with a small and a huge page, bounded as the real one."""

    @web.middleware
    async def tell(request, handler):
        response = await handler(request)
        served.set()
        return response

    app = web.Application(middlewares=(tell, *guard.MIDDLEWARES))
    app.add_routes([web.get("/", small), web.get("/huge", huge)])
    listener = await serve(app, "127.0.0.1:0")
    yield listener
    await listener.close()


@pytest.fixture
async def connect(listener):
    """Give what opens connections; they are closed at the end."""
    writers = []

    async def connect():
        reader, writer = await asyncio.open_connection(*listener.addresses[0])
        writers.append(writer)
        return reader, writer

    yield connect
    for writer in writers:
        writer.transport.abort()


async def answer_of(reader):
    """Return the status line and the body of one answer."""
    header = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(header.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
    return header.split(b"\r\n")[0]


async def closed(reader):
    """Wait for the end of a connection, and return what came before it."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def test_requests_in_pieces_and_in_a_row(connect):
    """A connection serves several requests, however they are cut; the blank line may be split anywhere."""
    reader, writer = await connect()
    for cut in range(1, len(REQUEST)):
        writer.write(REQUEST[:cut])
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(REQUEST[cut:] + REQUEST)
        assert await answer_of(reader) == await answer_of(reader) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    "header",
    [
        b"X: " + b"y" * 20_000,
        b"".join(b"X-%d: %s\r\n" % (number, b"y" * 1000) for number in range(17)),
    ],
)
async def test_header_beyond_its_bound(connect, header):
    """A header section over 16 KiB is refused, be it one line or many, without waiting for its end."""
    reader, writer = await connect()
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" + header)
    assert (await closed(reader)).startswith(b"HTTP/1.1 431 ")


async def test_large_body_is_not_read(connect):
    """A body that no request of ours needs ends the connection."""
    reader, writer = await connect()
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n" + b"y" * 20_000)
    assert b" 431 " in await closed(reader)


@pytest.mark.parametrize("cut", [-3, -2, -1])
async def test_small_requests_never_add_up(connect, cut):
    """The bound is for one request, wherever its blank line is split: a connection may live long."""
    reader, writer = await connect()
    padded = REQUEST.replace(b"\r\n\r\n", b"\r\nX: " + b"y" * 8000 + b"\r\n\r\n")
    for _ in range(5):
        writer.write(padded[:cut])
        for _ in range(5):
            await asyncio.sleep(0)
        writer.write(padded[cut:])
        assert await answer_of(reader) == b"HTTP/1.1 200 OK"


async def test_finished_requests_are_not_cut_off(monkeypatch, connect):
    """The time of a request ends with it: a connection outlives the time that each of its requests has."""
    monkeypatch.setattr(listen, "REQUEST_SECONDS", 0.3)
    reader, writer = await connect()
    loop = asyncio.get_running_loop()
    end = loop.time() + 0.5
    while loop.time() < end:
        for piece in (REQUEST[:5], REQUEST[5:10], REQUEST[10:]):
            writer.write(piece)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert await answer_of(reader) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("beginning", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nX: y\r\n", REQUEST + b"GET"])
async def test_unfinished_request_is_cut_off(monkeypatch, connect, beginning):
    """A client that does not finish its request in time is dropped, also after good ones."""
    monkeypatch.setattr(listen, "REQUEST_SECONDS", 0.05)
    reader, writer = await connect()
    writer.write(beginning)
    async with asyncio.timeout(5):
        await closed(reader)


async def test_drip_does_not_extend_the_time(monkeypatch, connect):
    """The time of a request is counted from its first byte, however many follow one by one."""
    monkeypatch.setattr(listen, "REQUEST_SECONDS", 0.05)
    reader, writer = await connect()
    end = asyncio.ensure_future(closed(reader))
    async with asyncio.timeout(5):
        while not end.done():
            writer.write(b"x")
            await asyncio.wait([end], timeout=0.01)


async def test_client_that_does_not_read_is_dropped(monkeypatch, served, connect):
    """An answer that nobody takes does not hold its place for good."""
    monkeypatch.setattr(guard, "ANSWER_SECONDS", 0.05)
    reader, writer = await connect()
    writer.transport.pause_reading()
    writer.write(REQUEST.replace(b"/ ", b"/huge ", 1))
    async with asyncio.timeout(5):
        await served.wait()
    writer.transport.resume_reading()
    assert len(await closed(reader)) < len(BODY)


MALFORMED = [
    b"nonsense\r\n\r\n",
    b"\x00" * 100 + b"\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\nHost: x\n\n",
    b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://[x/ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic c2Vj\x00cmV0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
]


@pytest.mark.parametrize("request_bytes", MALFORMED)
async def test_malformed_requests(connect, caplog, request_bytes):
    """They end the connection; a client can neither fill the log nor put its text, a password even, there."""
    reader, writer = await connect()
    writer.write(request_bytes)
    assert b" 400 Bad Request" in await closed(reader)
    assert [record for record in caplog.records if record.name != "asyncio"] == []


async def test_a_body_that_is_not_what_it_says(connect, caplog):
    """A body that nobody reads, and nobody could, is no bug of ours."""
    reader, writer = await connect()
    header = b"GET / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n"
    writer.write(header + b"abc")
    assert await answer_of(reader) == b"HTTP/1.1 200 OK"
    await closed(reader)
    assert [record for record in caplog.records if record.name != "asyncio"] == []


@pytest.mark.parametrize(
    "target",
    [
        b"GET / HTTP/1.1\r\nHost: <script>",
        b"GET / HTTP/1.1\r\nHost: x:99999999",
        b"GET / HTTP/1.1\r\nHost: ",
        b"GET http://elsewhere.example/ HTTP/1.1\r\nHost: x",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade",
    ],
)
async def test_the_host_does_not_matter(connect, target):
    """No answer is made of the name that a client calls us by, nor is its request passed on to anybody."""
    reader, writer = await connect()
    writer.write(target + b"\r\n\r\n")
    assert await answer_of(reader) == b"HTTP/1.1 200 OK"


async def test_a_flood_of_requests_in_a_row(monkeypatch, connect):
    """Who sends requests but takes no answers is held back, then dropped; others are served meanwhile."""
    monkeypatch.setattr(guard, "ANSWER_SECONDS", 0.3)
    _, writer = await connect()
    writer.transport.pause_reading()
    writer.write(REQUEST.replace(b"/ ", b"/huge ", 1) + REQUEST * 1_000_000)
    for _ in range(20):
        other_reader, other_writer = await connect()
        other_writer.write(REQUEST)
        assert await answer_of(other_reader) == b"HTTP/1.1 200 OK"
    assert writer.transport.get_write_buffer_size() > 1_000_000
    async with asyncio.timeout(5):
        with pytest.raises(ConnectionError):
            await writer.wait_closed()


async def test_ten_thousand_connections(listener, connect):
    """A storm of connections finds a hundred places, and is over for all others at once; who came first is served."""
    first = [await connect() for _ in range(MAX_CONNECTIONS)]

    def storm():
        answers = b""
        for _ in range(10_000):
            with socket.create_connection(listener.addresses[0], timeout=5) as peer, suppress(ConnectionResetError):
                answers += peer.recv(1)
        return answers

    assert await asyncio.to_thread(storm) == b""
    for reader, writer in first:
        writer.write(REQUEST)
        assert await answer_of(reader) == b"HTTP/1.1 200 OK"


async def test_excess_connections_are_closed_at_once(connect):
    """The hundred and first connection is closed, and a freed place can be taken again."""
    connections = [await connect() for _ in range(MAX_CONNECTIONS)]
    for _, writer in connections:
        writer.write(REQUEST)
    for reader, _ in connections:
        assert await answer_of(reader) == b"HTTP/1.1 200 OK"
    for _ in range(20):
        reader, _ = await connect()
        assert await closed(reader) == b""
    connections[0][1].transport.abort()
    async with asyncio.timeout(5):
        status = b""
        while not status:
            reader, writer = await connect()
            writer.write(REQUEST)
            try:
                status = await answer_of(reader)
            except (ConnectionResetError, asyncio.IncompleteReadError):
                continue
    assert status == b"HTTP/1.1 200 OK"


async def test_port_in_use(listener):
    """A taken port is one clear line, not a traceback."""
    host, port = listener.addresses[0]
    with pytest.raises(ListenFailed, match=rf"^cannot listen on {host}:{port}: .*in use[^\n]*$"):
        await serve(web.Application(), f"{host}:{port}")


@pytest.mark.parametrize(
    ("address", "parsed"),
    [
        (":9525", (None, 9525)),
        ("127.0.0.1:9525", ("127.0.0.1", 9525)),
        ("[::1]:9525", ("::1", 9525)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_addresses(address, parsed):
    """`HOST:PORT`, `[IPV6]:PORT` and `:PORT` are understood."""
    assert parse_address(address) == parsed


@pytest.mark.parametrize("address", ["", "9525", "::1:9525", "localhost", "localhost:http", "h:65536", "h:-1", ":²"])
async def test_bad_addresses(address):
    """What is no address is refused with the address in the message."""
    with pytest.raises(ListenFailed, match=r"not HOST:PORT, \[IPV6\]:PORT or :PORT"):
        await serve(web.Application(), address)


async def test_all_addresses():
    """`:PORT` listens on IPv4 and on IPv6."""
    listener = await serve(web.Application(), ":0")
    assert {host for host, _ in listener.addresses} == {"0.0.0.0", "::"}  # noqa: S104 - what the test is about
    await listener.close()
