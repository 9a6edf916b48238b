"""Transcripts as JSON, for the API, `check` and the journal, and read back from it; the keys are public."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mailsonar.model.result import Result
from mailsonar.model.stage import Leg, Stage
from mailsonar.model.transcript import Line, Speaker, Transcript
from mailsonar.observe.result_json import result_as_json


def told_as_json(result: Result) -> dict[str, Any]:
    """Return a result as a value that `json.dumps` takes, a failure with its transcripts."""
    shown = result_as_json(result)
    return shown | {"transcript": transcripts_as_json(result.transcripts)} if result.success is False else shown


def transcripts_as_json(transcripts: Sequence[Transcript]) -> list[dict[str, Any]]:
    """Return transcripts as a value that `json.dumps` takes."""
    return [
        {
            "leg": str(transcript.leg),
            "server": transcript.server,
            "start_seconds": round(transcript.start_seconds, 6),
            "lines": [_line(line) for line in transcript.lines],
        }
        for transcript in transcripts
    ]


def _line(line: Line) -> dict[str, Any]:
    return {"who": str(line.who), "stage": str(line.stage), "milliseconds": line.milliseconds, "text": line.text}


def restored_transcripts(text: str) -> tuple[Transcript, ...]:
    """Return the transcripts of which a text is the JSON, none where it is none."""
    try:
        return tuple(_transcript(one) for one in json.loads(text))
    except (KeyError, TypeError, ValueError):
        return ()


def _transcript(data: Mapping[str, Any]) -> Transcript:
    return Transcript(
        leg=Leg(data["leg"]),
        server=data["server"],
        start_seconds=data["start_seconds"],
        lines=tuple(
            Line(
                who=Speaker(line["who"]),
                stage=Stage(line["stage"]),
                milliseconds=line["milliseconds"],
                text=line["text"],
            )
            for line in data["lines"]
        ),
    )
