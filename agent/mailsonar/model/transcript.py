"""What was said in the sessions of an attempt that failed: for people, every secret and all content struck out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailsonar.model.stage import Leg, Stage


class Speaker(StrEnum):
    """Who a line of a transcript is of; an `EVENT` is what happened to the connection."""

    CLIENT = "client"
    SERVER = "server"
    EVENT = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One printable line of at most 200 characters, and when it came: in milliseconds since the leg's start."""

    who: Speaker
    stage: Stage
    milliseconds: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """One leg's try with a server: its lines in order; it started `start_seconds` after the attempt did."""

    leg: Leg
    server: str
    start_seconds: float
    lines: tuple[Line, ...]
