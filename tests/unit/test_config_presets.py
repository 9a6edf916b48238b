"""What `provider:` stands for, and that what an operator writes comes first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from mailsonar.config.load import Config, ConfigInvalid, load_config
from mailsonar.config.redacted import redacted
from mailsonar.config.schema import json_schema
from mailsonar.model.limits import Counted, Limits, Provider, Rate
from mailsonar.model.server import Account, Security, TokenCredentials

USER = "probe@acme.example"
PASSWORD = {"username": USER, "password": {"env": "P"}}
TENANT = {"username": USER, "oauth2": {"tenant": "acme.example", "client_id": "c", "client_secret": {"env": "P"}}}


def loaded(folder: Path, smtp: dict[str, Any], pop3: dict[str, Any], *, address: str = USER, to: str = USER) -> Config:
    """Return the config of one route, every 15 minutes."""
    document = {
        "senders": {"out": {"address": address, "smtp": smtp}},
        "maildrops": {"in": {"address": to, "pop3": pop3}},
        "routes": {"a": {"from": "out", "to": "in", "interval": "15m"}},
    }
    (folder / "main.yml").write_text(yaml.safe_dump(document))
    return load_config(folder / "main.yml", environ={"P": "c4nary"})


def accounts_of(config: Config) -> tuple[Account, Account]:
    """Return the sender's account and the maildrop's."""
    return config.senders["out"].account, config.maildrops["in"].account


def rates(account: Account) -> list[tuple[str, int, float]]:
    """Return what an account may do in which seconds."""
    return [(str(rate.counted), rate.count, rate.seconds) for rate in account.limits.rates]


@pytest.mark.parametrize(
    ("provider", "keys", "smtp", "pop3"),
    [
        ("microsoft365", TENANT, ("smtp.office365.com:587", "starttls"), ("outlook.office365.com:995", "implicit_tls")),
        ("google", PASSWORD, ("smtp.gmail.com:465", "implicit_tls"), ("pop.gmail.com:995", "implicit_tls")),
        ("ovh", PASSWORD, ("ssl0.ovh.net:465", "implicit_tls"), ("ssl0.ovh.net:995", "implicit_tls")),
        (
            "cpanel",
            PASSWORD | {"host": "mail.acme.example"},
            ("mail.acme.example:465", "implicit_tls"),
            ("mail.acme.example:995", "implicit_tls"),
        ),
        ("zoho", PASSWORD, ("smtppro.zoho.com:465", "implicit_tls"), ("poppro.zoho.com:995", "implicit_tls")),
    ],
)
def test_provider_stands_for_its_servers(
    tmp_path: Path, provider: str, keys: dict[str, Any], smtp: tuple[str, str], pop3: tuple[str, str]
) -> None:
    """A provider and a login are enough on both legs; cPanel's customers have a host each."""
    reader = keys | ({"username": "recent:" + USER} if provider == "google" else {})
    config = loaded(tmp_path, {"provider": provider, **keys}, {"provider": provider, **reader})
    sender, maildrop = accounts_of(config)
    assert (sender.server.name, sender.server.security) == smtp
    assert (maildrop.server.name, maildrop.server.security) == pop3
    assert config.routes[0].provider == Provider(provider)
    shown = yaml.safe_load(redacted(config))
    assert shown["senders"]["out"]["smtp"]["provider"] == shown["maildrops"]["in"]["pop3"]["provider"] == provider


@pytest.mark.parametrize(
    ("provider", "keys", "sessions", "smtp", "pop3"),
    [
        ("microsoft365", TENANT, 3, [("submissions", 30, 60.0), ("submissions", 10_000, 86_400.0)], []),
        ("google", PASSWORD, 2, [("submissions", 2000, 86_400.0)], []),
        ("ovh", PASSWORD, 2, [("submissions", 200, 3600.0)], [("logins", 60, 3600.0)]),
        ("cpanel", PASSWORD | {"host": "h.example"}, 2, [], [("logins", 60, 3600.0)]),
        ("zoho", PASSWORD, 2, [("submissions", 300, 86_400.0)], []),
    ],
)
def test_provider_stands_for_its_limits(
    tmp_path: Path,
    provider: str,
    keys: dict[str, Any],
    sessions: int,
    smtp: list[tuple[str, int, float]],
    pop3: list[tuple[str, int, float]],
) -> None:
    """What the provider published is what the plan is checked against, and what the account is held to."""
    reader = keys | ({"username": "recent:" + USER} if provider == "google" else {})
    config = loaded(tmp_path, {"provider": provider, **keys}, {"provider": provider, **reader})
    sender, maildrop = accounts_of(config)
    assert (rates(sender), rates(maildrop)) == (smtp, pop3)
    assert sender.limits.sessions == maildrop.limits.sessions == sessions


def test_operator_comes_before_the_preset(tmp_path: Path) -> None:
    """Host, security, port and limits that are written hold; the others stay the provider's."""
    limits = {"sessions": 1, "logins_per_hour": 30}
    smtp = {"provider": "zoho", "host": "smtppro.zoho.eu", "security": "starttls", **PASSWORD}
    pop3 = {"provider": "ovh", "host": None, "port": 1995, "limits": limits, **PASSWORD}
    sender, maildrop = accounts_of(loaded(tmp_path, smtp, pop3))
    assert (sender.server.name, sender.server.security) == ("smtppro.zoho.eu:587", Security.STARTTLS)
    assert maildrop.server.name == "ssl0.ovh.net:1995"
    assert maildrop.limits == Limits(sessions=1, logins_per_hour=30)


def test_googles_refresh_tokens_need_no_endpoint(tmp_path: Path) -> None:
    """The provider tells where access tokens come from and what they are good for."""
    oauth2 = {"client_id": "c", "client_secret": {"env": "P"}, "refresh_token": {"env": "P"}}
    server = {"provider": "google", "oauth2": oauth2}
    config = loaded(tmp_path, {**server, "username": USER}, {**server, "username": "other@acme.example"})
    for account in accounts_of(config):
        assert isinstance(account.credentials, TokenCredentials)
        made = account.credentials.oauth2
        assert (made.token_endpoint, made.scope) == ("https://oauth2.googleapis.com/token", "https://mail.google.com/")


def test_googles_service_account_works_with_the_preset(tmp_path: Path) -> None:
    """A key file and a provider do not stand in each other's way."""
    key = trustme.CA().issue_cert("probe.example", key_type=trustme.KeyType.RSA).private_key_pem.bytes().decode()
    (tmp_path / "google.json").write_text(json.dumps({"client_email": "p@project.example", "private_key": key}))
    server = {"provider": "google", "oauth2": {"service_account_file": "google.json"}}
    config = loaded(tmp_path, {**server, "username": USER}, {**server, "username": "other@acme.example"})
    assert config.routes[0].provider is Provider.GOOGLE


def test_lent_domain_of_microsofts_is_held_to_100_outsiders_a_day(tmp_path: Path) -> None:
    """Only messages that leave the tenant count; a tenant shows by the domain, or by where its tokens come from."""
    external = Rate(counted=Counted.EXTERNAL_SUBMISSION, count=100, seconds=86_400.0)
    lent = "probe@acme.onmicrosoft.com"
    smtp, other = {"provider": "microsoft365", **TENANT}, {"host": "h.example", "security": "implicit_tls", **PASSWORD}
    for pop3, to, leaves in (
        (other, USER, True),
        (other, "in@ACME.onmicrosoft.com", False),
        ({"provider": "microsoft365", **TENANT}, USER, False),
    ):
        config = loaded(tmp_path, smtp, pop3, address=lent, to=to)
        assert external in accounts_of(config)[0].limits.submissions
        assert config.routes[0].leaves_the_organisation is leaves


def test_address_of_ones_own_does_not_count_for_a_lent_one(tmp_path: Path) -> None:
    """An account that sends from both is held to 100 outsiders a day for what it sends from Microsoft's domain only."""
    smtp = {"provider": "microsoft365", **TENANT}
    document = {
        "senders": {
            "lent": {"address": "probe@acme.onmicrosoft.com", "smtp": smtp},
            "own": {"address": USER, "smtp": smtp},
        },
        "maildrops": {
            "in": {"address": "p@h.example", "pop3": {"host": "h.example", "security": "implicit_tls", **PASSWORD}}
        },
        "routes": {
            "a": {"from": "lent", "to": "in", "interval": "15m"},
            "b": {"from": "own", "to": "in", "interval": "1m"},
        },
    }
    (tmp_path / "main.yml").write_text(yaml.safe_dump(document))
    assert len(load_config(tmp_path / "main.yml", environ={"P": "c4nary"}).routes) == 2


GMAIL = {"username": USER, "password": {"env": "P"}}
BY_NAME = {"security": "implicit_tls", **GMAIL}


@pytest.mark.parametrize(
    ("smtp", "pop3", "is_refused"),
    [
        ({"provider": "google", **GMAIL}, {"provider": "google", **GMAIL}, True),
        ({"provider": "google", **GMAIL}, {"provider": "google", **GMAIL, "username": USER.upper()}, True),
        ({"host": "smtp.gmail.com", **BY_NAME}, {"host": "POP.gmail.com.", **BY_NAME}, True),
        ({"provider": "google", **GMAIL}, {"provider": "google", **GMAIL, "username": "recent:" + USER}, False),
        ({"host": "smtp.acme.example", **BY_NAME}, {"provider": "google", **GMAIL}, False),
    ],
)
def test_gmail_hides_only_what_it_took_from_the_same_account(
    tmp_path: Path, smtp: dict[str, Any], pop3: dict[str, Any], *, is_refused: bool
) -> None:
    """User names of Gmail are in any case; what another server took from a user of the same name, Gmail does show."""
    try:
        loaded(tmp_path, smtp, pop3)
        refused = ""
    except ConfigInvalid as invalid:
        refused = str(invalid)
    assert ("over POP3 what it submitted itself" in refused) is is_refused


@pytest.mark.parametrize("number", range(1, 61))
def test_interval_that_fits_is_accepted(tmp_path: Path, number: int) -> None:
    """So many routes at the interval that the refusal of a shorter one names are within 60 logins an hour, exactly."""
    ovh = {"provider": "ovh", **PASSWORD}
    document = {
        "senders": {"out": {"address": USER, "smtp": {"host": "h.example", "security": "implicit_tls"}}},
        "maildrops": {"in": {"address": USER, "pop3": ovh}},
        "routes": {f"r{one}": {"from": "out", "to": "in", "interval": f"{number}m"} for one in range(number)},
    }
    (tmp_path / "main.yml").write_text(yaml.safe_dump(document))
    assert len(load_config(tmp_path / "main.yml", environ={"P": "c4nary"}).routes) == number


def test_what_providers_may_refuse_is_a_warning(tmp_path: Path) -> None:
    """Passwords at Microsoft's submission server, and deletions in Gmail's recent: mode, may work: they are told."""
    config = loaded(
        tmp_path,
        {"provider": "microsoft365", **PASSWORD},
        {"provider": "google", "username": "recent:" + USER, "password": {"env": "P"}},
    )
    recent, password = config.warnings
    assert "senders.out.smtp.password: Microsoft 365 takes passwords over SMTP only where" in password
    assert "maildrops.in.pop3.username: recent: lists what Gmail received in 30 days" in recent


def test_editors_ask_for_a_host_only_without_a_provider() -> None:
    """The JSON Schema lets a provider stand for host and security."""
    definitions: Any = json_schema()["$defs"]
    for name in ("SmtpPart", "Pop3Part"):
        assert definitions[name]["anyOf"] == [{"required": ["provider"]}, {"required": ["host", "security"]}]
        assert not {"host", "security"} & set(definitions[name].get("required", []))
