"""A result as the JSON that `check` prints and the API serves; the keys are public."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mailsonar.model.fault import Fault
from mailsonar.model.provenance import Hop
from mailsonar.model.result import Reply, Result, TlsFacts
from mailsonar.model.stage import StageTiming


def result_as_json(result: Result) -> dict[str, Any]:
    """Return the result as a value that `json.dumps` takes; what is not known is null."""
    attempt = result.attempt
    return {
        "route": attempt.route.name,
        "labels": dict(attempt.route.labels),
        "token": attempt.token_id,
        "started": rfc3339(attempt.started_wall, timespec="milliseconds"),
        "outcome": str(result.outcome),
        "success": result.success,
        "round_trip_seconds": _rounded(result.round_trip_seconds),
        "error_seconds": _rounded(result.error_seconds),
        "transit_seconds": _rounded(result.transit_seconds),
        "fault": _fault(result.fault),
        "stages": [_stage(timing) for timing in result.stages],
        "reply": _reply(result.reply),
        "tls": [_tls(facts) for facts in result.tls],
        "hops": [_hop(hop) for hop in result.provenance.hops],
        "verdicts": {str(verdict.method): str(verdict.finding) for verdict in result.provenance.verdicts},
        "duplicates": result.duplicates,
    }


def rfc3339(wall: float, *, timespec: str = "seconds") -> str:
    """Return a POSIX time as RFC 3339 in UTC.

    Args:
        wall: POSIX seconds.
        timespec: `seconds` or `milliseconds`; what is finer is cut off.
    """
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def _rounded(seconds: float | None) -> float | None:
    """Return whole microseconds: further digits are noise of the clock."""
    return None if seconds is None else round(seconds, 6)


def _stage(timing: StageTiming) -> dict[str, Any]:
    return {
        "leg": str(timing.leg),
        "stage": str(timing.stage),
        "seconds": _rounded(timing.seconds),
        "failed": timing.failed,
    }


def _fault(fault: Fault | None) -> dict[str, str] | None:
    if fault is None:
        return None
    return {
        "leg": str(fault.leg),
        "stage": str(fault.stage),
        "reason": str(fault.reason),
        "detail": fault.detail,
    }


def _reply(reply: Reply | None) -> dict[str, Any] | None:
    return None if reply is None else {"code": reply.code, "enhanced": reply.enhanced, "text": reply.text}


def _tls(facts: TlsFacts) -> dict[str, Any]:
    earliest = facts.not_after_earliest_wall
    return {
        "server": facts.server,
        "protocol": facts.protocol,
        "version": facts.version,
        "cipher": facts.cipher,
        "verified": facts.verified,
        "not_after": None if facts.not_after_wall is None else rfc3339(facts.not_after_wall),
        "not_after_earliest": None if earliest is None else rfc3339(earliest),
        "problem": facts.problem,
        "names": list(facts.names),
        "issuer": facts.issuer,
        "key": facts.key,
    }


def _hop(hop: Hop) -> dict[str, Any]:
    return {
        "from": hop.from_host,
        "by": hop.by_host,
        "with": hop.protocol,
        "tls": hop.tls,
        "received": None if hop.received_wall is None else rfc3339(hop.received_wall),
        "seconds": hop.seconds,
        "skewed": hop.is_skewed,
    }
