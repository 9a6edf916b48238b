"""The API: what the pages show, as JSON."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from mailsonar.observe.result_json import result_as_json, rfc3339
from mailsonar.observe.route_view import RouteView
from mailsonar.observe.transcript_json import told_as_json
from mailsonar.web.openapi import COMPLETE_HEADER, DOCUMENT
from mailsonar.web.past import whole_view
from mailsonar.web.refusal import no_such_route
from mailsonar.web.site import SITE
from mailsonar.web.state import state_of


async def routes(request: web.Request) -> web.Response:
    """Serve a list of all routes."""
    now = request.app[SITE].clock.wall()
    return web.json_response([_route(view, now) for view in request.app[SITE].history.routes()])


async def route(request: web.Request) -> web.Response:
    """Serve one route."""
    view = _find_route(request)
    return no_such_route(request) if view is None else web.json_response(_route(view, request.app[SITE].clock.wall()))


async def results(request: web.Request) -> web.Response:
    """Serve a list of a route's results, the newest attempt first."""
    view = await whole_view(request)
    if view is None:
        return no_such_route(request)
    headers = {COMPLETE_HEADER: "false" if view.is_cut_short else "true"}
    return web.json_response([told_as_json(result) for result in view.results], headers=headers)


async def openapi(_: web.Request) -> web.Response:
    """Serve the document that describes all of this."""
    return web.json_response(DOCUMENT)


def _find_route(request: web.Request) -> RouteView | None:
    return request.app[SITE].history.route(request.match_info["name"])


def _route(view: RouteView, now_wall: float) -> dict[str, Any]:
    configured = view.route
    success = view.last_success
    return {
        "route": configured.name,
        "labels": dict(configured.labels),
        "state": str(state_of(view, now_wall)),
        "sender": configured.sender.name,
        "maildrop": configured.maildrop.name,
        "submission_server": configured.sender.account.server.name,
        "retrieval_server": configured.maildrop.account.server.name,
        "interval_seconds": configured.interval_seconds,
        "deadline_seconds": configured.deadline_seconds,
        "give_up_seconds": configured.give_up_seconds,
        "pending": len(view.pending),
        "last_success": None if success is None else rfc3339(success.attempt.started_wall, timespec="milliseconds"),
        "latest": None if view.latest is None else result_as_json(view.latest),
    }
