"""What `check` prints in the end: a stage waterfall for people, JSON for programs, one line for Nagios."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mailsonar.cli.provenance import hop_table, verdict_line
from mailsonar.cli.server_report import fresh_page, printed_on
from mailsonar.cli.severity import Thresholds, severity, worst
from mailsonar.cli.transcript import transcript_heading, transcript_table
from mailsonar.model.result import Outcome, Result
from mailsonar.model.route import Expectation
from mailsonar.observe.timeline import timeline
from mailsonar.observe.transcript_json import told_as_json

BAR_WIDTH = 32
_NAMES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_STYLES = ("green", "yellow", "red", "magenta")


def as_json(results: Sequence[Result], _: Thresholds) -> str:
    """Return the results as a JSON list."""
    return json.dumps([told_as_json(result) for result in results], indent=2) + "\n"


def as_nagios(results: Sequence[Result], thresholds: Thresholds) -> str:
    """Return what the plugin API of Nagios wants: a status line with performance data, then a line for each route."""
    status = _NAMES[worst(results, thresholds)]
    lines = [f"{result.attempt.route.name}: {_words(result)}".replace("|", "/") for result in results]
    good = sum(severity(result, thresholds) == 0 for result in results)
    summary = lines[0] if len(lines) == 1 else f"{good} of {len(lines)} routes on time"
    data = " ".join(filter(None, (_performance(result, thresholds) for result in results)))
    first = f"MAILSONAR {status} - {summary}" + (f" | {data}" if data else "")
    return "\n".join([first, *(lines if len(lines) > 1 else [])]) + "\n"


def _performance(result: Result, thresholds: Thresholds) -> str:
    if result.round_trip_seconds is None:
        return ""
    name = result.attempt.route.name.replace("'", "''").replace("=", "_")
    warning, critical = (
        "" if seconds is None else f"{seconds:g}"
        for seconds in (thresholds.warning_seconds, thresholds.critical_seconds)
    )
    return f"'{name}'={result.round_trip_seconds:.3f}s;{warning};{critical};0"


def as_text(results: Sequence[Result], thresholds: Thresholds) -> str:
    """Return a waterfall of the stages for each result, coloured on a terminal."""
    page = fresh_page()
    for result in results:
        _print(page, result, thresholds)
    return printed_on(page)


def _print(page: Console, result: Result, thresholds: Thresholds) -> None:
    level = severity(result, thresholds)
    headline = Text.assemble(
        (result.attempt.route.name, "bold"), "  ", (_NAMES[level], f"bold {_STYLES[level]}"), "  ", _words(result)
    )
    page.print(headline)
    if result.stages:
        page.print(_waterfall(result))
    for transcript in result.transcripts:
        page.print(transcript_heading(transcript))
        page.print(transcript_table(transcript))
    if result.provenance.verdicts:
        page.print(verdict_line(result.provenance))
    if result.provenance.hops:
        page.print(hop_table(result.provenance))
    page.print()


def _waterfall(result: Result) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("leg")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    table.add_column("", no_wrap=True)
    placed = timeline(result)
    scale = BAR_WIDTH / (max(one.end_seconds for one in placed) or 1.0)
    for one in placed:
        timing = one.timing
        bar = Text(" " * min(int(one.start_seconds * scale), BAR_WIDTH - 1))
        bar.append("█" * max(1, round(timing.seconds * scale)), style="red" if timing.failed else "cyan")
        bar.append("  failed" if timing.failed else "", style="red")
        table.add_row(timing.leg, timing.stage, f"{timing.seconds:.4f}", bar)
    return table


def _words(result: Result) -> str:
    """Return what became of an attempt, in one line."""
    if result.round_trip_seconds is not None and not result.fault:
        return f"{result.outcome}: {_figures(result)}"
    if result.success:
        return f"{result.outcome}: {_as_wanted(result)}"
    seen = f", {_figures(result)}" if result.round_trip_seconds is not None else ""
    detail = f" ({result.fault.detail})" if result.fault and result.fault.detail else ""
    return f"{result.outcome}{seen}: {result.fault}{detail}" if result.fault else f"{result.outcome}: not seen yet"


def _as_wanted(result: Result) -> str:
    """Return what became of a success that has no figures."""
    if result.attempt.route.expect is not Expectation.BLOCKED:
        return "seen in time, but its submission has not ended"
    if result.outcome is Outcome.BLOCKED and result.reply and (result.reply.code or 500) >= 500:
        return " ".join(filter(None, ("as it shall be:", result.reply.enhanced, result.reply.text)))
    return "not in the maildrop, as it shall be"


def _figures(result: Result) -> str:
    transit = "" if result.transit_seconds is None else f", transit {result.transit_seconds:.3f} s"
    return f"round trip {result.round_trip_seconds:.3f} s, error {result.error_seconds:.3f} s{transit}"


FORMATS: dict[str, Callable[[Sequence[Result], Thresholds], str]] = {
    "text": as_text,
    "json": as_json,
    "nagios": as_nagios,
}
