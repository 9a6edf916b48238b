"""What `provider:` stands for: servers, ways to access tokens, and limits; what an operator writes comes first.

The figures are what providers published by late 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mailsonar.config.problem import Place, Report
from mailsonar.config.sections import Named
from mailsonar.model.limits import Counted, Limits, Provider, Rate
from mailsonar.model.route import Route
from mailsonar.model.server import Protocol, Security, Server

MICROSOFT_ENDPOINT = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
MICROSOFT_SCOPE = "https://outlook.office365.com/.default"
GOOGLE_ENDPOINT = "https://oauth2.googleapis.com/token"
GOOGLE_SCOPE = "https://mail.google.com/"
_ONMICROSOFT = ".onmicrosoft.com"

_DAY = 86_400.0
_GMAIL_HOSTS = {"smtp.gmail.com", "pop.gmail.com"}
_RECENT = "recent:"  # before a user name of Gmail: another way to list (hidden mail included)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A provider's server for one protocol; `host` is None where each customer has one of their own."""

    host: str | None
    security: Security
    limits: Limits = field(default_factory=Limits)


def _a_day(count: int) -> Rate:
    return Rate(counted=Counted.SUBMISSION, count=count, seconds=_DAY)


_PRESETS: Mapping[tuple[Provider, Protocol], Preset] = MappingProxyType(
    {
        (Provider.MICROSOFT365, Protocol.SMTP): Preset(
            host="smtp.office365.com",
            security=Security.STARTTLS,
            limits=Limits(
                sessions=3,
                submissions=(Rate(counted=Counted.SUBMISSION, count=30, seconds=60.0), _a_day(10_000)),
            ),
        ),
        (Provider.MICROSOFT365, Protocol.POP3): Preset(
            host="outlook.office365.com", security=Security.IMPLICIT_TLS, limits=Limits(sessions=3)
        ),
        (Provider.GOOGLE, Protocol.SMTP): Preset(
            host="smtp.gmail.com", security=Security.IMPLICIT_TLS, limits=Limits(submissions=(_a_day(2_000),))
        ),
        (Provider.GOOGLE, Protocol.POP3): Preset(host="pop.gmail.com", security=Security.IMPLICIT_TLS),
        (Provider.OVH, Protocol.SMTP): Preset(
            host="ssl0.ovh.net",
            security=Security.IMPLICIT_TLS,
            limits=Limits(submissions=(Rate(counted=Counted.SUBMISSION, count=200, seconds=3600.0),)),
        ),
        (Provider.OVH, Protocol.POP3): Preset(
            host="ssl0.ovh.net", security=Security.IMPLICIT_TLS, limits=Limits(logins_per_hour=60)
        ),
        (Provider.CPANEL, Protocol.SMTP): Preset(host=None, security=Security.IMPLICIT_TLS),
        (Provider.CPANEL, Protocol.POP3): Preset(
            host=None, security=Security.IMPLICIT_TLS, limits=Limits(logins_per_hour=60)
        ),
        (Provider.ZOHO, Protocol.SMTP): Preset(
            host="smtppro.zoho.com", security=Security.IMPLICIT_TLS, limits=Limits(submissions=(_a_day(300),))
        ),
        (Provider.ZOHO, Protocol.POP3): Preset(host="poppro.zoho.com", security=Security.IMPLICIT_TLS),
    }
)

_TOKEN_KEYS: Mapping[Provider, Mapping[str, str]] = MappingProxyType(
    {Provider.GOOGLE: {"token_endpoint": GOOGLE_ENDPOINT, "scope": GOOGLE_SCOPE}}
)

# A domain that Microsoft lends to a tenant reaches 100 recipients outside of it a day (reply 550 5.7.236).
_ONMICROSOFT_RATE = Rate(counted=Counted.EXTERNAL_SUBMISSION, count=100, seconds=_DAY)


def provider_of(keys: Mapping[str, object]) -> Provider | None:
    """Return the provider that a server's keys name; None for none, or one that we do not know, which is no type."""
    named = keys.get("provider")
    return Provider(named) if isinstance(named, str) and named in list(Provider) else None


def with_preset(keys: Mapping[str, object], protocol: Protocol) -> dict[str, object]:
    """Return a server's keys as they were written, and those that its provider stands for."""
    provider = provider_of(keys)
    if provider is None:
        return dict(keys)
    preset = _PRESETS[provider, protocol]
    meant = {"host": preset.host, "security": str(preset.security)}
    written = {key: value for key, value in keys.items() if value is not None}
    tokens, oauth2 = _TOKEN_KEYS.get(provider), written.get("oauth2")
    if tokens and isinstance(oauth2, Mapping):
        written["oauth2"] = {**tokens, **oauth2}
    return {**{key: value for key, value in meant.items() if value is not None}, **written}


def preset_limits(provider: Provider | None, protocol: Protocol, address: str) -> Limits:
    """Return what a provider tolerates.

    Args:
        provider: the provider, None for one that we do not know.
        protocol: what is spoken to its server.
        address: whose account it is.
    """
    limits = _PRESETS[provider, protocol].limits if provider else Limits()
    if protocol is Protocol.SMTP and address.lower().endswith(_ONMICROSOFT):
        return Limits(sessions=limits.sessions, submissions=(*limits.submissions, _ONMICROSOFT_RATE))
    return limits


def check_routes(routes: Named[Route], report: Report) -> None:
    """Report routes whose messages the provider never shows where they are looked for."""
    for name, route in routes.values.items():
        writer, reader = route.sender.account, route.maildrop.account
        is_gmail = all(_is_gmail(account.server) for account in (writer, reader))
        if route.enabled and is_gmail and reader.name.lower() == writer.name.lower():
            report.wrong(
                routes.places[name],
                f"Gmail never shows {reader.name} over POP3 what it submitted itself: use another sender, "
                f"or log in to the maildrop as {_RECENT}{reader.name}",
            )


def _is_gmail(server: Server) -> bool:
    return server.provider is Provider.GOOGLE or server.host.rstrip(".") in _GMAIL_HOSTS


def check_preset(keys: Mapping[str, object], protocol: Protocol, place: Place, report: Report) -> None:
    """Report what a provider offers no more, or not as one would think."""
    if protocol is Protocol.POP3 and str(keys.get("username")).startswith(_RECENT):
        report.odd(
            place / "username",
            f"{_RECENT} lists what Gmail received in 30 days, and Gmail's own settings for POP decide what a deletion "
            "does: let them delete messages, or ours pile up",
        )
    if provider_of(keys) is Provider.MICROSOFT365 and keys.get("password") is not None:
        if protocol is Protocol.POP3:
            report.wrong(place / "password", "Microsoft 365 takes no password over POP3: write oauth2 in its place")
        else:
            report.odd(
                place / "password",
                "Microsoft 365 takes passwords over SMTP only where an administrator allows it (550 5.7.30): "
                "oauth2 is what lasts",
            )
