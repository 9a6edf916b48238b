"""The world of the demo: three invented customers, six routes between them, and a config that describes them.

Addresses and names are examples (RFC 2606); every server is on loopback, on a port that was free.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mailsonar.model.server import Security
from mailsonar.sandbox.demo_script import SCRIPT, Customer, play
from mailsonar.sandbox.listener import Listener
from mailsonar.sandbox.world import Sandbox

CUSTOMERS = {
    "acme": (Security.STARTTLS, Security.IMPLICIT_TLS),
    "globex": (Security.IMPLICIT_TLS, Security.STARTTLS),
    "initech": (Security.STARTTLS, Security.STARTTLS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A line of the config's section `routes`, between customers; durations as they are written there."""

    name: str
    sender: str
    recipient: str
    interval: str
    deadline: str = "6s"

    def settings(self) -> str:
        """Return the route in YAML's flow style."""
        return (
            f"{{from: {self.sender}-out, to: {self.recipient}-in, interval: {self.interval}, "
            f"deadline: {self.deadline}, labels: {{customer: {self.sender}}}}}"
        )


ROUTES = (
    Route(name="acme-internal", sender="acme", recipient="acme", interval="4s", deadline="5s"),
    Route(name="acme-to-globex", sender="acme", recipient="globex", interval="5s"),
    Route(name="globex-internal", sender="globex", recipient="globex", interval="4s", deadline="5s"),
    Route(name="globex-to-initech", sender="globex", recipient="initech", interval="6s"),
    Route(name="initech-internal", sender="initech", recipient="initech", interval="5s"),
    Route(name="initech-to-acme", sender="initech", recipient="acme", interval="6s"),
)


class DemoWorld(Sandbox):
    """A sandbox with customers in it.

    Args:
        folder: where the config's files go: the authority's root, the passwords, the signing key.
    """

    script = SCRIPT

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.customers: dict[str, Customer] = {}

    async def __aenter__(self) -> Self:
        for name, (smtp, pop3) in CUSTOMERS.items():
            self.customers[name] = Customer(
                name=name,
                mailbox=self.mailbox(f"probe@{name}.example", secrets.token_urlsafe(12)),
                smtp=await self.smtp(smtp),
                pop3=await self.pop3(pop3),
                password_file=self.folder / name,
            )
        self._write_files()
        return self

    def config_yaml(self) -> str:
        """Return the config of an agent that watches this world."""
        everybody = self.customers.values()
        return "\n".join(
            (
                f"signing_key: {{file: {self._file('signing-key')}}}",
                "labels: [customer]",
                "defaults: {deadline: 6s, give_up: 30s}",
                "senders:",
                *(f"  {one.name}-out: {self._account(one, 'smtp', one.smtp)}" for one in everybody),
                "maildrops:",
                *(f"  {one.name}-in: {self._account(one, 'pop3', one.pop3)}" for one in everybody),
                "routes:",
                *(f"  {route.name}: {route.settings()}" for route in ROUTES),
                "",
            )
        )

    async def play(self, announce: Callable[[str], None], sleep: Callable[[float], Awaitable[None]]) -> None:
        """Break and heal things by the script until cancelled; `announce` is told each change in a plain sentence."""
        await play(self.customers, announce, sleep)

    def _account(self, customer: Customer, protocol: str, server: Listener) -> str:
        """Return a sender or maildrop in YAML's flow style."""
        address = customer.mailbox.address
        return (
            f"{{address: {address}, {protocol}: {{host: {server.endpoint.host}, port: {server.port}, "
            f"security: {server.security}, username: {address}, "
            f"password: {{file: {self._file(customer.name)}}}, tls: {{ca_file: {self._file('ca.pem')}}}}}}}"
        )

    def _file(self, name: str) -> str:
        """Return a file's path, quoted for YAML."""
        return json.dumps(str(self.folder / name))

    def _write_files(self) -> None:
        self.authority.write_root(self.folder / "ca.pem")
        contents = {one.name: one.mailbox.password for one in self.customers.values()}
        for name, content in {**contents, "signing-key": secrets.token_urlsafe(48)}.items():
            secret = self.folder / name
            secret.touch(mode=0o600)
            secret.write_text(content, encoding="ascii")
