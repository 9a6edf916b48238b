"""The JSON Schemas (2020-12) of what the API serves; every closed list is that of the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from mailsonar.model.fault import Reason
from mailsonar.model.provenance import Finding, Method
from mailsonar.model.result import Outcome
from mailsonar.model.stage import Leg, Stage
from mailsonar.model.transcript import Speaker
from mailsonar.web.state import State

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_SECONDS: Schema = {"type": "number", "minimum": 0}
_TIME: Schema = {"type": "string", "format": "date-time"}


def ref(name: str) -> Schema:
    """Return what stands for a schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(items: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def _words(kind: type[StrEnum], description: str) -> Schema:
    return {"type": "string", "enum": [str(word) for word in kind], "description": description}


def _told(schema: Schema, description: str) -> Schema:
    """Return a schema with a description of its own."""
    return {**schema, "description": description}


def _or_null(schema: Schema, description: str = "") -> Schema:
    """Return the schema of what may not be known."""
    either = {"anyOf": [schema, {"type": "null"}]} if "$ref" in schema else {**schema, "type": [schema["type"], "null"]}
    return _told(either, description) if description else either


def _keys(properties: Mapping[str, Schema], description: str, optional: Iterable[str] = ()) -> Schema:
    """Return the schema of an object that has these keys and no other."""
    return {
        "type": "object",
        "description": description,
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


_RESULT = {
    "route": _told(_TEXT, "Name of the route."),
    "labels": ref("Labels"),
    "token": _told(_TEXT, "Random id of the attempt."),
    "started": _told(_TIME, "When the submission began."),
    "outcome": ref("Outcome"),
    "success": _or_null(_FLAG, "The verdict; null until it falls, at the deadline at the latest."),
    "round_trip_seconds": _or_null(_SECONDS, "From the start until the message was seen; null if it was not."),
    "error_seconds": _or_null(_SECONDS, "By how much the round trip may be too long."),
    "transit_seconds": _or_null(_SECONDS, "The part of the round trip after the message was accepted."),
    "fault": _or_null(ref("Fault"), "What is wrong; null if nothing is."),
    "stages": _told(list_of(ref("StageTiming")), "The stages that ran, in order."),
    "reply": _or_null(ref("Reply"), "The last reply of the submission server."),
    "tls": list_of(ref("Tls")),
    "hops": _told(list_of(ref("Hop")), "The servers that the message passed, by its Received fields."),
    "verdicts": {
        "type": "object",
        "description": "What the receiving server found on the sender, by method.",
        "properties": {str(method): ref("Finding") for method in Method},
        "additionalProperties": False,
    },
    "duplicates": _told(_COUNT, "Further copies of the message."),
    "transcript": _told(list_of(ref("Transcript")), "What was said, of a failure; not in `latest` of a route."),
}

_ROUTE = {
    "route": _told(_TEXT, "Name of the route."),
    "labels": ref("Labels"),
    "state": _words(State, "How the route stands."),
    "sender": _TEXT,
    "maildrop": _TEXT,
    "submission_server": _told(_TEXT, "host:port"),
    "retrieval_server": _told(_TEXT, "host:port"),
    "interval_seconds": _SECONDS,
    "deadline_seconds": _SECONDS,
    "give_up_seconds": _SECONDS,
    "pending": _told(_COUNT, "Attempts under way."),
    "last_success": _or_null(_TIME, "When the last attempt that succeeded was started."),
    "latest": _or_null(ref("Result"), "The most recently started attempt that has its verdict."),
}

_TLS = {
    "server": _told(_TEXT, "host:port"),
    "protocol": _TEXT,
    "version": _or_null(_TEXT),
    "cipher": _or_null(_TEXT),
    "verified": _FLAG,
    "not_after": _or_null(_TIME, "End of the server's certificate."),
    "not_after_earliest": _or_null(_TIME, "First end in its chain."),
    "problem": _or_null(_TEXT, "Why the certificate did not verify."),
    "names": list_of(_TEXT),
    "issuer": _or_null(_TEXT),
    "key": _or_null(_TEXT),
}

_HOP = {
    "from": _TEXT,
    "by": _TEXT,
    "with": _TEXT,
    "tls": _or_null(_FLAG),
    "received": _or_null(_TIME),
    "seconds": _or_null({"type": "number"}, "Since the hop before; below 0 where one of two clocks is wrong."),
    "skewed": _FLAG,
}

_LINE = {
    "who": _words(Speaker, "Who the line is of."),
    "stage": ref("Stage"),
    "milliseconds": _told(_COUNT, "Since the start of the leg."),
    "text": _TEXT,
}

SCHEMAS: dict[str, Schema] = {
    "Route": _keys(_ROUTE, "A route, and how it stands."),
    "Result": _keys(_RESULT, "What became of an attempt, so far or in the end.", optional=("transcript",)),
    "Fault": _keys(
        {"leg": ref("Leg"), "stage": ref("Stage"), "reason": ref("Reason"), "detail": _told(_TEXT, "For people.")},
        "What is wrong, and where.",
    ),
    "StageTiming": _keys(
        {"leg": ref("Leg"), "stage": ref("Stage"), "seconds": _SECONDS, "failed": _FLAG}, "How long a stage took."
    ),
    "Reply": _keys(
        {"code": _or_null({"type": "integer"}), "enhanced": _or_null(_TEXT), "text": _TEXT}, "A server's reply."
    ),
    "Tls": _keys(_TLS, "What the handshake with a server told."),
    "Hop": _keys(_HOP, "A Received field."),
    "Transcript": _keys(
        {"leg": ref("Leg"), "server": _TEXT, "start_seconds": {"type": "number"}, "lines": list_of(ref("Line"))},
        "A session of an attempt that failed, without secrets and content.",
    ),
    "Line": _keys(_LINE, "A line of a transcript."),
    "Error": _keys({"error": _TEXT}, "Why there is nothing else."),
    "Started": _keys({"route": _TEXT}, "The route that an attempt is started on."),
    "Labels": {"type": "object", "description": "Labels of the route.", "additionalProperties": _TEXT},
    "Leg": _words(Leg, "A part of a route; `agent` is MailSonar itself."),
    "Stage": _words(Stage, "The smallest timed part of a leg."),
    "Reason": _words(Reason, "Why a stage failed."),
    "Outcome": _words(Outcome, "How an attempt ended; `pending` until it has."),
    "Finding": _words(Finding, "What a method found (RFC 8601); `unknown` for words that it does not know."),
}
