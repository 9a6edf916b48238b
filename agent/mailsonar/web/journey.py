"""View models of what a message told of its way: its hops, and what was found on its sender."""

from __future__ import annotations

from dataclasses import dataclass

from mailsonar.model.provenance import Hop
from mailsonar.model.result import Result
from mailsonar.web.wording import duration, utc


@dataclass(frozen=True, slots=True, kw_only=True)
class HopRow:
    """A line of the hops; what is not known is ""."""

    number: int
    by_host: str
    from_host: str
    protocol: str
    tls: str
    received: str
    took: str
    is_skewed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """What the message of one attempt told; `verdicts` are pairs of method and finding."""

    attempt_of: str
    hops: tuple[HopRow, ...]
    verdicts: tuple[tuple[str, str], ...]


def journey(result: Result | None) -> Journey | None:
    """Return what the message of a result told, None where it told nothing."""
    told = result.provenance if result else None
    if result is None or told is None or not (told.hops or told.verdicts):
        return None
    return Journey(
        attempt_of=utc(result.attempt.started_wall),
        hops=tuple(_hop_row(number, hop) for number, hop in enumerate(told.hops, start=1)),
        verdicts=tuple((verdict.method.upper(), verdict.finding) for verdict in told.verdicts),
    )


def _hop_row(number: int, hop: Hop) -> HopRow:
    return HopRow(
        number=number,
        by_host=hop.by_host,
        from_host=hop.from_host,
        protocol=hop.protocol,
        tls={True: "yes", False: "no", None: ""}[hop.tls],
        received="" if hop.received_wall is None else utc(hop.received_wall),
        took=_took(hop),
        is_skewed=hop.is_skewed,
    )


def _took(hop: Hop) -> str:
    """Return whole seconds, which is all that trace fields know."""
    if hop.seconds is None:
        return ""
    return f"{hop.seconds:.0f} s" if hop.seconds < 60 else duration(hop.seconds)
