"""The HTTP application: which path is served by what.

No request names a target: what is probed comes from the config alone.
"""

from __future__ import annotations

from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from mailsonar.web import api, lifecycle, pages
from mailsonar.web.guard import MAX_BODY_BYTES, MIDDLEWARES, add_security_headers
from mailsonar.web.login import add_configured_headers, ask_for_password
from mailsonar.web.rendering import render_in_turn
from mailsonar.web.scrape import metrics, scrape_in_turn
from mailsonar.web.site import SITE, Site

_STATIC = Path(__file__).parent / "static"
_CONTENT_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_CACHED = {"Cache-Control": "max-age=300"}


def build_app(site: Site) -> web.Application:
    """Return the application that serves a site."""
    app = web.Application(middlewares=(*MIDDLEWARES, ask_for_password), client_max_size=MAX_BODY_BYTES)
    app[SITE] = site
    pages.note_start(app)
    render_in_turn(app)
    scrape_in_turn(app)
    app.on_response_prepare.extend([add_security_headers, add_configured_headers])
    app.add_routes(
        [
            web.get("/", pages.overview),
            web.get("/routes/{name:[^/]+}", pages.route),
            web.get("/metrics", metrics),
            web.get("/-/healthy", lifecycle.healthy),
            web.get("/-/ready", lifecycle.ready),
            web.post("/-/reload", lifecycle.reload),
            web.get("/api/v1/openapi.json", api.openapi),
            web.get("/api/v1/routes", api.routes),
            web.get("/api/v1/routes/{name:[^/]+}", api.route),
            web.get("/api/v1/routes/{name:[^/]+}/results", api.results),
            web.post("/api/v1/routes/{name:[^/]+}/probe", lifecycle.probe),
            web.get("/config", lifecycle.config),
            *(web.get(f"/static/{file.name}", _static(file)) for file in sorted(_STATIC.iterdir())),
        ]
    )
    return app


def _static(file: Path) -> Handler:
    """Return what serves one file of ours, read once: no request ever names a path on disk."""
    body, content_type = file.read_bytes(), _CONTENT_TYPES[file.suffix]

    async def serve_static(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=content_type, charset="utf-8", headers=_CACHED)

    return serve_static
