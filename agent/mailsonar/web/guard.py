"""What holds for every request: constant answers to what does not exist, security headers, bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler

from mailsonar.web.refusal import refuse

MAX_BODY_BYTES = 16 * 1024
ANSWER_SECONDS = 30.0

CONTENT_SECURITY_POLICY = "Content-Security-Policy"
_HEADERS = {
    CONTENT_SECURITY_POLICY: (
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def add_security_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Add to every answer what tells a browser to trust nothing but our own files."""
    response.headers.update(_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Server"] = "MailSonar"


def demand_same_origin(request: web.Request) -> None:
    """Refuse what a browser sends on behalf of another site.

    The browser's own word counts first, which no script can forge: behind a proxy that ends TLS, or that changes the
    Host, the Origin names an address that nobody here knows.

    Raises:
        HTTPForbidden: the browser says that the request comes from another site, or only its Origin says so.
    """
    site, origin = request.headers.get("Sec-Fetch-Site", "none"), request.headers.get("Origin")
    if site == "same-origin":
        return
    if site != "none" or (origin is not None and origin != f"{request.scheme}://{request.host}"):
        raise web.HTTPForbidden(text="This must come from the same origin.")


@asynccontextmanager
async def in_time(request: web.Request) -> AsyncIterator[None]:
    """Drop a client that has left, or does not take its answer in time: it would keep a connection for good."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            yield
    except (TimeoutError, ConnectionError):
        if request.transport is not None:
            request.transport.abort()


@web.middleware
async def write_in_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write the answer out, as far as the client takes it."""
    response = await handler(request)
    async with in_time(request):
        await response.prepare(request)
        await response.write_eof()
    return response


@web.middleware
async def answer_plainly(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what does not exist with a constant text that repeats nothing of the request."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return refuse(request, 404, "Not found.")
    except web.HTTPMethodNotAllowed as refusal:
        return refuse(request, 405, "Method not allowed.", {"Allow": refusal.headers["Allow"]})
    except web.HTTPException as refusal:
        return refuse(request, refusal.status, (refusal.text or refusal.reason).strip())


MIDDLEWARES = (write_in_time, answer_plainly)
