"""Basic authentication (RFC 7617) for everything but health and readiness, and the headers that the web config adds."""

from __future__ import annotations

import base64

from aiohttp import web
from aiohttp.typedefs import Handler

from mailsonar.web.guard import CONTENT_SECURITY_POLICY
from mailsonar.web.lifecycle import healthy, ready
from mailsonar.web.passwords import TooManyAttempts
from mailsonar.web.refusal import refuse
from mailsonar.web.site import SITE

_OPEN_TO_ALL = (healthy, ready)
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="MailSonar", charset="UTF-8"'}


@web.middleware
async def ask_for_password(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let nobody further who does not prove to be a user; what does not exist is not told to others either."""
    passwords = request.app[SITE].entrance().passwords
    if not passwords.are_wanted or request.match_info.handler in _OPEN_TO_ALL:
        return await handler(request)
    claim = _claim(request.headers.get("Authorization", ""))
    try:
        admitted = claim is not None and await passwords.admit(*claim)
    except TooManyAttempts:
        return refuse(request, 503, "Too many passwords wait to be checked.", {"Retry-After": "1"})
    return await handler(request) if admitted else refuse(request, 401, "A user name and its password.", _CHALLENGE)


async def add_configured_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add to every answer what the operator wants there; a further policy leaves ours in force."""
    for name, value in request.app[SITE].entrance().headers.items():
        if name == CONTENT_SECURITY_POLICY:
            response.headers.add(name, value)
        else:
            response.headers[name] = value


def _claim(header: str) -> tuple[bytes, bytes] | None:
    """Return the user name and the password that a request shows; None where it shows none."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(credentials.strip(), validate=True).partition(b":")
    except ValueError:  # no base64, or not even ASCII
        return None
    return (user, password) if colon else None
