"""Filters of a real Postfix: what they stop is a success, what they let through is the fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.command_line import mailsonar
from tests.support.config_text import RouteText, write_config
from tests.support.mailhost import MailHost

SETTINGS = {"expect": "blocked", "deadline": "3s", "give_up": "6s"}


def route(name: str, positions: Iterator[int], **settings: Any) -> RouteText:
    """Return a route whose probes shall be blocked."""
    return RouteText(name=name, sender=next(positions), maildrop=next(positions), settings=SETTINGS | settings)


async def test_filters_are_watched(mail_host: MailHost, positions: Iterator[int], tmp_path: Path) -> None:
    """GTUBE is refused at data, EICAR vanishes: both well; a plain message comes through: a fault, and exit 2."""
    spam, virus, plain = (
        route("spam", positions, content="gtube"),
        route("virus", positions, content="eicar"),
        route("plain", positions),
    )
    config_file = write_config(mail_host, [spam, virus, plain], tmp_path)
    well = await mailsonar("check", "spam", "virus", "--output", "json", "--config.file", config_file)
    by_name = {result["route"]: result for result in well.json}
    assert well.status == 0, well.stderr
    refused = by_name["spam"]
    assert (refused["outcome"], refused["success"], refused["fault"]) == ("blocked", True, None)
    assert (refused["reply"]["code"], refused["reply"]["text"][-4:]) == (550, "spam")
    vanished = by_name["virus"]
    assert (vanished["outcome"], vanished["success"], vanished["fault"]) == ("pending", True, None)
    assert vanished["reply"]["code"] == 250

    let_through = await mailsonar("check", "plain", "--config.file", config_file)
    assert let_through.status == 2
    assert "transit/arrival/not_blocked" in let_through.stdout
