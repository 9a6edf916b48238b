"""Health, and what may be set off from outside: a reload, a probe."""

from __future__ import annotations

from aiohttp import web

from mailsonar.web.guard import demand_same_origin
from mailsonar.web.refusal import no_such_route, refuse
from mailsonar.web.site import SITE

_DISABLED = "Not enabled: start the agent with --web.enable-lifecycle."


async def healthy(request: web.Request) -> web.Response:
    """Tell whether the agent lives."""
    return _state(request.app[SITE].healthy(), "Healthy.\n", "Not healthy.\n")


async def ready(request: web.Request) -> web.Response:
    """Tell whether the config is loaded and every due schedule runs, and which part of the config that is."""
    site = request.app[SITE]
    part = f"This is {site.part()}.\n" if site.part() else ""
    return _state(site.ready(), f"Ready.\n{part}", f"Not ready.\n{part}")


async def config(request: web.Request) -> web.Response:
    """Show the config without its secrets."""
    return web.Response(text=request.app[SITE].config_text())


async def reload(request: web.Request) -> web.Response:
    """Read the config again; a bad one changes nothing, and the answer tells what is wrong."""
    _demand_lifecycle(request)
    error = await request.app[SITE].reload()
    return web.Response(text="Reloaded.\n") if error is None else web.Response(status=500, text=f"{error}\n")


async def probe(request: web.Request) -> web.Response:
    """Start an attempt on a route ahead of its schedule."""
    _demand_lifecycle(request)
    name = request.match_info["name"]
    if request.app[SITE].history.route(name) is None:
        return no_such_route(request)
    if request.app[SITE].probe_now(name):
        return web.json_response({"route": name}, status=202)
    return refuse(request, 409, "This route cannot start an attempt now.")


def _state(good: bool, yes: str, no: str) -> web.Response:
    return web.Response(text=yes) if good else web.Response(status=503, text=no)


def _demand_lifecycle(request: web.Request) -> None:
    demand_same_origin(request)
    if not request.app[SITE].lifecycle:
        raise web.HTTPForbidden(text=_DISABLED)
