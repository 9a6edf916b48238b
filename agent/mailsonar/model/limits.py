"""What an account tolerates of us: sessions at a time, and uses within a time; and who sets such limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Provider(StrEnum):
    """A provider whose servers and limits we know; the values are public."""

    MICROSOFT365 = "microsoft365"
    GOOGLE = "google"
    OVH = "ovh"
    CPANEL = "cpanel"
    ZOHO = "zoho"


class Counted(StrEnum):
    """What a provider counts."""

    LOGIN = "logins"
    SUBMISSION = "submissions"
    EXTERNAL_SUBMISSION = "submissions to other organisations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most `count` uses within any `seconds`."""

    counted: Counted
    count: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the account's provider tolerates; `submissions` are its rates besides that of logins."""

    sessions: int = 2
    logins_per_hour: int | None = None
    submissions: tuple[Rate, ...] = ()

    @property
    def rates(self) -> Iterator[Rate]:
        """Yield all rates."""
        if self.logins_per_hour is not None:
            yield Rate(counted=Counted.LOGIN, count=self.logins_per_hour, seconds=3600.0)
        yield from self.submissions
