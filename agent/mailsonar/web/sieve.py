"""The overview's filter, as it stands in the URL: `q`, `state`, and `label.NAME` for each declared label.

The page's script sifts the same way without asking; here it is done for who has none, and for links that are shared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from multidict import MultiMapping

from mailsonar.web.state import State

_PREFIX = "label."
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Sieve:
    """What a route must be to be shown: all words in its text, one of the states, one of the values of each label."""

    text: str = ""
    states: frozenset[str] = frozenset()
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def is_open(self) -> bool:
        """Tell whether everything goes through."""
        return not (self.text.split() or self.states or self.labels)

    def admits(self, state: State, labels: Iterable[tuple[str, str]], text: str) -> bool:
        """Tell whether a route goes through; `text` is in lower case."""
        if self.states and state not in self.states:
            return False
        if not all(word in text for word in self.text.lower().split()):
            return False
        return set(self.labels) <= set(labels)


def sieve_of(query: MultiMapping[str]) -> Sieve:
    """Return the sieve that a query asks for; what it does not know is no hindrance."""
    labels = ((name.removeprefix(_PREFIX), value) for name, value in query.items() if name.startswith(_PREFIX))
    return Sieve(
        text=query.get("q", "")[:_LONGEST],
        states=frozenset(query.getall("state", [])) & frozenset(State),
        labels=tuple((name, value) for name, value in labels if value),
    )
