"""What a benchmark finds: a figure beside the yardstick that ran in the same minute on the same machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    `figure` and `yardstick` are in `unit`; `limit` is the most, or with `is_least` the least, that `measured` may be.
    Without a yardstick the figure itself is what the limit is for, else the ratio of the two.
    """

    bench: str
    what: str
    figure: float
    unit: str
    yardstick: float | None = None
    yardstick_name: str = ""
    limit: float | None = None
    is_least: bool = False

    @property
    def measured(self) -> float:
        """Return what the limit is for: the ratio to the yardstick, or the figure where there is none."""
        return self.figure if self.yardstick is None else self.figure / self.yardstick

    @property
    def holds(self) -> bool:
        """Tell whether the limit is kept; without a limit there is nothing to keep."""
        if self.limit is None:
            return True
        return self.measured >= self.limit if self.is_least else self.measured <= self.limit
