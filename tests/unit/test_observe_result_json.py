"""The JSON of a result, whose keys are public."""

from __future__ import annotations

import json

import pytest
from tests.support.observed import WALL, failed, make_attempt, make_route, on_time, told, transcript

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.result import Outcome, Reply, Result, TlsFacts
from mailsonar.model.stage import Leg, Stage, StageTiming
from mailsonar.observe.result_json import result_as_json
from mailsonar.observe.result_restore import restored
from mailsonar.observe.transcript_json import restored_transcripts, told_as_json, transcripts_as_json

ROUTE = make_route(labels=(("customer", "acme"),))


def test_full_result():
    """Everything that is known has its key."""
    attempt = make_attempt(ROUTE, started=0.1239, token="cafe0001")
    result = on_time(
        attempt,
        round_trip=1.84000000004,
        stages=(StageTiming(leg=Leg.SUBMISSION, stage=Stage.RESOLVE, seconds=0.0004),),
        reply=Reply(code=250, enhanced="2.0.0", text="queued"),
        tls=(
            TlsFacts(
                server="smtp.acme.example:587",
                protocol="smtp",
                version="TLSv1.3",
                cipher="TLS_AES_256_GCM_SHA384",
                verified=True,
                not_after_wall=1_798_761_600.0,
                not_after_earliest_wall=1_798_761_599.0,
                names=("smtp.acme.example", "192.0.2.1"),
                issuer="CN=Acme CA",
                key="RSA 2048",
            ),
        ),
        provenance=told("pass none", hops=2),
        duplicates=2,
    )
    assert json.loads(json.dumps(result_as_json(result))) == {
        "route": "acme-internal",
        "labels": {"customer": "acme"},
        "token": "cafe0001",
        "started": "2026-11-18T11:06:40.123Z",
        "outcome": "on_time",
        "success": True,
        "round_trip_seconds": 1.84,
        "error_seconds": 0.31,
        "transit_seconds": 1.52,
        "fault": None,
        "stages": [{"leg": "submission", "stage": "resolve", "seconds": 0.0004, "failed": False}],
        "reply": {"code": 250, "enhanced": "2.0.0", "text": "queued"},
        "tls": [
            {
                "server": "smtp.acme.example:587",
                "protocol": "smtp",
                "version": "TLSv1.3",
                "cipher": "TLS_AES_256_GCM_SHA384",
                "verified": True,
                "not_after": "2027-01-01T00:00:00Z",
                "not_after_earliest": "2026-12-31T23:59:59Z",
                "problem": None,
                "names": ["smtp.acme.example", "192.0.2.1"],
                "issuer": "CN=Acme CA",
                "key": "RSA 2048",
            }
        ],
        "hops": [
            {
                "from": "client.acme.example",
                "by": "mx1.contoso.example",
                "with": "local",
                "tls": None,
                "received": "2026-11-18T11:06:40Z",
                "seconds": None,
                "skewed": False,
            },
            {
                "from": "mx1.contoso.example",
                "by": "mx2.contoso.example",
                "with": "ESMTPS",
                "tls": True,
                "received": "2026-11-18T11:05:02Z",
                "seconds": -98.0,
                "skewed": True,
            },
        ],
        "verdicts": {"spf": "pass", "dkim": "none"},
        "duplicates": 2,
    }


def test_pending_result():
    """Before the verdict success is null, and so is every figure."""
    result = Result(attempt=make_attempt(ROUTE), outcome=Outcome.PENDING, success=None)
    shown = result_as_json(result)
    assert shown["outcome"] == "pending"
    unknown = ("success", "round_trip_seconds", "error_seconds", "transit_seconds", "fault", "reply")
    assert [shown[key] for key in unknown] == [None] * 6


def test_fault():
    """A fault is an object of leg, stage, reason and detail."""
    fault = Fault(leg=Leg.RETRIEVAL, stage=Stage.LIST, reason=Reason.TIMEOUT, detail="30 s")
    result = Result(attempt=make_attempt(ROUTE), outcome=Outcome.UNOBSERVED, success=False, fault=fault)
    shown = {"leg": "retrieval", "stage": "list", "reason": "timeout", "detail": "30 s"}
    assert result_as_json(result)["fault"] == shown


FACTS = TlsFacts(server="mx:25", protocol="smtp", version=None, cipher=None, verified=False, not_after_wall=WALL)
RESULTS = {
    "seen": on_time(make_attempt(ROUTE), provenance=told(), reply=Reply(code=250), tls=(FACTS,), duplicates=1),
    "told nothing": on_time(make_attempt(ROUTE)),
    "failed": failed(make_attempt(ROUTE), Outcome.REFUSED),
}


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_what_was_written_is_read_back(result: Result) -> None:
    """A later process shows of a result all that this one knew."""
    assert restored(json.dumps(result_as_json(result)), result.attempt) == result


@pytest.mark.parametrize("change", [{"hops": [{}]}, {"hops": 3}, {"verdicts": {"spf": "splendid"}}, {"verdicts": 3}])
def test_what_this_version_cannot_read_is_no_result(change: dict[str, object]) -> None:
    """A result of another version is left out, whatever stands in it."""
    written = result_as_json(RESULTS["seen"]) | change
    assert restored(json.dumps(written), RESULTS["seen"].attempt) is None


TOLD = (transcript("220 <b>hello</b>", "421 bye"), transcript("+OK", leg=Leg.RETRIEVAL))


def test_transcripts_are_told_of_failures_only():
    """A failure has the key, if only an empty list; what is pending or went well has not."""
    failure = failed(make_attempt(ROUTE), transcripts=TOLD)
    [submitted, looked] = told_as_json(failure)["transcript"]
    assert submitted == {
        "leg": "submission",
        "server": "smtp.acme.example:587",
        "start_seconds": 0.5,
        "lines": [
            {"who": "server", "stage": "greeting", "milliseconds": 0, "text": "220 <b>hello</b>"},
            {"who": "server", "stage": "greeting", "milliseconds": 10, "text": "421 bye"},
        ],
    }
    assert looked["leg"] == "retrieval"
    assert told_as_json(failed(make_attempt(ROUTE)))["transcript"] == []
    pending = Result(attempt=make_attempt(ROUTE), outcome=Outcome.PENDING, success=None)
    assert [("transcript" in told_as_json(one)) for one in (on_time(make_attempt(ROUTE)), pending)] == [False, False]
    assert "transcript" not in result_as_json(failure)


def test_transcripts_are_read_back():
    """A later process tells what this one told; what it cannot read is nothing."""
    assert restored_transcripts(json.dumps(transcripts_as_json(TOLD))) == TOLD
    for text in ("", "{}", "[{}]", "3", '[{"leg": "submission"}]'):
        assert restored_transcripts(text) == ()
