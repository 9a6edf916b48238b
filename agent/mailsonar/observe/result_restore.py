"""A result read back from its JSON, for the page of a later process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.provenance import Finding, Hop, Method, Provenance, SenderVerdict
from mailsonar.model.result import Attempt, Outcome, Reply, Result, TlsFacts
from mailsonar.model.stage import Leg, Stage, StageTiming


def restored(text: str, attempt: Attempt) -> Result | None:
    """Return the result that `result_as_json` wrote, None where the text is none.

    Args:
        text: a JSON object.
        attempt: whose result it is; its instants are reckoned by the caller.
    """
    try:
        return _result(json.loads(text), attempt)
    except (KeyError, TypeError, ValueError):
        return None


def _result(data: Mapping[str, Any], attempt: Attempt) -> Result:
    return Result(
        attempt=attempt,
        outcome=Outcome(data["outcome"]),
        success=data["success"],
        fault=_fault(data["fault"]),
        round_trip_seconds=data["round_trip_seconds"],
        error_seconds=data["error_seconds"],
        transit_seconds=data["transit_seconds"],
        stages=tuple(_stage(stage) for stage in data["stages"]),
        reply=Reply(**data["reply"]) if data["reply"] else None,
        tls=tuple(_tls(facts) for facts in data["tls"]),
        provenance=_provenance(data),
        duplicates=data["duplicates"],
    )


def _fault(data: Mapping[str, Any] | None) -> Fault | None:
    if data is None:
        return None
    return Fault(leg=Leg(data["leg"]), stage=Stage(data["stage"]), reason=Reason(data["reason"]), detail=data["detail"])


def _stage(data: Mapping[str, Any]) -> StageTiming:
    return StageTiming(leg=Leg(data["leg"]), stage=Stage(data["stage"]), seconds=data["seconds"], failed=data["failed"])


def _tls(data: Mapping[str, Any]) -> TlsFacts:
    return TlsFacts(
        server=data["server"],
        protocol=data["protocol"],
        version=data["version"],
        cipher=data["cipher"],
        verified=data["verified"],
        not_after_wall=_wall(data["not_after"]),
        not_after_earliest_wall=_wall(data.get("not_after_earliest")),  # from here on, older journals lack the keys
        problem=data.get("problem"),
        names=tuple(data.get("names", ())),
        issuer=data.get("issuer"),
        key=data.get("key"),
    )


def _provenance(data: Mapping[str, Any]) -> Provenance:
    return Provenance(
        hops=tuple(_hop(hop) for hop in data["hops"]),
        verdicts=tuple(
            SenderVerdict(method=Method(method), finding=Finding(finding))
            for method, finding in dict(data["verdicts"]).items()
        ),
    )


def _hop(data: Mapping[str, Any]) -> Hop:
    return Hop(
        from_host=data["from"],
        by_host=data["by"],
        protocol=data["with"],
        tls=data["tls"],
        received_wall=_wall(data["received"]),
        seconds=data["seconds"],
    )


def _wall(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()
