"""Customers on the sandbox's servers, each with two mailboxes, three routes between them, and servers of its own.

What befalls one customer befalls no other. All of it runs in the test's own loop; the agents are told of it by configs.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from mailsonar.model.server import Security
from mailsonar.sandbox.mailbox import Mailbox
from mailsonar.sandbox.mta import SmtpServer
from mailsonar.sandbox.pop3 import Pop3Server
from mailsonar.sandbox.world import Sandbox

LABELS = ("customer", "site")
ENDS = ("north", "south")


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedCustomer:
    """A customer; `mailboxes` are by the end of the routes at which they lie."""

    name: str
    smtp: SmtpServer
    pop3: Pop3Server
    mailboxes: dict[str, Mailbox]

    @property
    def labels(self) -> dict[str, str]:
        """Return what the config declares of its routes."""
        return {"customer": self.name, "site": f"site-of-{self.name}"}

    @property
    def routes(self) -> dict[str, tuple[str, str]]:
        """Return its routes, each from one end to the other."""
        north, south = ENDS
        ways = {"southward": (north, south), "northward": (south, north), "roundabout": (north, north)}
        return {f"{self.name}-{way}": ends for way, ends in ways.items()}

    @property
    def submission(self) -> dict[str, str]:
        """Return the labels of its submission server."""
        return {"server": f"127.0.0.1:{self.smtp.port}", "protocol": "smtp"}

    @property
    def retrieval(self) -> dict[str, str]:
        """Return the labels of the server of its maildrops."""
        return {"server": f"127.0.0.1:{self.pop3.port}", "protocol": "pop3"}


class WatchedCustomers(Sandbox):
    """The customers of these names.

    Args:
        folder: where secrets and configs go.
        names: who they are.
    """

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        super().__init__()
        self._folder = folder
        self._names = tuple(names)
        self._customers: dict[str, WatchedCustomer] = {}

    async def __aenter__(self) -> Self:
        self.authority.write_root(self._folder / "ca.pem")
        self._write_secret("signing-key", secrets.token_hex(32))
        for name in self._names:
            self._customers[name] = await self._settle(name)
        return self

    def __getitem__(self, name: str) -> WatchedCustomer:
        return self._customers[name]

    def write_config(self, file_name: str, names: Iterable[str], defaults: dict[str, str]) -> Path:
        """Write the config of an agent that watches some of the customers.

        Args:
            file_name: what to call it.
            names: the customers.
            defaults: interval, deadline and give_up of the routes.
        """
        config: dict[str, Any] = {
            "signing_key": self._secret("signing-key"),
            "labels": list(LABELS),
            "defaults": defaults,
            "senders": {},
            "maildrops": {},
            "routes": {},
        }
        for customer in (self._customers[name] for name in names):
            for mailbox in customer.mailboxes.values():
                config["senders"][f"{mailbox.address}-out"] = self._account(mailbox, "smtp", customer.smtp)
                config["maildrops"][f"{mailbox.address}-in"] = self._account(mailbox, "pop3", customer.pop3)
            for route, (here, there) in customer.routes.items():
                config["routes"][route] = {
                    "from": f"{customer.mailboxes[here].address}-out",
                    "to": f"{customer.mailboxes[there].address}-in",
                    "labels": customer.labels,
                }
        config_file = self._folder / file_name
        config_file.write_text(yaml.safe_dump(config, sort_keys=False))
        return config_file

    def change_passwords(self, customer: WatchedCustomer) -> None:
        """Give a customer's mailboxes new passwords, and let the agent have them."""
        for mailbox in customer.mailboxes.values():
            mailbox.password = secrets.token_urlsafe(12)
            self._write_secret(mailbox.address, mailbox.password)

    async def _settle(self, name: str) -> WatchedCustomer:
        mailboxes = {end: self.mailbox(f"{end}@{name}.example", secrets.token_urlsafe(12)) for end in ENDS}
        for mailbox in mailboxes.values():
            self._write_secret(mailbox.address, mailbox.password)
        return WatchedCustomer(
            name=name,
            smtp=await self.smtp(Security.STARTTLS),
            pop3=await self.pop3(Security.IMPLICIT_TLS),
            mailboxes=mailboxes,
        )

    def _account(self, mailbox: Mailbox, protocol: str, server: SmtpServer | Pop3Server) -> dict[str, Any]:
        """Return a sender's or maildrop's section."""
        return {
            "address": mailbox.address,
            protocol: {
                "host": server.endpoint.host,
                "port": server.port,
                "security": str(server.security),
                "username": mailbox.address,
                "password": self._secret(mailbox.address),
                "tls": {"ca_file": str(self._folder / "ca.pem")},
            },
        }

    def _secret(self, name: str) -> dict[str, str]:
        return {"file": str(self._folder / name)}

    def _write_secret(self, name: str, value: str) -> None:
        """Put a secret's file in its place, so that a reader sees the old one or the new one."""
        fresh = self._folder / f"{name}.new"
        fresh.touch(mode=0o600)
        fresh.write_text(value)
        fresh.rename(self._folder / name)
