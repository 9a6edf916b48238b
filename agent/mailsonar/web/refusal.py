"""How no is said: as JSON below /api/, as plain text elsewhere; nothing of the request is repeated."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web


def refuse(request: web.Request, status: int, reason: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer that says no.

    Args:
        request: what is refused; its path decides the form of the answer.
        status: of the answer.
        reason: a sentence.
        headers: that go with the status.
    """
    if request.path.startswith("/api/"):
        return web.json_response({"error": reason}, status=status, headers=headers)
    return web.Response(text=f"{reason}\n", status=status, headers=headers)


def no_such_route(request: web.Request) -> web.Response:
    """Return the answer to the name of a route that is none."""
    return refuse(request, 404, "There is no such route.")
