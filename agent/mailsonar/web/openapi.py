"""The OpenAPI 3.1 document of the API: every path below /api/, and every answer that it may give."""

from __future__ import annotations

from typing import Any

from mailsonar import __version__
from mailsonar.web.schemas import SCHEMAS, Schema, list_of, ref

_DESCRIPTION = (
    "What the pages of MailSonar show, for programs. Times are RFC 3339 in UTC, durations in seconds; what is not "
    "known is null. Where the agent has a web config with users, requests need a user name and its password. Other "
    "methods than those listed are answered by 405, with the schema Error."
)
_NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "Name of a route.",
    "schema": {"type": "string"},
}

COMPLETE_HEADER = "MailSonar-Complete"


def _json(schema: Schema, description: str, headers: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return an answer, with the headers that go with its status."""
    told = {"headers": {name: {"schema": {"type": "string"}} for name in headers}} if headers else {}
    return {"description": description, **told, "content": {"application/json": {"schema": schema}}}


_REFUSALS = {
    "401": _json(ref("Error"), "User name and password are missing or wrong.", ("WWW-Authenticate",)),
    "503": _json(ref("Error"), "Too many passwords wait to be checked: come again.", ("Retry-After",)),
}
_UNKNOWN = {"404": _json(ref("Error"), "There is no route of that name.")}


def _operation(name: str, summary: str, answers: dict[str, Any], *parameters: dict[str, Any]) -> dict[str, Any]:
    given = {"parameters": list(parameters)} if parameters else {}
    return {"operationId": name, "summary": summary, **given, "responses": answers | _REFUSALS}


_PATHS: dict[str, dict[str, Any]] = {
    "/api/v1/routes": {
        "get": _operation("routes", "All routes.", {"200": _json(list_of(ref("Route")), "The routes.")}),
    },
    "/api/v1/routes/{name}": {
        "get": _operation("route", "One route.", {"200": _json(ref("Route"), "The route."), **_UNKNOWN}, _NAME),
    },
    "/api/v1/routes/{name}/results": {
        "get": _operation(
            "results",
            "Recent attempts on a route, those under way included, the newest first.",
            {
                "200": _json(
                    list_of(ref("Result")),
                    f"The results; failures outlive successes. {COMPLETE_HEADER} is `true`, or `false` while the "
                    "journal cannot be read: then older results are missing, and what was said on failures.",
                    (COMPLETE_HEADER,),
                ),
                **_UNKNOWN,
            },
            _NAME,
        ),
    },
    "/api/v1/routes/{name}/probe": {
        "post": _operation(
            "probe",
            "Start an attempt on a route ahead of its schedule.",
            {
                "202": _json(ref("Started"), "An attempt is about to start."),
                "403": _json(ref("Error"), "The lifecycle is not enabled, or the request comes from another origin."),
                "409": _json(ref("Error"), "The route cannot start an attempt now."),
                **_UNKNOWN,
            },
            _NAME,
        ),
    },
    "/api/v1/openapi.json": {
        "get": _operation("openapi", "This document.", {"200": _json({"type": "object"}, "The document.")}),
    },
}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "MailSonar",
        "version": __version__,
        "description": _DESCRIPTION,
        "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    },
    "paths": _PATHS,
    "components": {"schemas": SCHEMAS, "securitySchemes": {"password": {"type": "http", "scheme": "basic"}}},
    "security": [{}, {"password": []}],
}
