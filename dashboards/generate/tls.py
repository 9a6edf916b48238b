"""TLS and authentication: what will break on a date that is known, and what broke already."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.generate.page import Head, Row, page, several, variables_of
from dashboards.generate.palette import BROKEN, WARNING, WELL, Steps, yes_no
from dashboards.generate.panels import Caption, Figure, Look, Query, Table, bars, figures, lines
from dashboards.generate.queries import ACCOUNT, RANGE, SLOW_STEP, STEP, Scope, grown
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from mailsonar.observe import families as f

HEAD = Head(
    name="tls",
    title="MailSonar / TLS and authentication",
    description="Certificates, logins and access tokens of the servers and accounts that the routes use.",
    since="now-7d",
)
DAYS: Steps = ((-1e9, BROKEN), (7, WARNING), (21, WELL))
VERIFIED = yes_no("verified", "NOT VERIFIED", well=True)
OFFERED = yes_no("OFFERED", "not offered", well=False)
LOGIN = yes_no("succeeded", "FAILED", well=True)
HELD = yes_no("HELD BACK", "free", well=False)


def tls(labels: tuple[str, ...]) -> build.Dashboard:
    """Return the dashboard."""
    scope = Scope(labels=labels, servers=('server=~"$server"',))
    users = Scope(labels=labels).of(f.ROUTE_SERVER_INFO)
    chosen = several("server", f"label_values({users}, server)", "The servers that the routes use.")
    rows = [
        Row("Now", _figures(scope)),
        Row("TLS", [_certificates(scope), _days(scope), _agreed(scope)]),
        Row("Logins", [_logins(scope), _failures(scope), _failures_over_time(scope)]),
        Row("Access tokens", [_tokens(scope), _refreshes(scope)]),
    ]
    return page(HEAD, [*variables_of(scope), chosen], rows)


def _figures(scope: Scope) -> Sequence[Builder[Panel]]:
    failing = scope.used(scope.of(f.AUTHENTICATED), ACCOUNT)
    held = scope.used(scope.of(f.HELD_BACK), ACCOUNT)
    unverified = scope.used(scope.of(f.TLS_VERIFIED))
    return figures(
        5,
        Figure(
            title="First certificate ends in days",
            expr=f"(min({scope.used(scope.of(f.CERTIFICATE_EXPIRY))}) - time()) / 86400",
            text="Of all servers and their chains; below zero where one has ended.",
            width=6,
            steps=DAYS,
        ),
        Figure(
            title="Servers not verified",
            expr=f"sum((min by (server, protocol) ({unverified})) == bool 0)",
            text="Servers whose last handshake did not prove their identity. No credentials were sent to them.",
            width=6,
        ),
        Figure(
            title="Logins that fail",
            expr=f"sum((min by (server, protocol, account) ({failing})) == bool 0)",
            text="Accounts whose last login that was answered was refused.",
            width=6,
        ),
        Figure(
            title="Accounts held back",
            expr=f"sum((max by (server, protocol, account) ({held})) == bool 1)",
            text="Accounts that are left alone after a refusal, lest they be locked.",
            width=6,
        ),
    )


def _by(scope: Scope, *names: str) -> str:
    return ", ".join((*scope.labels, "server", "protocol", *names))


def _certificates(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Servers, the certificate that ends first on top",
        description="Days until the server's certificate ends, and the first of its chain; whether the last handshake "
        "proved the server; whether it offers logins before TLS that give the secret away. A server stands once for "
        "each set of labels whose routes use it.",
        width=24,
        height=11,
    )

    def days(which: str) -> str:
        ends = scope.of(f.CERTIFICATE_EXPIRY, f'certificate="{which}"')
        left = f"({ends} - time()) / 86400"
        return f"min by ({_by(scope)}) ({scope.owned(left)})"

    queries = [
        Query(days("leaf"), "days left"),
        Query(days("earliest"), "days left in chain"),
        Query(f"min by ({_by(scope)}) ({scope.owned(scope.of(f.TLS_VERIFIED))})", "identity"),
        Query(f"max by ({_by(scope)}) ({scope.owned(scope.of(f.PLAINTEXT_AUTH))})", "plaintext logins"),
    ]
    made = Table(caption, queries, ("days left", False))
    for column in ("days left", "days left in chain"):
        made.column(column, Look(steps=DAYS, decimals=1), coloured=True)
    made.column("identity", Look(words=VERIFIED), coloured=True)
    return made.column("plaintext logins", Look(words=OFFERED), coloured=True).panel


def _days(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Days until certificates end",
        description="The line falls by one a day, and jumps when a certificate is renewed.",
        decimals=1,
        lowest=None,
    )
    left = f"({scope.used(scope.of(f.CERTIFICATE_EXPIRY))}) - time()"
    expr = f"min by (server, certificate) ({left}) / 86400"
    return lines(caption, [Query(expr, "{{server}} {{certificate}}")])


def _agreed(scope: Scope) -> Builder[Panel]:
    caption = Caption(title="Versions and ciphers", description="What the last handshake with each server agreed on.")
    expr = (
        f"max by ({_by(scope, 'version', 'cipher')}) ({scope.owned(scope.of(f.TLS_INFO), carried='version, cipher')})"
    )
    return Table(caption, [Query(expr)], ("version", False)).panel


def _logins(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Accounts",
        description="Whether the last login that was answered succeeded, and whether further ones are held back.",
        height=10,
    )
    by = _by(scope, "account")
    queries = [
        Query(f"min by ({by}) ({scope.owned(scope.of(f.AUTHENTICATED), ACCOUNT)})", "last login"),
        Query(f"max by ({by}) ({scope.owned(scope.of(f.HELD_BACK), ACCOUNT)})", "further logins"),
    ]
    made = Table(caption, queries, ("last login", False))
    made.column("last login", Look(words=LOGIN), coloured=True)
    return made.column("further logins", Look(words=HELD), coloured=True).panel


def _failed(scope: Scope, window: str) -> str:
    failures = scope.used(scope.counted(f.AUTHENTICATION_FAILURES, window), ACCOUNT)
    return f"sum by (server, protocol, account, reason) ({failures}) > 0"


def _failures(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Failed logins within the time range",
        description="By account and reason. An empty table with accounts beside it means none.",
        height=10,
    )
    made = Table(caption, [Query(_failed(scope, RANGE), "failed logins")], ("failed logins", True))
    return made.column("failed logins", Look(decimals=0)).panel


def _failures_over_time(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Failed logins over time",
        description="Within each step of the graph, at least ten minutes. Empty where there was none.",
        width=24,
        decimals=0,
        step=SLOW_STEP,
    )
    return bars(caption, [Query(_failed(scope, STEP), "{{account}} at {{server}}: {{reason}}")])


def _tokens(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Time until access tokens end",
        description="Tokens are renewed five minutes ahead; below zero there is none. Empty without `oauth2`.",
        unit="s",
        lowest=None,
    )
    expiry = scope.used(scope.of(f.OAUTH_EXPIRY), "job, instance, account")
    return lines(caption, [Query(f"min by (account) ({expiry}) - time()", "{{account}}")])


def _refreshes(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Access tokens asked for",
        description="Within each step of the graph, by result: refused is yours to mend, failed is no sensible answer. "
        "Empty without `oauth2`.",
        decimals=0,
        step=SLOW_STEP,
    )
    asked = scope.used(grown(scope.of(f.OAUTH_REFRESHES), STEP), "job, instance, account")
    return bars(caption, [Query(f"sum by (account, result) ({asked})", "{{account}}: {{result}}")])
