"""The pages: view models of plain words, and the templates that show them.

Templates escape everything; what a server sent is text like any other.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mailsonar import __version__
from mailsonar.web.api import find_route
from mailsonar.web.site import SITE
from mailsonar.web.state import State
from mailsonar.web.views import result_row, route_card, route_row

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals["version"] = __version__


async def overview(request: web.Request) -> web.Response:
    """Show all routes, those that need attention first."""
    site = request.app[SITE]
    now = site.clock.wall()
    order = list(State)
    rows = [route_row(view, now) for view in site.history.routes()]
    rows.sort(key=lambda row: order.index(row.state))
    counts = Counter(row.state for row in rows)
    return _page("overview.html", rows=rows, part=site.part(), counts=[(state, counts[state]) for state in order])


async def route(request: web.Request) -> web.Response:
    """Show one route: how it stands, where the time goes, and its recent attempts."""
    view = find_route(request)
    now = request.app[SITE].clock.wall()
    return _page(
        "route.html",
        row=route_row(view, now),
        card=route_card(view, now),
        results=[result_row(result, now) for result in view.results],
    )


def _page(template: str, **values: object) -> web.Response:
    return web.Response(text=_TEMPLATES.get_template(template).render(values), content_type="text/html")
