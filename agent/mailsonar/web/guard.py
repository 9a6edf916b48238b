"""What holds for every request: constant answers to what does not exist, security headers, bounds."""

from __future__ import annotations

import asyncio

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


@web.middleware
async def write_in_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Drop a client that does not take its answer: it would keep one of the connections for good."""
    response = await handler(request)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
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
