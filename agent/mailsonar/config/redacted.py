"""Shows the effective config, as YAML, without a secret: each one reads `***`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import yaml

from mailsonar.config.durations import format_duration
from mailsonar.config.load import Config
from mailsonar.model.oauth2 import (
    ClientCertificate,
    ClientSecret,
    FederatedToken,
    OAuth2,
    RefreshToken,
    ServiceAccount,
)
from mailsonar.model.route import Maildrop, Route, Sender
from mailsonar.model.server import Account, Credentials, Security, TokenCredentials


def redacted(config: Config) -> str:
    """Return the YAML text of a config: includes joined, matrices expanded, defaults filled in."""
    shown: dict[str, Any] = {"signing_key": str(config.signing_key)} if config.signing_key else {}
    shown |= {
        "labels": list(config.label_names),
        "senders": {name: _sender(sender) for name, sender in config.senders.items()},
        "maildrops": {name: _maildrop(maildrop) for name, maildrop in config.maildrops.items()},
        "routes": {route.name: _route(route) for route in config.routes},
    }
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)


def _sender(sender: Sender) -> dict[str, Any]:
    """Return a sender's keys."""
    bounces = {"bounces": sender.bounces.name} if sender.bounces else {}
    return {"address": sender.address, **bounces, "smtp": _account(sender.account)}


def _maildrop(maildrop: Maildrop) -> dict[str, Any]:
    """Return a maildrop's keys."""
    poll = "adaptive" if maildrop.poll_seconds is None else format_duration(maildrop.poll_seconds)
    authserv_id = {"authserv_id": maildrop.authserv_id} if maildrop.authserv_id else {}
    return {
        "address": maildrop.address,
        "pop3": _account(maildrop.account),
        "cleanup": str(maildrop.cleanup),
        "poll": poll,
        **authserv_id,
    }


def _route(route: Route) -> dict[str, Any]:
    """Return a route's keys; labels that it does not set are left out."""
    return {
        "from": route.sender.name,
        "to": route.maildrop.name,
        "interval": format_duration(route.interval_seconds),
        "deadline": format_duration(route.deadline_seconds),
        "give_up": format_duration(route.give_up_seconds),
        "size": route.size_bytes,
        "expect": str(route.expect),
        "content": str(route.content),
        "hops": route.hops,
        "labels": {name: value for name, value in route.labels if value},
        "enabled": route.enabled,
    }


def _account(account: Account) -> dict[str, Any]:
    """Return a server's keys; those that are not set are left out."""
    server, credentials = account.server, account.credentials
    password = str(credentials.password) if isinstance(credentials, Credentials) else None
    oauth2 = _oauth2(credentials.oauth2) if isinstance(credentials, TokenCredentials) else None
    return _given(
        {
            "provider": str(server.provider) if server.provider else None,
            "host": server.host,
            "port": server.port,
            "security": str(server.security),
            "username": credentials.username if credentials else None,
            "password": password,
            "oauth2": oauth2,
            "mechanism": str(account.mechanism) if account.mechanism else None,
            "tls": None if server.security is Security.PLAINTEXT else _given(asdict(server.tls)),
            "ip_version": str(server.ip_version),
            "timeouts": {name: format_duration(seconds) for name, seconds in asdict(server.timeouts).items()},
            "limits": _given({"sessions": account.limits.sessions, "logins_per_hour": account.limits.logins_per_hour}),
            "allow_plaintext_auth": account.allow_plaintext_auth or None,
        }
    )


def _oauth2(oauth2: OAuth2) -> dict[str, Any]:
    """Return the keys that access tokens are asked for with."""
    grant = oauth2.grant
    shown: dict[str, Any] = {"token_endpoint": oauth2.token_endpoint, "scope": oauth2.scope, "ca_file": oauth2.ca_file}
    if isinstance(grant, ServiceAccount):
        return _given({**shown, "service_account_file": str(grant.key_file)})
    shown["client_id"] = grant.client_id
    if isinstance(grant, RefreshToken):
        shown["refresh_token"] = str(grant.refresh_token)
    match grant.proof:
        case ClientSecret():
            shown["client_secret"] = str(grant.proof.secret)
        case ClientCertificate():
            shown |= {"certificate": str(grant.proof.certificate), "key": str(grant.proof.key)}
        case FederatedToken():
            shown["federated_token_file"] = str(grant.proof.token)
    return _given(shown)


def _given(keys: dict[str, Any]) -> dict[str, Any]:
    """Return the keys that have a value."""
    return {key: value for key, value in keys.items() if value is not None}
