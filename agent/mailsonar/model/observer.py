"""What is told to those who watch: metrics, history and log implement this, probes call it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mailsonar.model.fault import Fault
from mailsonar.model.oauth2 import TokenNews
from mailsonar.model.result import Attempt, Result, TlsFacts
from mailsonar.model.route import Maildrop
from mailsonar.model.server import Account, Mechanism


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One session with a maildrop; counts are None where the session ended before they were known.

    `listed_wall` is the POSIX time of the listing; `cleanup_fault` tells why one of our messages was not removed.
    """

    maildrop: Maildrop
    fault: Fault | None = None
    messages: int | None = None
    octets: int | None = None
    listed_wall: float | None = None
    cleanup_fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a session learned of a server and an account; `authenticated` is None where it did not get that far.

    `held_back` tells that the account is left alone from now on, since its credentials were refused. `mechanism` is the
    one that was tried, `offered` are those that the server named where we log in. `offered_in_the_clear` tells whether
    it named one before TLS that hands the secret over; None where it had no occasion to.
    """

    account: Account
    authenticated: bool | None
    fault: Fault | None = None
    tls: TlsFacts | None = None
    held_back: bool = False
    mechanism: Mechanism | None = None
    offered: tuple[str, ...] = ()
    offered_in_the_clear: bool | None = None


class Observer(Protocol):
    """Consumes what probes report; every call returns at once and raises nothing."""

    def attempt_started(self, attempt: Attempt) -> None:
        """Note that an attempt is under way."""

    def attempt_resumed(self, attempt: Attempt) -> None:
        """Note that an attempt of an earlier process goes on: it was counted as started then."""

    def verdict_fell(self, result: Result) -> None:
        """Note the verdict at the deadline of an attempt whose outcome is still open (its outcome is PENDING)."""

    def attempt_ended(self, result: Result) -> None:
        """Note the outcome of an attempt, verdict included: exactly once for each."""

    def duplicate_seen(self, attempt: Attempt) -> None:
        """Note one more copy of a message that was seen before."""

    def maildrop_looked(self, look: Look) -> None:
        """Note that a session with a maildrop ended."""

    def account_used(self, login: Login) -> None:
        """Note what a session told about its server and account."""

    def token_changed(self, news: TokenNews) -> None:
        """Note that an access token was asked for, or is used."""
