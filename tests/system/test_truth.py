"""What the agent says of an arrival, against the moment at which the file really appeared in the Maildir."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from tests.support.agent_process import AgentProcess
from tests.support.arrivals import Visible, watched
from tests.support.config_text import RouteText, write_config
from tests.support.mailhost import MailHost

pytestmark = [pytest.mark.needs_calm, pytest.mark.takes_seconds(25)]

ROUTES = 20
MESSAGES = 100
SETTINGS = {"interval": "3s", "deadline": "20s", "give_up": "40s"}
ROUNDING_SECONDS = 0.002  # `started` is cut to whole milliseconds, and two clocks are read one after the other
SECURITIES = ("starttls", "implicit_tls", "plaintext")


async def results_of(agent: AgentProcess, routes: list[RouteText]) -> list[dict[str, Any]]:
    """Return the results of all routes whose message was seen, by the time of their start."""
    answers = [json.loads((await agent.get(f"/api/v1/routes/{route.name}/results"))[1]) for route in routes]
    seen = [one for answer in answers for one in answer if one["outcome"] == "on_time"]
    return sorted(seen, key=lambda one: str(one["started"]))


def truth_by_token(
    tokens: set[str], folders: list[Path], arrivals: dict[str, Visible]
) -> dict[str, tuple[float, float]]:
    """Return between which two POSIX times each of some probes became visible; the routes leave them on the server.

    Where a session was quicker than the watch, the file's mtime stands in for its ctime: no rename changes it.
    Messages that still arrive after the agent stopped are none of them.
    """
    truth = {}
    for file in (file for folder in folders for part in ("new", "cur") for file in (folder / part).iterdir()):
        token = re.search(rb"^X-MailSonar-Token: ms1-([a-z2-7]{20})-", file.read_bytes(), re.MULTILINE)
        assert token is not None, file
        if token[1].decode() in tokens:
            visible = arrivals[file.name.partition(":")[0]]
            truth[token[1].decode()] = visible.ctime or file.stat().st_mtime, visible.heard
    return truth


async def test_the_true_arrival_lies_within_the_error(
    mail_host: MailHost, positions: Iterator[int], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Of 100 messages with random delays, each arrived in [seen - error, seen], and the error is no padding.

    The truth is the rename into `new`, which makes a message visible: not before the file's ctime, not after the
    kernel told of it. A listing may show the message in between, so its end is held against the ctime.
    """
    pairs = [list(islice(positions, 2)) for _ in range(ROUTES)]
    routes = [
        RouteText(
            name=f"truth-{number:02}",
            sender=sender,
            maildrop=maildrop,
            pop3_security=SECURITIES[number % 3],  # type: ignore[arg-type] # of a tuple of literals
            settings=SETTINGS,
            maildrop_keys={"cleanup": "keep"},
        )
        for number, (sender, maildrop) in enumerate(pairs)
    ]
    folders = [mail_host.maildir(mail_host.users[route.maildrop].address) for route in routes]
    mail_host.delay_deliveries(0.0, 3.0)
    try:
        with watched([folder / "new" for folder in folders], tmp_path / "arrivals") as arrivals:
            async with AgentProcess(write_config(mail_host, routes, tmp_path), tmp_path) as agent:
                await agent.until(
                    lambda scrape: scrape.total("mailsonar_probes_total", outcome="on_time") >= MESSAGES,
                    90,
                    f"{MESSAGES} arrivals",
                )
                results = (await results_of(agent, routes))[:MESSAGES]
                await agent.stop()
            truth = truth_by_token({result["token"] for result in results}, folders, arrivals.by_name())
    finally:
        mail_host.delay_deliveries(0.0, 0.0)

    outside, shares = [], []
    for result in results:
        seen = datetime.fromisoformat(result["started"]).timestamp() + result["round_trip_seconds"]
        (earliest, latest), error = truth[result["token"]], result["error_seconds"]
        if not (earliest <= seen + ROUNDING_SECONDS and latest >= seen - error):
            outside.append((result["token"], seen - latest, error))
        shares.append((seen - latest) / error)
    errors = [result["error_seconds"] for result in results]
    doubt = [latest - earliest for earliest, latest in truth.values()]
    figures = {
        "messages": len(results),
        "outside": outside,
        "error": f"median {median(errors):.3f} s, largest {max(errors):.3f} s",
        "true share of it": f"median {median(shares):.2f}, largest {max(shares):.2f}",
        "doubt of the truth": f"median {median(doubt) * 1000:.1f} ms, largest {max(doubt) * 1000:.1f} ms",
    }
    record_property("truth", figures)
    assert len(results) == MESSAGES
    assert outside == []
    assert max(errors) < 3.0
    assert max(shares) > 0.8
    assert all(result["transit_seconds"] >= 0 for result in results)
