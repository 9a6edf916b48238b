"""View models of what was said on an attempt that failed."""

from __future__ import annotations

from dataclasses import dataclass

from mailsonar.model.transcript import Line, Speaker, Transcript
from mailsonar.web.wording import duration

_MARKS = {Speaker.CLIENT: "C:", Speaker.SERVER: "S:", Speaker.EVENT: "***"}
_WORDS = {Speaker.CLIENT: "MailSonar said", Speaker.SERVER: "the server said", Speaker.EVENT: "event"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidLine:
    """A line: `mark` is for eyes, `words` is for ears, `stage` is "" where it is that of the line before."""

    who: Speaker
    mark: str
    words: str
    stage: str
    at: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """What was said on one leg."""

    leg: str
    server: str
    started: str
    lines: tuple[SaidLine, ...]


def session_view(transcript: Transcript) -> SessionView:
    """Return what a page shows of a transcript."""
    lines = transcript.lines
    return SessionView(
        leg=transcript.leg,
        server=transcript.server,
        started=duration(transcript.start_seconds) if transcript.start_seconds >= 1 else "",
        lines=tuple(_said(line, lines[at - 1] if at else None) for at, line in enumerate(lines)),
    )


def _said(line: Line, before: Line | None) -> SaidLine:
    same = before is not None and before.stage is line.stage
    return SaidLine(
        who=line.who,
        mark=_MARKS[line.who],
        words=_WORDS[line.who],
        stage="" if same else str(line.stage).replace("_", " "),
        at=duration(line.milliseconds / 1000),
        text=line.text,
    )
