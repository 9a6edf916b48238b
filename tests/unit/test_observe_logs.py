"""What the log says, and what no server can make it say."""

from __future__ import annotations

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.observed import NOT_ARRIVED, HandClock, failed, make_attempt, make_route, on_time

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.observer import Look
from mailsonar.model.result import Outcome
from mailsonar.model.stage import Leg, Stage
from mailsonar.observe.log_format import JsonLines, Logfmt, configure_logging, log_fields
from mailsonar.observe.logs import LogObserver

ROUTE = make_route(labels=(("customer", "acme"), ("level", "forged")))
HOSTILE = 'no\r\nlevel=error msg="all is lost" \x1b[31m\x9b\u2028\u202e{}%s'


@pytest.fixture
def root_logger():
    """Give the root logger, and put it back."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield root
    root.handlers[:], root.level = before


@pytest.fixture
def lines(root_logger):
    """Give what reads the JSON lines written so far."""
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def clock():
    """Give a clock set by hand."""
    return HandClock()


def fail(observer, start, fault=NOT_ARRIVED):
    """End an attempt as lost."""
    observer.attempt_ended(failed(make_attempt(ROUTE, start), Outcome.LOST, fault))


def record(message="attempt ended", **fields):
    """Return a record with these fields."""
    made = logging.LogRecord("mailsonar.observe", logging.WARNING, "", 0, message, None, None)
    made.created = 1_795_000_000.25
    made.__dict__.update(log_fields(**fields))
    return made


def test_success_is_one_line(lines, clock):
    """A success is one line at level info that tells route, labels, token and figures."""
    LogObserver(clock).attempt_ended(on_time(make_attempt(ROUTE, token="cafe0001")))
    (line,) = lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "logger": "mailsonar.observe", "msg": "attempt ended", "route": "acme-internal",
        "labels": {"customer": "acme", "level": "forged"}, "token": "cafe0001", "outcome": "on_time", "success": True,
        "round_trip_seconds": 1.84, "error_seconds": 0.31,
    }  # fmt: skip


def test_failure_is_a_warning_with_its_fault(lines, clock):
    """A failure is a warning that names leg, stage and reason."""
    LogObserver(clock).verdict_fell(failed(make_attempt(ROUTE), Outcome.PENDING))
    (line,) = lines()
    assert (line["level"], line["msg"], line["outcome"]) == ("warning", "verdict fell", "pending")
    assert (line["leg"], line["stage"], line["reason"]) == ("submission", "authenticate", "authentication_rejected")
    assert line["detail"] == "535 no"


def test_repeated_fault_is_written_once_a_minute(lines, clock):
    """The same fault of a route is written when it begins and once a minute, with the count of what was left out."""
    observer = LogObserver(clock)
    for second in range(130):
        clock.now = float(second)
        fail(observer, clock.now)
    assert [line.get("suppressed") for line in lines()] == [None, 59, 59]


def test_another_fault_is_written_at_once(lines, clock):
    """A change of fault, and the end of one, are never left out."""
    observer = LogObserver(clock)
    timeout = Fault(leg=Leg.RETRIEVAL, stage=Stage.CONNECT, reason=Reason.TIMEOUT)
    fail(observer, 0.0)
    fail(observer, 1.0)
    fail(observer, 2.0, timeout)
    fail(observer, 3.0, timeout)
    observer.attempt_ended(on_time(make_attempt(ROUTE, 4.0)))
    fail(observer, 5.0, timeout)
    assert [(line.get("reason"), line.get("suppressed")) for line in lines()] == [
        ("not_arrived", None),
        ("timeout", 1),
        (None, 1),
        ("timeout", None),
    ]


def test_copies_cannot_flood_the_log(lines, clock):
    """Ten thousand copies of a message are one line, and do not hide the route's faults."""
    observer = LogObserver(clock)
    for _ in range(10_000):
        observer.duplicate_seen(make_attempt(ROUTE))
    fail(observer, 1.0)
    assert [line["msg"] for line in lines()] == ["duplicate seen", "attempt ended"]


def test_failed_cleanup_is_written(lines, clock):
    """A message of ours that stays in the maildrop is a warning, written again after a good look."""
    observer = LogObserver(clock)
    fault = Fault(leg=Leg.RETRIEVAL, stage=Stage.DELETE, reason=Reason.REJECTED, detail="-ERR no")
    for cleanup_fault in (fault, fault, None, fault):
        observer.maildrop_looked(Look(maildrop=ROUTE.maildrop, cleanup_fault=cleanup_fault))
    assert [(line["maildrop"], line["stage"]) for line in lines()] == [("acme-in", "delete")] * 2


def test_logfmt_line():
    """A logfmt line quotes what is not plain, keeps letters of any script, and puts labels under a prefix."""
    fields = {"route": "Zürich a", "labels": {"customer": "acme"}, "round_trip_seconds": 1.5, "success": None}
    assert Logfmt().format(record(**fields)) == (
        "time=2026-11-18T11:06:40.250Z level=warning logger=mailsonar.observe "
        'msg="attempt ended" route="Zürich a" labels.customer=acme round_trip_seconds=1.5'
    )


@pytest.mark.parametrize("formatter", [Logfmt(), JsonLines()])
def test_server_text_cannot_leave_its_field(formatter):
    """Line breaks, escapes and quotes of a server end up escaped inside one quoted value."""
    line = formatter.format(record(detail=HOSTILE))
    assert line.isprintable()
    assert json.dumps("x" + HOSTILE)[2:20] in line
    assert line.count('level=error msg=\\"all is lost\\"') == 1


def test_traceback_is_one_line():
    """An exception is a field, not forty lines."""
    made = record()
    made.exc_info = (RuntimeError, RuntimeError(HOSTILE), None)
    line = Logfmt().format(made)
    assert line.isprintable()
    assert 'exception="RuntimeError: no\\r\\n' in line


@given(st.text(st.characters()))
def test_json_gives_back_any_text(text):
    """Escaping loses nothing, lone surrogates included, and the line is printable."""
    line = JsonLines().format(record(detail=text))
    assert line.isprintable()
    assert json.loads(line)["detail"] == text


def test_configure_logging_replaces_what_was_there(root_logger):
    """The level holds, and a second call leaves one destination."""
    first, second = io.StringIO(), io.StringIO()
    configure_logging("info", "logfmt", first)
    configure_logging("warning", "logfmt", second)
    logging.getLogger("mailsonar.test").info("quiet")
    logging.getLogger("mailsonar.test").warning("loud")
    assert first.getvalue() == ""
    assert " level=warning logger=mailsonar.test msg=loud\n" in second.getvalue()
