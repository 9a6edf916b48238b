"""What is remembered of messages that are awaited no longer: neither their content nor their timings.

A fleet remembers hundreds of thousands, so each is packed into a few bytes: pure.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mailsonar.message.token import ID_BYTES, base32
from mailsonar.model.result import Attempt
from mailsonar.model.route import Route
from mailsonar.probe.known import NO_KEY, Known, is_place

TOKEN_LENGTH = len(base32(bytes(ID_BYTES)))
# The token, the start by both clocks, the seconds from there to `until`, the copy's key.
_FACTS = struct.Struct(f"<{TOKEN_LENGTH}sddfQ")


class Copies:
    """The copies of one message: by unique-id, or, where a key is only a place in the listing, by their number.

    A place says nothing across listings: messages move up when others go. So of those only the copies that one listing
    showed count, and those that we had removed before it.
    """

    __slots__ = ("_ids", "_listing", "_most_in_places", "_places", "_removed")

    def __init__(self) -> None:
        self._ids: frozenset[int] = frozenset()
        self._places: frozenset[int] = frozenset()
        self._listing = 0
        self._removed = 0
        self._most_in_places = 0

    @classmethod
    def of(cls, key: int) -> Copies:
        """Return the one copy that has this unique-id; none for `NO_KEY`."""
        copies = cls()
        copies._ids = frozenset() if key == NO_KEY else frozenset({key})
        return copies

    @property
    def further(self) -> int:
        """Return how many copies there were besides the first."""
        return max(0, self._all - 1)

    @property
    def _all(self) -> int:
        return len(self._ids) + self._most_in_places

    @property
    def key(self) -> int | None:
        """Return the unique-id's key if that is all there is to tell, `NO_KEY` without any copy, else None."""
        if len(self._ids) > 1 or self._places or self._removed or self._most_in_places:
            return None
        return next(iter(self._ids), NO_KEY)

    def take(self, key: int, known: Known) -> bool:
        """Take in a copy that the last listing shows; tell whether it is one more than before."""
        before = self._all
        if not is_place(key):
            self._ids |= {key}
            return self._all > before
        if self._listing != known.listings:
            self._listing, self._places = known.listings, frozenset()
        self._places |= {key}
        self._most_in_places = max(self._most_in_places, self._removed + len(self._places))
        return self._all > before

    def remove(self, key: int) -> None:
        """Note that a copy was removed for good."""
        self._removed += is_place(key)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was sent and is remembered."""

    attempt: Attempt
    copies: Copies


class Remembered:
    """The messages of one maildrop that are remembered, each up to a monotonic instant.

    Those of a route lie one behind the other, the oldest first: a few dozen are searched faster than they are hashed.
    """

    __slots__ = ("_copies", "_facts")

    def __init__(self) -> None:
        self._facts: list[tuple[Route, bytearray]] = []
        self._copies: dict[str, Copies] = {}  # of those few of which there is more to tell than one unique-id

    def __contains__(self, token_id: str) -> bool:
        return any(_place(facts, token_id) is not None for _, facts in self._facts)

    def __len__(self) -> int:
        return sum(len(facts) for _, facts in self._facts) // _FACTS.size

    def add(self, attempt: Attempt, copies: Copies, until: float) -> None:
        """Remember a message.

        Args:
            attempt: whose message.
            copies: what is known of its copies.
            until: the monotonic instant up to which it is remembered.
        """
        facts = self._facts_of(attempt.route)
        facts += self._packed(Sent(attempt, copies), until - attempt.started)

    def get(self, token_id: str) -> Sent | None:
        """Return a message; what becomes known of its copies from now on is to be kept."""
        for route, facts in self._facts:
            if (place := _place(facts, token_id)) is not None:
                _, started, started_wall, _, key = _FACTS.unpack_from(facts, place)
                attempt = Attempt(route=route, token_id=token_id, started=started, started_wall=started_wall)
                return Sent(attempt, self._copies.get(token_id) or Copies.of(key))
        return None

    def keep(self, sent: Sent) -> None:
        """Keep what is known by now of the copies of a message."""
        facts = self._facts_of(sent.attempt.route)
        if (place := _place(facts, sent.attempt.token_id)) is not None:
            _, _, _, lasts, _ = _FACTS.unpack_from(facts, place)
            facts[place : place + _FACTS.size] = self._packed(sent, lasts)

    def take_over(self, other: Remembered) -> None:
        """Remember what another one does, as if it had been added before."""
        for route, facts in other._facts:
            self._facts_of(route)[:0] = facts
        self._copies.update(other._copies)

    def expire(self, now: float) -> None:
        """Forget those whose time is over."""
        for _, facts in self._facts:
            self._expire(facts, now)
        if not all(facts for _, facts in self._facts):
            self._facts = [one for one in self._facts if one[1]]

    def _expire(self, facts: bytearray, now: float) -> None:
        """Forget from the front on: what was added later is remembered longer."""
        over = 0
        for token, started, _, lasts, _ in _FACTS.iter_unpack(facts):
            if now < started + lasts:
                break
            over += _FACTS.size
            self._copies.pop(_text(token), None)
        if over:
            del facts[:over]

    def _packed(self, sent: Sent, lasts: float) -> bytes:
        attempt, key = sent.attempt, sent.copies.key
        if key is None:
            self._copies[attempt.token_id] = sent.copies
        token = attempt.token_id.encode()
        return _FACTS.pack(token, attempt.started, attempt.started_wall, lasts, key or NO_KEY)

    def _facts_of(self, route: Route) -> bytearray:
        """Return the messages of a route; one that was changed by a reload is another one."""
        for known, facts in self._facts:
            if known is route:
                return facts
        self._facts.append((route, bytearray()))
        return self._facts[-1][1]


def _place(facts: bytearray, token_id: str) -> int | None:
    """Return where a message's facts begin."""
    token = token_id.encode().ljust(TOKEN_LENGTH, b"\0")
    place = facts.find(token)
    while place > 0 and place % _FACTS.size:  # the same bytes across two facts
        place = facts.find(token, place + 1)
    return None if place < 0 else place


def _text(token: bytes) -> str:
    return token.rstrip(b"\0").decode()
