"""`/metrics`: the registry in the text format or in OpenMetrics, as the request prefers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aiohttp import web
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from mailsonar.web.rendering import rendered
from mailsonar.web.site import SITE


class _Snapshot(Collector):
    """Metrics that were collected already; stands in for a registry."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


async def metrics(request: web.Request) -> web.Response:
    """Serve the metrics, those that `name[]` asks for or all.

    They are collected here, in one consistent moment, and rendered in a thread: the text of a thousand routes takes
    most of a second, which would otherwise be added to whatever is being timed.
    """
    registry = request.app[SITE].registry
    names = request.query.getall("name[]", [])
    chosen = registry.restricted_registry(names) if names else registry
    render, content_type = _encoder(",".join(request.headers.getall("Accept", [])))
    body = await rendered(request, lambda: _Snapshot(chosen.collect()), render)
    response = web.Response(body=body, headers={"Content-Type": content_type})
    response.enable_compression()
    return response


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """Return the format that the request prefers; plain text where its version is no number."""
    try:
        return choose_encoder(accept)
    except TypeError:
        return choose_encoder("")
