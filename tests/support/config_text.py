"""Writes the agent's config file for the users of a mail host, the way an operator would: secrets in files."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from tests.support.mailhost import MailHost, MailUser

Security = Literal["starttls", "implicit_tls", "plaintext"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteText:
    """A route from one user of the host to another, by their position among the host's users.

    `settings` are further keys of the route: interval, deadline, give_up, size ...; `sender_keys` and `maildrop_keys`
    go into the sender and the maildrop, `smtp_keys` and `pop3_keys` into their servers.
    """

    name: str
    sender: int
    maildrop: int
    smtp_security: Security = "starttls"
    pop3_security: Security = "starttls"
    settings: dict[str, Any] = field(default_factory=dict)
    sender_keys: dict[str, Any] = field(default_factory=dict)
    maildrop_keys: dict[str, Any] = field(default_factory=dict)
    smtp_keys: dict[str, Any] = field(default_factory=dict)
    pop3_keys: dict[str, Any] = field(default_factory=dict)


def config_text(host: MailHost, routes: Sequence[RouteText], secret_folder: Path, **top_level: Any) -> str:
    """Return a config for these routes.

    Routes that use the same account with the same security share its section: the sender "probe00-out-starttls", the
    maildrop "probe01-in-plaintext"; the keys of the last route that names one stand.

    Args:
        host: whose users and ports the routes go by.
        routes: what to watch.
        secret_folder: where the signing key and the passwords are written to; files that are there stay as they are.
        top_level: further sections, such as `labels` or `defaults`.
    """
    secret_folder.mkdir(mode=0o700, exist_ok=True)
    config = {
        "signing_key": _secret(secret_folder / "signing-key", secrets.token_hex(32)),
        "senders": {sender_name(host, route): _sender(host, route, secret_folder) for route in routes},
        "maildrops": {maildrop_name(host, route): _maildrop(host, route, secret_folder) for route in routes},
        "routes": {
            route.name: {"from": sender_name(host, route), "to": maildrop_name(host, route), **route.settings}
            for route in routes
        },
    }
    return yaml.dump(config | top_level, Dumper=yaml.CSafeDumper, sort_keys=False)


def write_config(host: MailHost, routes: Sequence[RouteText], folder: Path, **top_level: Any) -> Path:
    """Write `mailsonar.yml` with what `config_text` makes of the rest, and the folder `secrets` beside it."""
    config_file = folder / "mailsonar.yml"
    config_file.write_text(config_text(host, routes, folder / "secrets", **top_level))
    return config_file


def sender_name(host: MailHost, route: RouteText) -> str:
    """Return the name of the section that a route's sender has in the config."""
    return f"{host.users[route.sender].local_part}-out-{route.smtp_security}"


def maildrop_name(host: MailHost, route: RouteText) -> str:
    """Return the name of the section that a route's maildrop has in the config."""
    return f"{host.users[route.maildrop].local_part}-in-{route.pop3_security}"


def _sender(host: MailHost, route: RouteText, secret_folder: Path) -> dict[str, Any]:
    """Return a sender's section."""
    user = host.users[route.sender]
    ports: dict[Security, int] = {
        "starttls": host.ports.submission,
        "implicit_tls": host.ports.smtps,
        "plaintext": host.ports.smtp_plaintext,
    }
    server = {**_login(user, secret_folder), **_secured(host, route.smtp_security, ports), **route.smtp_keys}
    return {"address": user.address, "smtp": server, **route.sender_keys}


def _maildrop(host: MailHost, route: RouteText, secret_folder: Path) -> dict[str, Any]:
    """Return a maildrop's section."""
    user = host.users[route.maildrop]
    ports: dict[Security, int] = {
        "starttls": host.ports.pop3,
        "implicit_tls": host.ports.pop3s,
        "plaintext": host.ports.pop3,
    }
    server = {**_login(user, secret_folder), **_secured(host, route.pop3_security, ports), **route.pop3_keys}
    return {"address": user.address, "pop3": server, **route.maildrop_keys}


def _login(user: MailUser, secret_folder: Path) -> dict[str, Any]:
    """Return the keys of an account; its servers are reached by a name that their certificate carries."""
    password = _secret(secret_folder / user.address, user.password)
    return {"host": "localhost", "username": user.address, "password": password}


def _secured(host: MailHost, security: Security, ports: dict[Security, int]) -> dict[str, Any]:
    """Return the keys that choose the security; without TLS, a password needs the operator's express consent."""
    keys: dict[str, Any] = {"security": security, "port": ports[security]}
    return keys | (
        {"allow_plaintext_auth": True} if security == "plaintext" else {"tls": {"ca_file": str(host.ca_file)}}
    )


def _secret(path: Path, value: str) -> dict[str, str]:
    """Write a secret's file, unless it is there, and return the reference to it."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(f"{value}\n")
    return {"file": str(path)}
