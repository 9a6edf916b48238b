"""What `check` prints of a message's own words: its hops, and what was found on its sender."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from mailsonar.model.provenance import Hop, Provenance


def verdict_line(told: Provenance) -> Text:
    """Return the verdicts in one line."""
    return Text("  sender: " + ", ".join(f"{verdict.method} {verdict.finding}" for verdict in told.verdicts))


def hop_table(told: Provenance) -> Table:
    """Return a line for each hop, in the order in which the message took them; servers' words are plain text."""
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("hop", justify="right")
    for column in ("by", "from", "with", "TLS"):
        table.add_column(column, overflow="fold")
    table.add_column("seconds", justify="right")
    table.add_column("", no_wrap=True)
    for number, hop in enumerate(told.hops, start=1):
        tls = {True: "yes", False: "no", None: ""}[hop.tls]
        words = (hop.by_host, hop.from_host, hop.protocol, tls, _seconds(hop))
        table.add_row(str(number), *map(Text, words), Text("clocks differ" if hop.is_skewed else "", style="yellow"))
    return table


def _seconds(hop: Hop) -> str:
    return "" if hop.seconds is None else f"{hop.seconds:.0f}"
