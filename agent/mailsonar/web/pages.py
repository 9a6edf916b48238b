"""The pages: view models of plain words, and the templates that show them.

Templates escape everything; what a server sent is text like any other. They are rendered in a thread, from values that
do not change: the rows of a thousand routes take a while, which would otherwise be added to whatever is being timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mailsonar import __version__
from mailsonar.observe.route_view import RouteView
from mailsonar.web.cursor import Cursor
from mailsonar.web.fleet import fleet, groups, route_row
from mailsonar.web.past import whole_view
from mailsonar.web.rendering import rendered
from mailsonar.web.sieve import sieve_of
from mailsonar.web.site import SITE
from mailsonar.web.views import result_row, route_card

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals["version"] = __version__
_STARTED_MS = web.AppKey("started_ms", int)


def note_start(app: web.Application) -> None:
    """Note when this agent started: a page that an earlier one filled needs more than what is new."""
    app[_STARTED_MS] = round(app[SITE].clock.wall() * 1000)


async def overview(request: web.Request) -> web.Response:
    """Show all routes, those that need attention first; with `since`, only the rows that are new."""
    site = request.app[SITE]
    history, now = site.history, site.clock.wall()
    cursor = Cursor(process_wall_ms=request.app[_STARTED_MS], revision=history.revision, wall_ms=round(now * 1000))
    since, configured = Cursor.parse(request.query.get("since", "")), history.configured
    views, sieve = history.routes(), sieve_of(request.query)
    is_part = since is not None and since.reaches(cursor, configured)

    def values() -> Mapping[str, object]:
        numbered = list(enumerate(views))
        shown = since.changed(numbered, cursor) if since and is_part else numbered
        rows = [route_row(view, number, now) for number, view in shown]
        grouped = groups(rows, sieve)
        return {
            "fleet": fleet(views, now),
            "groups": grouped,
            "admitted": sum(admitted for _, members in grouped for _, admitted in members),
            "sieve": sieve,
            "cursor": cursor,
            "is_part": is_part,
            "part": site.part(),
        }

    return await _page(request, "overview.html", values, now)


async def route(request: web.Request) -> web.Response:
    """Show one route: how it stands, where the time goes, and its recent attempts."""
    view, now = await whole_view(request), request.app[SITE].clock.wall()
    if view is None:
        missing = await _page(request, "missing.html", dict, now)
        missing.set_status(404)
        return missing
    return await _page(request, "route.html", lambda: _route_values(view, request, now), now)


def _route_values(view: RouteView, request: web.Request, now_wall: float) -> Mapping[str, object]:
    token = request.query.get("attempt")
    return {
        "row": route_row(view, 0, now_wall),
        "card": route_card(view, now_wall, token),
        "results": [result_row(result, now_wall) for result in view.results],
        "is_cut_short": view.is_cut_short,
        "can_probe": request.app[SITE].lifecycle,
    }


async def _page(
    request: web.Request, template: str, values: Callable[[], Mapping[str, object]], now_wall: float
) -> web.Response:
    def render(_: None) -> str:
        return _TEMPLATES.get_template(template).render(values(), now_ms=round(now_wall * 1000))

    text = await rendered(request, lambda: None, render)
    response = web.Response(text=text, content_type="text/html")
    response.enable_compression()
    return response
