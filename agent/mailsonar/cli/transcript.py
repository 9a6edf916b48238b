"""What `check` prints of what was said on an attempt that failed: the end of each session, which is where it failed."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from mailsonar.model.transcript import Speaker, Transcript

LINES_SHOWN = 12
_MARKS = {Speaker.CLIENT: "C:", Speaker.SERVER: "S:", Speaker.EVENT: "***"}


def transcript_heading(transcript: Transcript) -> Text:
    """Return whose transcript it is, in one line."""
    before = len(transcript.lines) - LINES_SHOWN
    left_out = f", after {before} lines that are not shown" if before > 0 else ""
    return Text(f"  {transcript.leg} at {transcript.server}{left_out}")


def transcript_table(transcript: Transcript) -> Table:
    """Return the last lines of a transcript; a server's words are plain text."""
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("said", overflow="fold")
    for line in transcript.lines[-LINES_SHOWN:]:
        style = "" if line.who is Speaker.SERVER else "bold" if line.who is Speaker.CLIENT else "italic"
        table.add_row(f"{line.milliseconds / 1000:.3f}", _MARKS[line.who], Text(line.text, style=style))
    return table
