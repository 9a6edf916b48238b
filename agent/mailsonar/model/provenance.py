"""What a message tells of its way: the hops of its trace fields, and what the receiving server found on its sender.

Servers wrote it, by clocks of their own. It helps to say where time was spent and whose mail it is taken for; round
trip, outcome and fault never rest on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    """How a sender is authenticated."""

    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"


class Finding(StrEnum):
    """What a method found (RFC 8601 section 2.7); `UNKNOWN` stands for every other word."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 - the name of a result
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    POLICY = "policy"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderVerdict:
    """What one method found."""

    method: Method
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One trace field (RFC 5321 section 4.4); texts in the words of the server that wrote it, "" where it has none.

    `tls` is None where the field does not tell. `received_wall` is a POSIX time with a resolution of a second;
    `seconds` is the time since the hop before, below 0 where their clocks differ, None where a time is missing.
    """

    from_host: str = ""
    by_host: str = ""
    protocol: str = ""
    tls: bool | None = None
    received_wall: float | None = None
    seconds: float | None = None

    @property
    def is_skewed(self) -> bool:
        """Tell whether the message left the hop before later than it came here: one of two clocks is wrong."""
        return self.seconds is not None and self.seconds < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """All that a message tells: hops in the order in which it took them, and at most one verdict of each method."""

    hops: tuple[Hop, ...] = ()
    verdicts: tuple[SenderVerdict, ...] = ()


NOTHING_TOLD = Provenance()
