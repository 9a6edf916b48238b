"""`/metrics`: all numbers of one moment, in the text format or in OpenMetrics, as the request prefers.

A page of ten thousand routes is made in slices of about a millisecond, between which the event loop does whatever else
there is to do, and compressed in a thread: what takes longer would be added to whatever is being timed. Whoever asks at
the same time takes turns, slice by slice; a client that reads slowly keeps nobody waiting.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TypeVar

from aiohttp import web
from prometheus_client.exposition import choose_encoder, gzip_accepted
from prometheus_client.registry import Collector

from mailsonar.web.guard import in_time
from mailsonar.web.site import SITE

T = TypeVar("T")

_TURN = web.AppKey("scraping", asyncio.Lock)
_GZIP = 16 + zlib.MAX_WBITS
_OPENMETRICS = "application/openmetrics-text"
_OTHER_ESCAPING = re.compile(r"escaping\s*=\s*(?:dots|values)")


def scrape_in_turn(app: web.Application) -> None:
    """Let those who scrape an application take turns."""
    app[_TURN] = asyncio.Lock()


async def metrics(request: web.Request) -> web.StreamResponse:
    """Serve the metrics, those that `name[]` asks for or all."""
    site, names = request.app[SITE], request.query.getall("name[]", [])
    encode, content_type = _encoder(",".join(request.headers.getall("Accept", [])))
    registry = site.registry.restricted_registry(names) if names else site.registry
    with site.metrics.moment() as moment:
        rest = encode(registry)
        while await _in_turn(request, moment.go_on):
            pass
    ours = moment.page().chunks(openmetrics=content_type.startswith(_OPENMETRICS), names=names)
    response = web.StreamResponse(headers={"Content-Type": content_type})
    async with in_time(request):
        await _stream(request, response, chain(ours, [rest]))
    return response


async def _stream(request: web.Request, response: web.StreamResponse, chunks: Iterator[bytes]) -> None:
    """Send a page chunk by chunk, compressed if the client takes that."""
    takes_gzip = gzip_accepted(request.headers.get("Accept-Encoding", ""))
    packed = zlib.compressobj(level=1, wbits=_GZIP) if takes_gzip else None
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    await response.prepare(request)
    if request.method == "HEAD":
        return
    while (chunk := await _in_turn(request, lambda: next(chunks, None))) is not None:
        await response.write(await asyncio.to_thread(packed.compress, chunk) if packed else chunk)
    if packed:
        await response.write(packed.flush())


async def _in_turn(request: web.Request, work: Callable[[], T]) -> T:
    """Return what a slice of work returns, once the event loop has had its turn."""
    async with request.app[_TURN]:
        done = work()
        await asyncio.sleep(0)
    return done


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """Return the format that the request prefers; plain text where its version is no number.

    Names are never escaped in the ways that would change ours: a client has to take what it is told it got.
    """
    try:
        return choose_encoder(_OTHER_ESCAPING.sub("escaping=underscores", accept))
    except TypeError:
        return choose_encoder("")
