"""What a session learns of authentication, noted along the way, so that it is known also when it ends in the middle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mailsonar.model.server import PLAINTEXT_MECHANISMS, Mechanism
from mailsonar.wire.lines import printable

OFFERS_KEPT = 12
OFFER_LIMIT = 24  # RFC 4422 section 3.1: a mechanism's name has at most 20 characters


@dataclass(slots=True)
class LoginNotes:
    """What is known so far: the verdict, the mechanism that was tried, and what the server offered when.

    `offered` are the mechanisms named where we log in; `offered_in_the_clear` tells whether one that hands the secret
    over was named before STARTTLS, None where that was not to be seen.
    """

    authenticated: bool | None = None
    mechanism: Mechanism | None = None
    offered: tuple[str, ...] = ()
    offered_in_the_clear: bool | None = None

    def offers(self, mechanisms: Iterable[str]) -> None:
        """Note what is offered where we log in."""
        self.offered = tuple(printable(name, OFFER_LIMIT) for name in sorted(mechanisms)[:OFFERS_KEPT])

    def offers_before_tls(self, mechanisms: Iterable[str]) -> None:
        """Note what is offered before STARTTLS; it counts for nothing else."""
        self.offered_in_the_clear = not PLAINTEXT_MECHANISMS.isdisjoint(mechanisms)
