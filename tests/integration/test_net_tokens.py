"""Access tokens from a token endpoint on loopback: shared, renewed, asked for with patience, and every bad answer."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote_plus

import pytest
import trustme
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.support.ports import PortReservation
from tests.support.scripted_peer import Peer, scripted_peer
from tests.support.token_endpoint import Answer, TokenEndpoint, page, refusal, token_endpoint

from mailsonar.clock import SystemClock
from mailsonar.model.fault import TokenUnavailable
from mailsonar.model.oauth2 import (
    ClientCertificate,
    ClientCredentials,
    ClientSecret,
    OAuth2,
    RefreshToken,
    TokenNews,
    TokenResult,
)
from mailsonar.model.server import Secret
from mailsonar.net import token_endpoint as asking
from mailsonar.net.resolve import Resolver
from mailsonar.net.tokens import FIRST_PAUSE_SECONDS, TokenSource

CANARY = "c4nary+s3cret/of a client"


class ShiftedClock(SystemClock):
    """The system's clock, put forward by a test."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        """Return the shifted instant."""
        return super().monotonic() + self.ahead


@dataclass(slots=True)
class Client:
    """A source of tokens, and all that it told; `secret` may be changed."""

    source: TokenSource
    clock: ShiftedClock
    endpoint_url: str
    secret: str = CANARY
    news: list[TokenNews] = field(default_factory=list)

    def oauth2(self, client_id: str = "probe", ca_file: str | None = None) -> OAuth2:
        """Return a client of the endpoint."""
        proof = ClientSecret(secret=Secret("test", lambda: self.secret))
        grant = ClientCredentials(client_id=client_id, proof=proof)
        return OAuth2(token_endpoint=self.endpoint_url, grant=grant, scope="mail", ca_file=ca_file)

    async def get(self, username: str = "probe@acme.example", instead_of: str | None = None) -> str:
        """Return a token."""
        return await self.source.get(self.oauth2(), username, instead_of)

    async def failure(self) -> str:
        """Return why there is no token."""
        with pytest.raises(TokenUnavailable) as raised:
            await self.get()
        return raised.value.detail

    async def settled(self) -> None:
        """Wait until nobody is asked any more."""
        others = [task for task in asyncio.all_tasks() if task.get_name() == "token"]
        await asyncio.gather(*others)

    @property
    def results(self) -> list[TokenResult]:
        """Return what came of asking."""
        return [one.result for one in self.news if one.result]


@contextmanager
def source_for(url: str) -> Iterator[Client]:
    """Give a source of tokens, and end it."""
    clock, resolver, news = ShiftedClock(), Resolver(), []
    source = TokenSource(clock, resolver, lambda: 0.5, news.append)
    try:
        yield Client(source, clock, url, news=news)
    finally:
        source.close()
        resolver.close()


@pytest.fixture
async def endpoint() -> AsyncIterator[TokenEndpoint]:
    """Serve a token endpoint."""
    async with token_endpoint() as served:
        yield served


@pytest.fixture
def client(endpoint: TokenEndpoint) -> Iterator[Client]:
    """Give a source of tokens from that endpoint."""
    with source_for(endpoint.token_url) as made:
        yield made


def granted(**fields: object) -> Answer:
    """Return an answer with a token in it."""
    return lambda: web.json_response({"access_token": "t0ken", "token_type": "Bearer", "expires_in": 3600, **fields})


BAD = {
    "400 with an error": (refusal("invalid_client", "AADSTS7000215: wrong"), "invalid_client: AADSTS7000215: wrong"),
    "401 with an error": (refusal("invalid_grant", status=401), "invalid_grant"),
    "an error with 200": (refusal("unauthorized_client", status=200), "unauthorized_client"),
    "an error that is busy": (refusal("temporarily_unavailable", status=503), "temporarily_unavailable"),
    "HTML": (page("<html>Sign in</html>"), "HTTP 200: the answer is no JSON object (text/html)"),
    "HTML with 502": (page("<html>", 502), "HTTP 502: the answer is no JSON object (text/html)"),
    "nothing": (page("", 500, "text/plain"), "HTTP 500: the answer is no JSON object (text/plain)"),
    "10 MB": (page(b"x" * 10_000_000), "HTTP 200: an answer of more than 65536 bytes"),
    "deep JSON": (page("[" * 60_000), "HTTP 200: the answer is no JSON object (text/html)"),
    "a list": (page("[1]", content_type="application/json"), "the answer is no JSON object (application/json)"),
    "no token": (page("{}", content_type="application/json"), "HTTP 200: the answer has neither a token nor an error"),
    "an error that is no text": (page('{"error":{}}', 400), "HTTP 400: the answer has neither a token nor an error"),
    "a redirect": (page("", 302, Location="http://127.0.0.1:1/"), "HTTP 302: the answer is no JSON object (text/html)"),
    "not UTF-8": (page(b'{"access_token":"\xff"}'), "HTTP 200: the answer is no JSON object (text/html)"),
    "a token of 16 KiB": (
        granted(access_token="t" * 16384),
        "an access token of 16384 bytes: mail servers take no more",
    ),
    "a token with a line break": (granted(access_token="t\r\nRSET"), "no text of printable ASCII characters"),
    "an empty token": (granted(access_token=""), "no text of printable ASCII characters"),
    "a token that is a number": (granted(access_token=1), "no text of printable ASCII characters"),
    "another type": (granted(token_type="mac"), "the token's type is not Bearer"),
    "over at once": (granted(expires_in=0), "expires_in makes no sense, or is over"),
    "a life below zero": (granted(expires_in=-3600), "expires_in makes no sense, or is over"),
    "a life that is a word": (granted(expires_in="soon"), "expires_in makes no sense, or is over"),
    "a life that is no number": (granted(expires_in="nan"), "expires_in makes no sense, or is over"),
    "a life that is true": (granted(expires_in=True), "expires_in makes no sense, or is over"),
}


@pytest.mark.parametrize(("answer", "detail"), BAD.values(), ids=BAD.keys())
async def test_a_bad_answer_is_named(client: Client, endpoint: TokenEndpoint, answer: Answer, detail: str) -> None:
    """Whatever the endpoint says, it is told in a line, and asked again after a pause only; then all is well."""
    endpoint.answers.append(answer)
    told = await client.failure()
    assert detail in told
    assert told.endswith(f"asked again in {FIRST_PAUSE_SECONDS:.0f} s")
    assert await client.failure() == told
    assert len(endpoint.asked) == 1
    client.clock.ahead += FIRST_PAUSE_SECONDS + 0.1
    assert await client.get() in endpoint.issued
    assert client.results[1:] == [TokenResult.OK]


async def test_a_no_is_told_apart_from_an_outage(client: Client, endpoint: TokenEndpoint) -> None:
    """What the endpoint refuses is the operator's to mend; what it fails at is its own."""
    endpoint.answers += [refusal("invalid_client"), refusal("invalid_client", status=500), page("<html>")]
    for _ in range(3):
        await client.failure()
        client.clock.ahead += 1000
    assert client.results == [TokenResult.REFUSED, TokenResult.FAILED, TokenResult.FAILED]


@pytest.mark.parametrize("told", [{"expires_in": None}, {}], ids=["null", "missing"])
async def test_a_token_without_an_end_is_used_for_a_while(
    client: Client, endpoint: TokenEndpoint, told: dict[str, None]
) -> None:
    """RFC 6749 lets an endpoint keep the token's life to itself: five minutes are assumed, and no end is shown."""
    words = {"access_token": "t0ken", **told}
    endpoint.instead = lambda: web.json_response(words)
    assert await client.get() == "t0ken"
    assert {one.expires_wall for one in client.news} == {None}
    client.clock.ahead += 301
    await client.get()
    assert len(endpoint.asked) == 2


async def test_a_life_that_is_text_counts(client: Client, endpoint: TokenEndpoint) -> None:
    """Some endpoints put the number into quotes."""
    endpoint.answers.append(granted(expires_in="3599"))
    assert await client.get() == "t0ken"
    assert client.news[-1].expires_wall == pytest.approx(SystemClock().wall() + 3599, abs=5)


async def test_an_endpoint_that_is_down(client: Client) -> None:
    """A refused connection is told as such."""
    with PortReservation() as reservation:
        client.endpoint_url = f"http://127.0.0.1:{reservation.reserve()}/token"
        found = await client.failure()
    assert "127.0.0.1: no connection: " in found


async def test_an_endpoint_without_a_name(client: Client) -> None:
    """A name without an address is told as such, by our own resolver."""
    client.endpoint_url = "https://login.invalid/token"
    assert (await client.failure()).startswith("login.invalid: ")


async def test_an_endpoint_that_hangs(client: Client, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for longer than the answer may take."""
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.1)
    endpoint.gate.clear()
    assert "127.0.0.1: no answer within 0.1 s" in await client.failure()
    endpoint.gate.set()


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (b"", "the connection was lost"),
        (b"220 mx.example ESMTP\r\n", "the answer is no HTTP that makes sense"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "the answer is no HTTP that makes sense"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", "the answer is no HTTP that makes sense"),
    ],
    ids=["closed", "SMTP", "cut short", "a huge header"],
)
async def test_what_is_no_http(client: Client, said: bytes, detail: str) -> None:
    """A peer that speaks something else, or breaks off, is a failure like any other."""

    async def play(peer: Peer) -> None:
        await peer.hear_line()
        peer.say(said)

    async with scripted_peer(play) as port:
        client.endpoint_url = f"http://127.0.0.1:{port}/token"
        assert detail in await client.failure()


async def test_the_endpoints_certificate_is_verified(tmp_path: Path) -> None:
    """A stranger's certificate gets no secret; the authority of `ca_file` is trusted in place of the system's."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with token_endpoint(context=context) as endpoint:
        with source_for(endpoint.token_url) as client:
            assert "its certificate does not verify: unable to get local issuer certificate" in await client.failure()
            assert endpoint.asked == []
            trusting = client.oauth2(ca_file=str(tmp_path / "ca.pem"))
            assert await client.source.get(trusting, "probe@acme.example") in endpoint.issued


async def test_a_client_that_signs(client: Client, endpoint: TokenEndpoint) -> None:
    """The endpoint checks the assertion by itself: the registered key gets a token, another one does not."""
    pairs = [trustme.CA().issue_cert("probe.example", key_type=trustme.KeyType.RSA) for _ in range(2)]
    pems = [(pair.cert_chain_pems[0].bytes().decode(), pair.private_key_pem.bytes().decode()) for pair in pairs]
    key = x509.load_pem_x509_certificate(pems[0][0].encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    endpoint.client_key = key
    good, bad = (
        ClientCertificate(
            certificate=Secret(f"certificate {number}", partial(str, certificate)),
            key=Secret(f"key {number}", partial(str, private)),
        )
        for number, (certificate, private) in enumerate(pems)
    )
    for proof in (good, bad):
        grant = ClientCredentials(client_id="probe", proof=proof)
        oauth2 = OAuth2(token_endpoint=endpoint.token_url, grant=grant)
        if proof is good:
            assert await client.source.get(oauth2, "probe@acme.example") in endpoint.issued
        else:
            with pytest.raises(TokenUnavailable, match="invalid_client: the assertion proves nothing"):
                await client.source.get(oauth2, "probe@acme.example")


async def test_one_question_for_many_accounts(client: Client, endpoint: TokenEndpoint) -> None:
    """A hundred accounts of a client that want a token at once set off one question, and each is told the end."""
    tokens = await asyncio.gather(*(client.get(f"probe{number}@acme.example") for number in range(100)))
    assert len(set(tokens)) == len(endpoint.asked) == 1
    assert endpoint.asked == [
        {"grant_type": "client_credentials", "scope": "mail", "client_id": "probe", "client_secret": CANARY}
    ]
    assert len({one.username for one in client.news if one.expires_wall}) == 100
    assert len(client.results) == 100


async def test_an_account_that_gives_up_takes_the_token_from_nobody(client: Client, endpoint: TokenEndpoint) -> None:
    """The question goes on when the one who set it off was cancelled."""
    endpoint.gate.clear()
    first, second = asyncio.create_task(client.get()), asyncio.create_task(client.get())
    await asyncio.wait_for(endpoint.is_asked.wait(), 5)
    first.cancel()
    endpoint.gate.set()
    assert await second in endpoint.issued
    assert first.cancelled()


async def test_tokens_are_renewed_ahead(client: Client, endpoint: TokenEndpoint) -> None:
    """From five minutes before the end a new token is asked for, while the old one is used without waiting."""
    first = await client.get()
    client.clock.ahead = 3600 - 301
    assert await client.get() == first
    assert len(endpoint.asked) == 1
    client.clock.ahead = 3600 - 299
    assert await client.get() == first
    await client.settled()
    assert len(endpoint.asked) == 2
    assert await client.get() != first


async def test_an_outage_that_is_shorter_than_a_tokens_life(
    client: Client, endpoint: TokenEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    """A renewal that fails is logged and tried again, and is no fault before the token's end."""
    first = await client.get()
    endpoint.instead = refusal("invalid_client", f"wrong secret {CANARY}")
    for ahead in (3400.0, 3410.0, 3500.0):
        client.clock.ahead = ahead
        assert await client.get() == first
        await client.settled()
    assert len(endpoint.asked) == 4
    assert "an access token was not renewed, the old one ends in " in caplog.text
    assert CANARY not in caplog.text
    client.clock.ahead = 3601.0
    assert "invalid_client" in await client.failure()


async def test_pauses_grow_up_to_five_minutes(client: Client, endpoint: TokenEndpoint) -> None:
    """An endpoint that fails is asked ever less often, but never less than every five minutes."""
    endpoint.instead = page("<html>", 500)
    pauses = []
    for _ in range(9):
        pauses.append(int((await client.failure()).split()[-2]))
        client.clock.ahead += pauses[-1] + 1
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]


@pytest.mark.parametrize(("said", "pause"), [("120", 120), ("999999999", 600), ("soon", 5), ("-1", 5)])
async def test_an_endpoint_that_asks_for_patience_gets_it(
    client: Client, endpoint: TokenEndpoint, said: str, pause: int
) -> None:
    """Retry-After is obeyed, up to ten minutes."""
    endpoint.answers.append(refusal("slow_down", status=429, **{"Retry-After": said}))
    assert (await client.failure()).endswith(f"asked again in {pause} s")


async def test_a_changed_secret_is_tried_at_once(client: Client, endpoint: TokenEndpoint) -> None:
    """No pause holds for a secret that was not tried yet."""
    endpoint.answers.append(refusal("invalid_client"))
    await client.failure()
    client.secret = "another"
    assert await client.get() in endpoint.issued
    assert [form["client_secret"] for form in endpoint.asked] == [CANARY, "another"]


async def test_a_token_that_a_server_refused_is_shown_to_nobody_again(client: Client, endpoint: TokenEndpoint) -> None:
    """Who was refused gets another token; where there is none, nobody knocks with the old one."""
    first = await client.get()
    second = await client.get(instead_of=first)
    assert second != first
    assert await client.get("another@acme.example", instead_of=first) == second
    assert len(endpoint.asked) == 2
    endpoint.instead = page("<html>", 500)
    with pytest.raises(TokenUnavailable):
        await client.get(instead_of=second)
    assert "HTTP 500" in await client.failure()
    assert client.source.shown(client.oauth2()) == [first, second]


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "as a form": quote_plus,
    "base64": lambda secret: base64.b64encode(f"probe:{secret}".encode()).decode(),
    "JSON": json.dumps,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
async def test_an_endpoint_that_quotes_the_secret(
    client: Client, endpoint: TokenEndpoint, form: Callable[[str], str]
) -> None:
    """What the endpoint says back is shown without the secret, in whatever form."""
    endpoint.answers.append(refusal("invalid_client", f"got {form(CANARY)} as"))
    told = await client.failure()
    assert "***" in told
    for secret in (CANARY, quote_plus(CANARY), base64.b64encode(CANARY.encode()).decode().rstrip("=")[:-1]):
        assert secret not in told


async def test_a_clock_that_is_wrong_is_told(client: Client, endpoint: TokenEndpoint) -> None:
    """Assertions are refused for a wrong clock: where the endpoint's differs from ours, the detail says by how much."""
    refused = refusal("invalid_client", "not yet valid", 401, Date="Mon, 01 Jan 2001 00:00:00 GMT")
    endpoint.answers += [refused, refusal("invalid_client", Date="yesterday"), refusal("invalid_client")]
    assert "s behind ours" in await client.failure()
    for _ in range(2):
        client.clock.ahead += 1000
        assert "ours" not in await client.failure()


async def test_a_refresh_token_that_is_replaced(client: Client, endpoint: TokenEndpoint) -> None:
    """The refresh token that came last is used next; where it is refused, the configured one is tried again."""
    configured = Secret("test", lambda: "configured")
    grant = RefreshToken(client_id="probe", refresh_token=configured)
    oauth2 = OAuth2(token_endpoint=endpoint.token_url, grant=grant)
    endpoint.answers += [granted(refresh_token="second"), refusal("invalid_grant", "second is no good")]
    await client.source.get(oauth2, "probe@acme.example")
    client.clock.ahead = 3601
    with pytest.raises(TokenUnavailable, match=r"invalid_grant: \*\*\* is no good"):
        await client.source.get(oauth2, "probe@acme.example")
    client.clock.ahead += 6
    await client.source.get(oauth2, "probe@acme.example")
    assert [form["refresh_token"] for form in endpoint.asked] == ["configured", "second", "configured"]
    assert all(form["client_id"] == "probe" and "client_secret" not in form for form in endpoint.asked)


async def test_clients_that_left_the_config_are_forgotten(client: Client, endpoint: TokenEndpoint) -> None:
    """A reload keeps the tokens of the clients that stay; of those that go they are struck out for one more reload."""
    stays, goes = client.oauth2("stays"), client.oauth2("goes")
    client.source.serve([stays, goes])
    for one in (stays, goes):
        await client.source.get(one, "probe@acme.example")
    client.source.serve([stays])
    assert client.source.shown(goes) == endpoint.ever[1:]
    client.source.serve([stays])
    assert client.source.shown(goes) == []
    for one in (stays, goes):
        await client.source.get(one, "probe@acme.example")
    assert [form["client_id"] for form in endpoint.asked] == ["stays", "goes", "goes"]
