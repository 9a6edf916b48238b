"""A route with all its results, wherever they are kept."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from mailsonar.observe.route_view import RouteView
from mailsonar.web.site import SITE


async def whole_view(request: web.Request) -> RouteView | None:
    """Return what is known of the route that a request names, None if there is no such route."""
    site, name = request.app[SITE], request.match_info["name"]
    view = site.history.route(name)
    if view is None:
        return None
    past = await site.past(view.route)
    view = site.history.route(name)  # what ended in the meantime is in one of both
    if view is None:
        return None
    return replace(view, is_cut_short=True) if past is None else view.with_past(past)
