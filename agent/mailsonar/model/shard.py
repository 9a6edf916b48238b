"""Which of several agents a maildrop belongs to: all that know how many they are agree on it without a word.

Rendezvous hashing: every agent draws a lot for every mailbox, and the highest lot has it. One agent more takes over
only what it draws highest for, and from each of the others alike; one less leaves only its own. Whoever changes this
hash moves nearly every maildrop of every fleet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from mailsonar.model.route import Maildrop, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One of `total` agents that share a config, the first of index 0; an agent without others is all there is."""

    index: int = 0
    total: int = 1

    def owns(self, maildrop: Maildrop) -> bool:
        """Tell whether a maildrop is looked into here, and nowhere else."""
        return self.total == 1 or owner_of(maildrop, self.total) == self.index


ALONE = Shard()


def owner_of(maildrop: Maildrop, total: int) -> int:
    """Return the index of the agent that a maildrop belongs to, of so many."""
    return max(range(total), key=lambda index: hashlib.sha256(f"{index} {maildrop.mailbox}".encode()).digest())


def by_shard(routes: Iterable[Route], total: int) -> list[list[Route]]:
    """Return the routes of each shard, by its index: those that lead to its maildrops."""
    parts: list[list[Route]] = [[] for _ in range(total)]
    for route in routes:
        parts[owner_of(route.maildrop, total)].append(route)
    return parts
