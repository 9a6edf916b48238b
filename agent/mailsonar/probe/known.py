"""What the messages of one maildrop are, as far as their headers were read: pure.

A key stands for a listed message and is forgotten once it is no longer listed. A message is read once, unless it is to
be deleted: what a key says is a hint, and only the header read in the same session allows a deletion.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from mailsonar.model.fault import Reason

NO_KEY = 0  # of a message that an earlier process saw: no listing of this one has it


def is_place(key: int) -> bool:
    """Tell whether a key is a place in the listing, which another message may take: it has no unique-id of its own."""
    return key < 0


class Kind(Enum):
    """What a listed message is."""

    UNREAD = auto()
    UNREADABLE = auto()
    BEYOND_BOUNDS = auto()
    FOREIGN = auto()
    OURS = auto()
    KEPT = auto()
    LEFTOVER = auto()


@dataclass(frozen=True, slots=True)
class Sighting:
    """When a message was first listed, and the latest instant at which it is known not to have been there.

    Both in monotonic seconds; `absent_at` is None where no earlier listing lacked the message.
    """

    key: int
    seen: float
    absent_at: float | None


class Known:
    """The listed messages by key; `listings` counts the listings that were taken in."""

    def __init__(self) -> None:
        self.listings = 0
        self._kinds: dict[int, Kind] = {}
        self._sightings: dict[int, Sighting] = {}
        self._due_wall: dict[int, float] = {}
        self._unreadable: dict[int, Reason] = {}
        self._absent_at: float | None = None

    def take_in(self, keys: Sequence[int], *, seen: float, asked: float) -> None:
        """Take in a listing.

        Args:
            keys: the messages that it shows, in its order.
            seen: the monotonic instant at which it was received.
            asked: the monotonic instant before which it cannot have been made.
        """
        self.listings += 1
        kinds = self._kinds
        fresh = {key: Sighting(key, seen, self._absent_at) for key in keys if key not in kinds}
        self._kinds = {key: kinds.get(key, Kind.UNREAD) for key in keys}
        self._sightings = {key: found for key, found in self._sightings.items() if key in self._kinds} | fresh
        self._due_wall = {key: due for key, due in self._due_wall.items() if key in self._kinds}
        self._unreadable = {key: why for key, why in self._unreadable.items() if key in self._kinds}
        self._absent_at = asked

    def to_read(self, keys: Sequence[int], *, now_wall: float) -> list[int]:
        """Return the positions worth reading: what is new from both ends inwards, more unread, ours to delete.

        Args:
            keys: the listing, in its order.
            now_wall: POSIX seconds, which decide whether a leftover is due.
        """
        newest = max((found.seen for found in self._sightings.values()), default=0.0)
        unread = [position for position, key in enumerate(keys) if self._kinds[key] is Kind.UNREAD]
        new = [position for position in unread if self._sightings[keys[position]].seen == newest]
        older = [position for position in unread if self._sightings[keys[position]].seen != newest]
        again = [position for position, key in enumerate(keys) if self._kinds[key] is Kind.UNREADABLE]
        return [*_inwards(new), *_inwards(older), *self._to_delete(keys, now_wall), *_inwards(again)]

    def _to_delete(self, keys: Sequence[int], now_wall: float) -> list[int]:
        return [
            position
            for position, key in enumerate(keys)
            if self._kinds[key] is Kind.OURS or self._due_wall.get(key, now_wall) < now_wall
        ]

    def has_unread_since(self, instant: float) -> bool:
        """Tell whether a message that was first listed after an instant still waits to be read."""
        return any(
            found.seen > instant and self._kinds.get(key) is Kind.UNREAD for key, found in self._sightings.items()
        )

    def unreadable_since(self, instant: float) -> Reason | None:
        """Return why a message that was first listed after an instant, and may be any, cannot be read."""
        return next((why for key, why in self._unreadable.items() if self._sightings[key].seen > instant), None)

    def owed(self, now_wall: float) -> int:
        """Return how many of our own messages are listed that should have been removed."""
        return sum(kind is Kind.OURS for kind in self._kinds.values()) + sum(
            due < now_wall for due in self._due_wall.values()
        )

    def sighting(self, key: int) -> Sighting | None:
        """Return when an unread message was first listed."""
        return self._sightings.get(key)

    def settle(self, key: int, kind: Kind, *, due_wall: float | None = None) -> None:
        """Note what a message is; a leftover is due for deletion from `due_wall` on, in POSIX seconds."""
        self._kinds[key] = kind
        self._sightings.pop(key, None)
        self._unreadable.pop(key, None)
        if due_wall is not None:
            self._due_wall[key] = due_wall

    def skip(self, key: int, reason: Reason) -> None:
        """Note why a listed message could not be read; the next look tries again, unless it is beyond our bounds.

        Nothing waits for it: a message that is broken for good must not keep attempts from their outcome.
        """
        self._kinds[key] = Kind.BEYOND_BOUNDS if reason is Reason.LIMIT_EXCEEDED else Kind.UNREADABLE
        if key in self._sightings:
            self._unreadable[key] = reason

    def forget(self, key: int) -> None:
        """Note that a message was removed for good."""
        self._unreadable.pop(key, None)
        self._kinds.pop(key, None)
        self._due_wall.pop(key, None)


def _inwards(positions: Sequence[int]) -> Iterator[int]:
    """Yield the last, the first, the last but one, ...: most servers list the newest last, some first."""
    low, high = 0, len(positions) - 1
    while low < high:
        yield positions[high]
        yield positions[low]
        low, high = low + 1, high - 1
    if low == high:
        yield positions[low]
