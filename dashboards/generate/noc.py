"""The wall of the operations centre: what is down stands first, and can be read from five metres away."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.generate.page import OF_ROUTE, TO_ROUTE, Head, Row, further_filters, page, variables_of
from dashboards.generate.palette import NONE_IS_BROKEN, NONE_IS_KNOWN, NONE_IS_WELL, STATE, TROUBLE
from dashboards.generate.panels import Caption, Figure, Look, Query, Table, figures, link, states, tiles
from dashboards.generate.queries import Scope
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from mailsonar.observe import families as f

HEAD = Head(
    name="noc",
    title="MailSonar / Wall",
    description="What is down, whom it hits, and since when.",
    since="now-6h",
)
TILES = 24


def noc(labels: tuple[str, ...]) -> build.Dashboard:
    """Return the dashboard."""
    scope = Scope(labels=labels)
    rows = [
        Row("Now", [*_figures(scope), _troubled(scope)]),
        Row("Whom it hits, and since when", [_history(scope)]),
        Row("All routes, the worst first", [routes_table(scope)]),
    ]
    return page(HEAD, [*variables_of(scope), further_filters()], rows)


def _figures(scope: Scope) -> Sequence[Builder[Panel]]:
    every, owners = scope.states(scope.by), scope.states(scope.owner)
    return figures(
        6,
        Figure(
            title="Routes down",
            expr=f"sum({every} == bool 0)",
            text="Routes whose latest verdict is a failure.",
            width=6,
        ),
        Figure(
            title=f"Affected: {scope.owner}",
            expr=f"sum({owners} == bool 0)",
            text=f"Values of the label {scope.owner} with a route that is down. Routes without the label count as one.",
            width=6,
        ),
        Figure(
            title="Routes without data",
            expr=f"sum({every} == bool 1)",
            text="Routes that were known within the time range, but that nobody can judge now: the agent is gone, no "
            "verdict fell yet, or no attempt was started for three intervals. A route that was taken out of the config "
            "counts until it has left the time range.",
            width=4,
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
            title="Agents not answering",
            expr=f"sum({scope.silence()})",
            text="Agents that were scraped within the time range, and that Prometheus cannot scrape now. Their routes "
            "are without data. A filter on a label that agents do not have empties this.",
            width=4,
        ),
    )


def _troubled(scope: Scope) -> Builder[Panel]:
    every = scope.states(scope.by)
    expr = f"sort(bottomk({TILES}, {every} < 2) or on () (0 * sum({every}) + 2))"
    legend = " ".join(f"{{{{{label}}}}}" for label in (scope.owner, "route"))
    caption = Caption(
        title="Not up",
        description=f"The first {TILES} routes that are down or without data; ALL UP where there is none.",
        width=24,
        height=9,
    )
    panel = tiles(caption, [Query(expr, legend)], Look(words=TROUBLE, steps=()), named=True)
    return panel.data_links([link(OF_ROUTE, TO_ROUTE.replace("__data.fields", "__field.labels"))])


def _history(scope: Scope) -> Builder[Panel]:
    owner, down = scope.owner, scope.ever_down(scope.owner)
    worst = scope.states(owner)
    caption = Caption(
        title=f"State of the worst route, by {owner}",
        description=f"Each {owner} in the state of its worst route; first those that were down within the time range.",
        width=24,
        height=11,
        step="1m",
    )
    queries = [Query(f"{worst} {how} on ({owner}) {down}", f"{{{{{owner}}}}}") for how in ("and", "unless")]
    url = (
        f"/d/mailsonar-customer?var-{owner}=${{__field.labels.{owner}}}&${{datasource:queryparam}}&${{job:queryparam}}"
    )
    return states(caption, queries).data_links([link(f"Open this {owner}", f"{url}&${{__url_time_range}}")])


def routes_table(scope: Scope) -> Builder[Panel]:
    """Return the table of all routes of a scope, the worst first."""
    by = scope.by
    caption = Caption(
        title="Routes",
        description="State, standing fault and last figures of each route. A click on its name opens the route.",
        width=24,
        height=12,
    )
    queries = [
        Query(scope.states(by), "state"),
        Query(f"max by ({by}, leg, stage, reason) ({scope.of(f.FAULT)})"),
        Query(f"max by ({by}) ({scope.of(f.CONSECUTIVE_FAILURES)})", "failures in a row"),
        Query(f"time() - max by ({by}) ({scope.of(f.LAST_SUCCESS)})", "last success before"),
        Query(f"max by ({by}) ({scope.of(f.LAST_ROUND_TRIP)})", "last round trip"),
    ]
    made = Table(caption, queries, ("state", False)).linked("route", OF_ROUTE, TO_ROUTE)
    made.column("state", Look(words=STATE), coloured=True)
    made.column("failures in a row", Look(steps=NONE_IS_WELL, decimals=0))
    return made.column("last success before", Look(unit="s")).column("last round trip", Look(unit="s")).panel
