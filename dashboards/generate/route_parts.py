"""Below the fold of the route's dashboard: what its message told, and what the route is made of."""

from __future__ import annotations

from dashboards.generate.palette import GREY, Words
from dashboards.generate.panels import Caption, Look, Query, Table, lines, states
from dashboards.generate.queries import ACCOUNT, Scope
from dashboards.generate.tls import LOGIN, VERIFIED
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from mailsonar.observe import families as f


def hops(scope: Scope) -> Builder[Panel]:
    """Show how long the last message spent on each hop."""
    caption = Caption(
        title="Hops of the last message",
        description="Time on each hop by the servers' own clocks, in whole seconds; below zero where two clocks "
        "disagree. Empty unless the route has `hops: true`.",
        unit="s",
        lowest=None,
    )
    return lines(caption, [Query(f"max by (hop) ({scope.of(f.HOP)})", "hop {{hop}}")])


def verdicts(scope: Scope) -> Builder[Panel]:
    """Show what the receiving server found on the sender."""
    caption = Caption(
        title="Verdicts on the sender",
        description="What the receiving server found by SPF, DKIM and DMARC. Empty unless the maildrop has an "
        "`authserv_id`.",
    )
    words = Words({1: ("found", GREY)})
    expr = f"max by (method, result) ({scope.of(f.SENDER_VERDICT)})"
    return states(caption, [Query(expr, "{{method}}: {{result}}")], words)


def parts(scope: Scope) -> Builder[Panel]:
    """Show what the route is made of."""
    caption = Caption(
        title="Parts",
        description="Sender, maildrop and servers of the route, and its interval in seconds.",
        width=24,
        height=4,
    )
    parts = "sender, maildrop, submission_server, retrieval_server, provider"
    queries = [
        Query(f"max by (route, {parts}) ({scope.of(f.ROUTE_INFO)})"),
        Query(f"max by (route) ({scope.of(f.INTERVAL)})", "interval"),
    ]
    return Table(caption, queries, ("route", False)).column("interval", Look(unit="s")).panel


def servers(scope: Scope) -> Builder[Panel]:
    """Show how its two servers and accounts are."""
    caption = Caption(
        title="Its servers",
        description="Whether the last answered login succeeded, and whether the last handshake proved the server.",
        height=7,
    )
    on = "server, protocol"
    queries = [
        Query(f"min by ({on}, account) ({scope.used(scope.of(f.AUTHENTICATED), ACCOUNT)})", "login"),
        Query(f"min by ({on}) ({scope.used(scope.of(f.TLS_VERIFIED))})", "identity"),
    ]
    made = Table(caption, queries, ("server", False))
    made.column("login", Look(words=LOGIN), coloured=True)
    return made.column("identity", Look(words=VERIFIED), coloured=True).panel


def maildrop(scope: Scope) -> Builder[Panel]:
    """Show how full its maildrop is."""
    caption = Caption(
        title="Messages in its maildrop",
        description="Messages when the maildrop was last listed, foreign ones included. One that fills grows slow.",
        height=7,
        decimals=0,
    )
    joined = f"{scope.of(f.MESSAGES)} and on (job, instance, maildrop) {scope.of(f.ROUTE_INFO)}"
    return lines(caption, [Query(f"max by (maildrop) ({joined})", "{{maildrop}}")])
