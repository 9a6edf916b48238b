"""One customer, or whatever else the declared labels tell apart: how well its mail flowed, and what was wrong."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.generate.noc import routes_table
from dashboards.generate.page import OF_ROUTE, TO_ROUTE, Head, Row, further_filters, page, variables_of
from dashboards.generate.palette import NEUTRAL, NONE_IS_BROKEN, NONE_IS_KNOWN, OUTCOME_COLOURS, SHARE
from dashboards.generate.panels import Caption, Figure, Look, Query, Table, bars, figures, lines, link, states
from dashboards.generate.queries import RANGE, SLOW_STEP, STEP, Scope, grown
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from mailsonar.observe import families as f

HEAD = Head(
    name="customer",
    title="MailSonar / Customer",
    description="How well the mail of one customer flowed, and what was wrong; choose whose by the variables.",
    since="now-24h",
)


def customer(labels: tuple[str, ...]) -> build.Dashboard:
    """Return the dashboard."""
    scope = Scope(labels=labels)
    rows = [
        Row("Now", _figures(scope)),
        Row("State", [_history(scope), routes_table(scope)]),
        Row("Round trips", [_last(scope), _usual(scope)]),
        Row("Attempts", [outcomes(scope), faults_table(scope, scope.by)]),
    ]
    return page(HEAD, [*variables_of(scope), further_filters()], rows)


def _figures(scope: Scope) -> Sequence[Builder[Panel]]:
    every = scope.states(scope.by)
    bucket = f"sum by (le) ({grown(scope.of(f.ROUND_TRIP, suffix='_bucket'))})"
    return figures(
        5,
        Figure(
            title="Routes down",
            expr=f"sum({every} == bool 0)",
            text="Routes whose latest verdict is a failure.",
            width=5,
        ),
        Figure(
            title="Routes without data",
            expr=f"sum({every} == bool 1)",
            text="Routes that were known within the time range, and that nobody can judge now.",
            width=5,
            steps=NONE_IS_KNOWN,
        ),
        Figure(
            title="Routes up",
            expr=f"sum({every} == bool 2)",
            text="Routes whose latest verdict is a success, no older than three intervals.",
            width=4,
            steps=NONE_IS_BROKEN,
        ),
        Figure(
            title="Time up",
            expr=availability(scope),
            text="Share of the time range in which the latest verdict was a success, on average over the routes. Time "
            "without data counts neither way.",
            width=5,
            steps=SHARE,
            unit="percentunit",
            decimals=2,
        ),
        Figure(
            title="Round trip, 95 of 100",
            expr=f"histogram_quantile(0.95, {bucket})",
            text="95 of 100 messages took no longer within the time range, as far as the histogram's buckets tell. "
            "Messages that did not arrive are not in it.",
            width=5,
            steps=NEUTRAL,
            unit="s",
            decimals=1,
        ),
    )


def availability(scope: Scope) -> str:
    """Return the share of the range in which the latest verdict was good."""
    return f"avg(avg_over_time({scope.of(f.SUCCESS)}[{RANGE}]))"


def _history(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="State of each route",
        description="First the routes that were down within the time range. A gap is no data as well.",
        width=24,
        height=10,
        step="1m",
    )
    down = scope.ever_down(scope.by)
    queries = [
        Query(f"{scope.states(scope.by)} {how} on ({scope.by}) {down}", "{{route}}") for how in ("and", "unless")
    ]
    return states(caption, queries).data_links([link(OF_ROUTE, TO_ROUTE.replace("__data.fields", "__field.labels"))])


def _last(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Last round trip of each route",
        description="Upper bound of the time from the start of the submission until the message lay in the maildrop. "
        "While nothing arrives, the last figure stands.",
        unit="s",
    )
    return lines(caption, [Query(f"max by ({scope.by}) ({scope.of(f.LAST_ROUND_TRIP)})", "{{route}}")])


def _usual(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Mean round trip of each route",
        description="Mean over the messages that arrived within each step; a gap where none did.",
        unit="s",
        step=SLOW_STEP,
    )
    total, count = (grown(scope.of(f.ROUND_TRIP, suffix=suffix), STEP) for suffix in ("_sum", "_count"))
    mean = f"sum by ({scope.by}) ({total}) / (sum by ({scope.by}) ({count}) > 0)"
    return lines(caption, [Query(mean, "{{route}}")])


def outcomes(scope: Scope) -> Builder[Panel]:
    """Return the attempts that ended over time, by outcome."""
    caption = Caption(
        title="Attempts ended, by outcome",
        description="Attempts within each step of the graph, at least ten minutes. Outcomes other than on_time, and "
        "blocked where that is expected, are failures.",
        decimals=0,
        step=SLOW_STEP,
    )
    expr = f"sum by (outcome) ({grown(scope.of(f.OUTCOMES), STEP)})"
    return bars(caption, [Query(expr, "{{outcome}}")], OUTCOME_COLOURS)


def faults_table(scope: Scope, by: str) -> Builder[Panel]:
    """Return how often each fault ended an attempt within the range."""
    caption = Caption(
        title="Faults within the time range",
        description="Attempts that ended with a fault, by leg, stage and reason, the most frequent first. An empty "
        "table with attempts beside it means no faults.",
    )
    names = ", ".join(name for name in (by, "leg", "stage", "reason") if name)
    expr = f"sum by ({names}) ({scope.counted(f.FAULTS)}) > 0"
    made = Table(caption, [Query(expr, "attempts")], ("attempts", True)).column("attempts", Look(decimals=0))
    return made.linked("route", OF_ROUTE, TO_ROUTE).panel
