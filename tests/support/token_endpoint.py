"""A token endpoint on loopback that does as a test says, and tells mail servers which of its tokens are good."""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.errors import BadSignatureError
from tests.support.assertion_check import verified

Answer = Callable[[], web.StreamResponse]


@dataclass(slots=True)
class Issued:
    """A token: whose it is, and when it ends, as a monotonic instant."""

    subject: str
    ends: float
    revoked: bool = False


@dataclass(slots=True)
class TokenEndpoint:
    """Gives every client a token that names it; `answers` are given first, once each, `instead` as long as it is set.

    While `gate` is not set, whoever asks waits. With a `client_key`, only who signs with its other half gets a token.
    """

    url: str
    lifetime_seconds: float = 3600.0
    filler: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    instead: Answer | None = None
    issued: dict[str, Issued] = field(default_factory=dict)
    introspected: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    client_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | None = None
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    ever: list[str] = field(default_factory=list)

    @property
    def token_url(self) -> str:
        """Return where tokens are asked for."""
        return f"{self.url}/token"

    def revoke_all(self) -> None:
        """Let no token that was issued be good any more."""
        for one in self.issued.values():
            one.revoked = True

    async def token(self, request: web.Request) -> web.StreamResponse:
        """Answer one question."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.asked.append(form)
        self.is_asked.set()
        await self.gate.wait()
        if self.client_key and not self._is_proved(form):
            return refusal("invalid_client", "the assertion proves nothing", 401)()
        if self.answers:
            return self.answers.pop(0)()
        if self.instead:
            return self.instead()
        return self.grant(form.get("client_id", "somebody"))

    def _is_proved(self, form: dict[str, str]) -> bool:
        """Tell whether an assertion of the client's own key, for this endpoint and this moment, came along."""
        assert self.client_key
        try:
            _, claims = verified(form["client_assertion"], self.client_key)
        except (BadSignatureError, KeyError):
            return False
        is_timely = claims["nbf"] <= time.time() < claims["exp"]
        return is_timely and (claims["sub"], claims["aud"]) == (form["client_id"], self.token_url)

    def grant(self, subject: str) -> web.Response:
        """Return the answer that issues a token."""
        token = f"c4nary-{secrets.token_urlsafe(24)}{self.filler}"
        self.ever.append(token)
        self.issued[token] = Issued(subject, time.monotonic() + self.lifetime_seconds)
        return web.json_response({"token_type": "Bearer", "access_token": token, "expires_in": self.lifetime_seconds})

    async def introspect(self, request: web.Request) -> web.Response:
        """Tell whether a token is good, and whose it is (RFC 7662)."""
        token = request.query["token"]
        self.introspected.append(token)
        one = self.issued.get(token)
        if one is None or one.revoked or time.monotonic() >= one.ends:
            return web.json_response({"active": False})
        return web.json_response({"active": True, "email": one.subject})


@asynccontextmanager
async def token_endpoint(port: int = 0, context: ssl.SSLContext | None = None) -> AsyncIterator[TokenEndpoint]:
    """Serve a token endpoint."""
    endpoint = TokenEndpoint("")
    endpoint.gate.set()
    app = web.Application()
    app.router.add_post("/token", endpoint.token)
    app.router.add_get("/introspect", endpoint.introspect)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    scheme = "https" if context else "http"
    endpoint.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield endpoint
    finally:
        await runner.cleanup()


def refusal(error: str, description: str = "", status: int = 400, **headers: str) -> Answer:
    """Return the answer that is a no (RFC 6749 section 5.2)."""
    words = {"error": error} | ({"error_description": description} if description else {})
    return lambda: web.json_response(words, status=status, headers=headers)


def page(body: str | bytes, status: int = 200, content_type: str = "text/html", **headers: str) -> Answer:
    """Return an answer that is whatever a test wants."""
    raw = body.encode() if isinstance(body, str) else body
    return lambda: web.Response(body=raw, status=status, content_type=content_type, headers=headers)
