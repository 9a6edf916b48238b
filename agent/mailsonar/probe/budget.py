"""How much of what a provider counts an account has used of late: pure but for the instants that are passed in.

Config refuses plans that are beyond a budget. Retries, probes on demand, and routes that a reload brought closer to
each other are kept inside it here.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterator

from mailsonar.model.limits import Counted, Rate
from mailsonar.model.server import Account


class Budgets:
    """The uses of accounts whose limits are known; what a limit does not need is forgotten."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, Counted, float], deque[float]] = defaultdict(deque)

    def free_at(self, account: Account, uses: Collection[Counted], now: float) -> float:
        """Return the monotonic instant from which the account's budget has room for one more of these uses.

        Args:
            account: whose budget.
            uses: what one session would be counted as.
            now: the monotonic instant.
        """
        return max((self._room_at(account, rate, now) for rate in _rates(account, uses)), default=now)

    def spend(self, account: Account, uses: Collection[Counted], now: float) -> None:
        """Count a session that begins now."""
        for rate in _rates(account, uses):
            self._used[account.key, rate.counted, rate.seconds].append(now)

    def _room_at(self, account: Account, rate: Rate, now: float) -> float:
        used = self._used[account.key, rate.counted, rate.seconds]
        while used and used[0] <= now - rate.seconds:
            used.popleft()
        return now if len(used) < rate.count else used[-rate.count] + rate.seconds


def _rates(account: Account, uses: Collection[Counted]) -> Iterator[Rate]:
    return (rate for rate in account.limits.rates if rate.counted in uses)
