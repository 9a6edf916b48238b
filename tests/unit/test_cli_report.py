"""What `check` prints in the end."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from tests.support.observed import (
    NOT_ARRIVED,
    REJECTED,
    all_stages,
    failed,
    make_attempt,
    make_route,
    on_time,
    told,
    transcript,
)

from mailsonar.cli.report import FORMATS, as_json, as_nagios, as_text
from mailsonar.cli.severity import Thresholds
from mailsonar.cli.transcript import LINES_SHOWN
from mailsonar.model.fault import Disconnected
from mailsonar.model.result import Outcome, Result
from mailsonar.model.stage import Leg, Stage
from mailsonar.probe.classify import classify

NONE = Thresholds(None, None)
BOTH = Thresholds(30.0, 120.0)
FIRST, SECOND = make_attempt(make_route("first")), make_attempt(make_route("second"))
HOSTILE = "\x1b[31mred\x1b]0;title\x07 \x9b2J | 'x'=1 [bold]no[/bold] \u202e\r\nOK"


def hostile_result() -> Result:
    """Return a failure at whose stage the server said something nasty."""
    fault = classify(Disconnected(HOSTILE, stage=Stage.GREETING), Leg.SUBMISSION)
    return failed(FIRST, fault=fault, stages=all_stages()[:4])


def test_nagios_of_one_route() -> None:
    """One route is one line: state, words, and performance data with thresholds."""
    assert as_nagios([on_time(FIRST)], BOTH) == (
        "MAILSONAR OK - first: on_time: round trip 1.840 s, error 0.310 s, transit 1.520 s | 'first'=1.840s;30;120;0\n"
    )


def test_nagios_of_several_routes() -> None:
    """Several routes are a summary, then a line for each; what was not seen has no performance data."""
    assert as_nagios([on_time(FIRST), failed(SECOND, Outcome.LOST, NOT_ARRIVED)], NONE) == (
        "MAILSONAR CRITICAL - 1 of 2 routes on time | 'first'=1.840s;;;0\n"
        "first: on_time: round trip 1.840 s, error 0.310 s, transit 1.520 s\n"
        "second: lost: transit/arrival/not_arrived (not seen in time)\n"
    )


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("acme--in", "'acme--in'"),
        ("it's", "'it''s'"),
        ("a=b", "'a_b'"),
        ("a b", "'a b'"),
        ("ü", "'ü'"),
    ],
)
def test_nagios_labels_are_quoted(name: str, label: str) -> None:
    """A route's name can neither end its label nor begin another value."""
    line = as_nagios([on_time(make_attempt(make_route(name)))], NONE)
    assert line.partition(" | ")[2] == f"{label}=1.840s;;;0\n"


def test_nagios_text_has_no_pipe_and_no_second_line() -> None:
    """What a server says can neither forge performance data nor add a line."""
    printed = as_nagios([hostile_result()], NONE)
    assert printed.count("\n") == 1
    assert "|" not in printed


def test_json_is_a_list_of_results() -> None:
    """JSON holds every result, seen or not, in the order of the routes."""
    pending = Result(attempt=SECOND, outcome=Outcome.PENDING, success=None)
    found = json.loads(as_json([on_time(FIRST), pending], NONE))
    assert [(one["route"], one["outcome"], one["success"]) for one in found] == [
        ("first", "on_time", True),
        ("second", "pending", None),
    ]


def test_text_shows_the_waterfall() -> None:
    """Each stage has its line, its seconds, and a bar that begins where the one before it ends."""
    printed = as_text([on_time(FIRST, stages=all_stages())], NONE)
    assert printed.startswith("first  OK  on_time: round trip 1.840 s, error 0.310 s, transit 1.520 s\n")
    bars = [line.index("█") for line in printed.splitlines() if "█" in line]
    assert bars == sorted(bars)
    assert len(bars) == len(all_stages())
    assert re.search(r"transit +arrival +0\.0500", printed)


def test_text_shows_a_failure() -> None:
    """A failed attempt is shown as such, with the fault's words."""
    printed = as_text([failed(FIRST, fault=REJECTED)], NONE)
    assert "first  CRITICAL  failed: submission/authenticate/authentication_rejected (535 no)" in printed


def test_text_shows_what_the_message_tells() -> None:
    """Verdicts stand in one line, hops below one another, skew in words; a name like mark-up is a name."""
    provenance = told()
    hostile = replace(provenance.hops[1], by_host="[bold]mx[/bold]")
    provenance = replace(provenance, hops=(provenance.hops[0], hostile, provenance.hops[2]))
    printed = as_text([on_time(FIRST, provenance=provenance)], NONE)
    assert "  sender: spf pass, dkim none, dmarc fail\n" in printed
    hops = [" ".join(line.split()) for line in printed.splitlines() if line.strip()[:1] in {"1", "2", "3"}]
    assert hops == [
        "1 mx1.contoso.example client.acme.example local",
        "2 [bold]mx[/bold] mx1.contoso.example ESMTPS yes 2",
        "3 mx3.contoso.example mx2.contoso.example ESMTPS yes -98 clocks differ",
    ]
    assert "hop" not in as_text([on_time(FIRST)], NONE)


def test_text_shows_how_the_sessions_of_a_failure_ended() -> None:
    """The last lines of each session stand below the waterfall, and how many there were before."""
    long = transcript(*(f"250-X{number}" for number in range(40)), "550 [bold]no[/bold]")
    printed = as_text([failed(FIRST, transcripts=(long, transcript("+OK", leg=Leg.RETRIEVAL)))], NONE)
    assert "submission at smtp.acme.example:587, after 29 lines that are not shown\n" in printed
    said = [" ".join(line.split()) for line in printed.splitlines() if "S:" in line]
    assert (len(said), said[0]) == (LINES_SHOWN + 1, "0.290 S: 250-X29")
    assert said[-2:] == ["0.400 S: 550 [bold]no[/bold]", "0.000 S: +OK"]


def test_json_has_the_transcripts_of_failures() -> None:
    """Programs get them whole."""
    long = transcript(*(f"250-X{number}" for number in range(40)))
    found = json.loads(as_json([failed(FIRST, transcripts=(long,)), on_time(SECOND)], NONE))
    assert len(found[0]["transcript"][0]["lines"]) == 40
    assert "transcript" not in found[1]


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_lets_a_terminal_escape_through(name: str) -> None:
    """What a server says reaches the terminal as plain, printable text, its mark-up unread."""
    printed = FORMATS[name]([hostile_result()], NONE)
    assert all(char.isprintable() or char == "\n" for char in printed)
    assert "[bold]no[/bold]" in printed


def test_pending_result_has_words() -> None:
    """A message that is still awaited says so."""
    pending = Result(attempt=SECOND, outcome=Outcome.PENDING, success=None)
    assert as_nagios([pending], NONE) == "MAILSONAR CRITICAL - second: pending: not seen yet\n"
