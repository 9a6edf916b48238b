"""TLS on the agent's own port, seen from the other end: handshakes, client certificates, and what they may cost."""

from __future__ import annotations

import asyncio
import gc
import ssl
from dataclasses import replace

import pytest
import trustme
from aiohttp import web

from mailsonar.config.web import ServerTls, WebConfig
from mailsonar.web import listen
from mailsonar.web.entrance import Entrance
from mailsonar.web.listen import MAX_CONNECTIONS, serve

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CLIENT_NAME = "prometheus.acme.example"


class Pki:
    """An authority, and the files that it signed."""

    def __init__(self, folder):
        self._folder = folder
        self._authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(self.ca_file)

    def pair(self, name, *names):
        """Return the paths of a certificate and its key."""
        issued = self._authority.issue_cert(*names)
        files = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        issued.cert_chain_pems[0].write_to_path(files[0])
        issued.private_key_pem.write_to_path(files[1])
        return files


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """Give an authority."""
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def tls(pki):
    """Give what the server is told: a certificate, and no more."""
    certificate, key = pki.pair("server", "127.0.0.1")
    return ServerTls(cert_file=certificate, key_file=key)


@pytest.fixture(scope="module")
def client_tls(pki, tls):
    """Give what a server is told that wants certificates of its clients."""
    return replace(tls, client_auth_type="RequireAndVerifyClientCert", client_ca_file=pki.ca_file)


class Door:
    """A server, and the entrance that new connections meet."""

    def __init__(self, pki, tls):
        self._pki = pki
        self._writers = []
        self.entrance = Entrance.by(WebConfig(tls=tls))

    async def __aenter__(self):
        async def hello(request):
            return web.Response(text=request.scheme)

        app = web.Application()
        app.add_routes([web.get("/", hello)])
        self.listener = await serve(app, "127.0.0.1:0", lambda: self.entrance)
        return self

    async def __aexit__(self, *_):
        for writer in self._writers:
            writer.transport.abort()
        await self.listener.close()

    def context(self, pair=None):
        """Return what a client trusts, and shows if asked."""
        context = ssl.create_default_context(cafile=self._pki.ca_file)
        if pair:
            context.load_cert_chain(*pair)
        return context

    async def connect(self, context=None):
        """Open a connection; without a context, one that speaks no TLS yet."""
        reader, writer = await asyncio.open_connection(*self.listener.addresses[0], ssl=context)
        self._writers.append(writer)
        return reader, writer

    async def ask(self, pair=None):
        """Return what a request over a new connection is answered with, b"" where the server hangs up."""
        try:
            reader, writer = await self.connect(self.context(pair))
            writer.write(REQUEST)
            return await answer_of(reader)
        except (OSError, asyncio.IncompleteReadError):
            return b""

    async def until_taken(self, places):
        """Wait until connections hold so many places."""
        async with asyncio.timeout(5):
            while len(self.listener.open_gates) != places:  # noqa: ASYNC110 - the product has no event for it
                await asyncio.sleep(0)


@pytest.fixture
async def door(pki, tls):
    """Give a server that speaks TLS."""
    async with Door(pki, tls) as door:
        yield door


async def answer_of(reader):
    """Return the status line of an answer and its body."""
    header = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(int(header.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
    return header.split(b"\r\n")[0] + b" " + body


async def end_of(reader):
    """Wait for the end of a connection, and return what came before it."""
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    except OSError:
        return b""


async def test_requests_over_tls(door):
    """A connection serves several requests, and knows that it is secure, which the Origin is compared with."""
    reader, writer = await door.connect(door.context())
    for _ in range(3):
        writer.write(REQUEST[:9])
        await writer.drain()
        writer.write(REQUEST[9:])
        assert await answer_of(reader) == b"HTTP/1.1 200 OK https"
    assert writer.get_extra_info("cipher")[1] == "TLSv1.3"


async def test_a_request_that_comes_with_the_end_of_the_handshake(door):
    """Clients need not wait for anything: what follows their last flight at once is a request like any other."""
    outgoing, incoming = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = door.context().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    reader, writer = await door.connect()
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    writer.write(outgoing.read())
    while True:
        incoming.write(await reader.read(65536))
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            continue
        break
    client.write(REQUEST)
    writer.write(outgoing.read())
    answer = b""
    while not answer.endswith(b"https"):
        incoming.write(await reader.read(65536))
        try:
            answer += client.read()
        except ssl.SSLWantReadError:
            continue
    assert answer.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("beginning", [b"", b"\x16\x03\x01", REQUEST, b"SSH-2.0-x\r\n", b"\x00" * 100])
async def test_a_client_that_does_not_speak_tls(monkeypatch, door, beginning):
    """Silence, a hello cut short and plain HTTP are cut off in time, in silence, and leave no place taken."""
    monkeypatch.setattr(listen, "REQUEST_SECONDS", 0.1)
    reader, writer = await door.connect()
    writer.write(beginning)
    assert b"HTTP" not in await end_of(reader)
    await door.until_taken(0)
    assert await door.ask() == b"HTTP/1.1 200 OK https"


async def test_the_handshake_is_part_of_the_requests_time(monkeypatch, door):
    """A client that finishes the handshake and then asks nothing is cut off like one without TLS."""
    monkeypatch.setattr(listen, "REQUEST_SECONDS", 0.3)
    reader, writer = await door.connect(door.context())
    writer.write(REQUEST[:9])
    assert await end_of(reader) == b""
    await door.until_taken(0)


async def test_silent_handshakes_count(door):
    """A hundred clients that never speak hold all places, no more; each place is free once its client is gone."""
    silent = [await door.connect() for _ in range(MAX_CONNECTIONS)]
    await door.until_taken(MAX_CONNECTIONS)
    for _ in range(20):
        reader, _ = await door.connect()
        assert await end_of(reader) == b""
    for _, writer in silent:
        writer.transport.abort()
    await door.until_taken(0)
    assert await door.ask() == b"HTTP/1.1 200 OK https"


async def test_the_header_has_its_bound_over_tls(door):
    """A header section over 16 KiB is refused within TLS as without."""
    reader, writer = await door.connect(door.context())
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000)
    assert (await end_of(reader)).startswith(b"HTTP/1.1 431 ")


async def test_the_end_does_not_wait_for_handshakes(pki, tls):
    """Who is still shaking hands when the agent ends is left alone, and nothing of it stays."""
    async with Door(pki, tls) as door:
        reader, _ = await door.connect()
        await door.until_taken(1)
        await door.listener.close()
        assert await end_of(reader) == b""
        await door.until_taken(0)
    gc.collect()  # what was not closed would warn now


async def test_a_new_certificate_is_for_new_connections(pki, tls, door):
    """A certificate is exchanged without a restart, and without a connection that is cut."""
    old_reader, old_writer = await door.connect(door.context())
    certificate, key = pki.pair("renewed", "127.0.0.1")
    door.entrance = Entrance.by(WebConfig(tls=replace(tls, cert_file=certificate, key_file=key)))
    _, new_writer = await door.connect(door.context())
    shown = [writer.get_extra_info("peercert")["serialNumber"] for writer in (old_writer, new_writer)]
    assert shown[0] != shown[1]
    old_writer.write(REQUEST)
    assert await answer_of(old_reader) == b"HTTP/1.1 200 OK https"


@pytest.mark.parametrize(
    ("changes", "client", "cipher"),
    [
        ({"min_version": "TLS13"}, {"maximum_version": ssl.TLSVersion.TLSv1_2}, None),
        ({"max_version": "TLS12"}, {"minimum_version": ssl.TLSVersion.TLSv1_3}, None),
        ({"max_version": "TLS12"}, {}, "TLSv1.2"),
        (
            {"cipher_suites": ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256")},
            {"maximum_version": ssl.TLSVersion.TLSv1_2},
            "ECDHE-ECDSA-CHACHA20-POLY1305",
        ),
        (
            {"cipher_suites": ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",)},
            {"maximum_version": ssl.TLSVersion.TLSv1_2},
            None,
        ),
    ],
)
async def test_versions_and_suites(pki, tls, changes, client, cipher):
    """What the config does not allow fails the handshake."""
    async with Door(pki, replace(tls, **changes)) as door:
        context = door.context()
        for name, value in client.items():
            setattr(context, name, value)
        if cipher is None:
            with pytest.raises(ConnectionResetError):
                await door.connect(context)
        else:
            _, writer = await door.connect(context)
            assert cipher in writer.get_extra_info("cipher")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_old_tls_is_not_spoken(door, version):
    """TLS 1.0 and 1.1 are history (RFC 8996)."""
    context = door.context()
    with pytest.warns(DeprecationWarning, match="is deprecated"):
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.raises(ConnectionResetError):
        await door.connect(context)


async def test_client_certificates(pki, client_tls, tmp_path):
    """Where a client certificate is required, one of our authority's opens, and neither none nor a stranger's."""
    async with Door(pki, client_tls) as door:
        assert await door.ask(pki.pair("client", CLIENT_NAME)) == b"HTTP/1.1 200 OK https"
        assert await door.ask() == b""
        assert await door.ask(Pki(tmp_path).pair("stranger", CLIENT_NAME)) == b""


async def test_client_certificates_if_given(pki, client_tls, tmp_path):
    """Where one may be given, none will do; a stranger's will not."""
    async with Door(pki, replace(client_tls, client_auth_type="VerifyClientCertIfGiven")) as door:
        assert await door.ask() == b"HTTP/1.1 200 OK https"
        assert await door.ask(Pki(tmp_path).pair("stranger", CLIENT_NAME)) == b""


@pytest.mark.parametrize(
    ("names", "allowed", "opens"),
    [
        ((CLIENT_NAME,), (CLIENT_NAME,), True),
        (("other.acme.example", CLIENT_NAME), ("x", CLIENT_NAME), True),
        (("other.acme.example",), (CLIENT_NAME,), False),
        (("*.acme.example",), (CLIENT_NAME,), False),
        (("::1",), ("0:0::1",), True),
        (("probe@acme.example",), ("probe@acme.example",), True),
    ],
)
async def test_client_names(pki, client_tls, names, allowed, opens):
    """With a list of names, a certificate must carry one of them exactly; a wildcard names nobody."""
    async with Door(pki, replace(client_tls, client_allowed_sans=allowed)) as door:
        answered = await door.ask(pki.pair("named", *names))
        assert answered == (b"HTTP/1.1 200 OK https" if opens else b"")
        await door.until_taken(int(opens))
