"""What is watched: a route leads from a sender to a maildrop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from mailsonar.model.limits import Provider
from mailsonar.model.server import Account


class Cleanup(StrEnum):
    """What happens to our own message once it was seen."""

    DELETE = "delete"
    KEEP = "keep"


class Expectation(StrEnum):
    """What shall become of a probe."""

    DELIVERED = "delivered"
    BLOCKED = "blocked"


class Content(StrEnum):
    """What a probe holds: nothing remarkable, or what every filter for spam or malware knows as a test."""

    PLAIN = "plain"
    GTUBE = "gtube"
    EICAR = "eicar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Maildrop:
    """A retrieval account and the address that delivers into it.

    `poll_seconds` is the fixed gap between two looks; None means that the agent chooses. `authserv_id` tells whose
    Authentication-Results to believe; without it, nobody's.
    """

    name: str
    address: str
    account: Account
    cleanup: Cleanup = Cleanup.DELETE
    poll_seconds: float | None = None
    authserv_id: str | None = None

    @property
    def mailbox(self) -> str:
        """Return what all ways to one mailbox have in common: not the maildrop's name, the protocol or the port."""
        return f"{self.account.name.lower()} {self.account.server.host.rstrip('.').lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """An SMTP submission account and the address it sends from; `bounces` is the maildrop where DSNs arrive."""

    name: str
    address: str
    account: Account
    bounces: Maildrop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A configured path; durations in seconds, `size_bytes` the padding of the message's body.

    `labels` holds a (name, value) pair for each declared label, in the order of declaration, "" where unset. `hops`
    tells whether metrics show what a message's trace fields tell.
    """

    name: str
    sender: Sender
    maildrop: Maildrop
    interval_seconds: float
    deadline_seconds: float
    give_up_seconds: float
    labels: tuple[tuple[str, str], ...] = ()
    size_bytes: int = 0
    expect: Expectation = Expectation.DELIVERED
    content: Content = Content.PLAIN
    hops: bool = False
    enabled: bool = True

    @property
    def purpose(self) -> str:
        """Return what an attempt on the route is made for: what shall become of its message, and at which account."""
        return f"{self.expect} at {self.maildrop.account.key}"

    @property
    def provider(self) -> Provider | None:
        """Return whose servers the route watches: the maildrop's provider, else the sender's."""
        return self.maildrop.account.server.provider or self.sender.account.server.provider

    @property
    def leaves_the_organisation(self) -> bool:
        """Tell whether the sender's provider takes the recipient for an outsider: another domain, another tenant."""
        domains = {address.rpartition("@")[2].lower() for address in (self.sender.address, self.maildrop.address)}
        tenants = {account.token_endpoint for account in (self.sender.account, self.maildrop.account)}
        return len(domains) > 1 and (None in tenants or len(tenants) > 1)


def accounts_of(route: Route) -> Iterator[Account]:
    """Yield the accounts that a route uses, its sender's first; some more than once."""
    yield route.sender.account
    for maildrop in maildrops_of([route]):
        yield maildrop.account


def maildrops_of(routes: Iterable[Route]) -> Iterator[Maildrop]:
    """Yield the maildrops that routes lead to, or that their senders' bounces come back to; some more than once."""
    for route in routes:
        yield route.maildrop
        if route.sender.bounces:
            yield route.sender.bounces
