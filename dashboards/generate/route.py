"""One route: what stage costs what, how sure the figures are, and what the message told on its way."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.generate.customer import availability, faults_table, outcomes
from dashboards.generate.page import Head, Row, page, single, variables_of
from dashboards.generate.palette import (
    BLUE,
    BROKEN,
    LEG_COLOURS,
    NEUTRAL,
    NONE_IS_WELL,
    ORANGE,
    SHARE,
    SKY,
    STATE,
    WARNING,
    WELL,
)
from dashboards.generate.panels import (
    DATASOURCE,
    Caption,
    Figure,
    Look,
    Query,
    Table,
    bars,
    buckets,
    coloured,
    figures,
    lines,
    name_tile,
    states,
    tiles,
)
from dashboards.generate.queries import SLOW_STEP, STEP, Scope, grown
from dashboards.generate.route_parts import hops, maildrop, parts, servers, verdicts
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from mailsonar.model.stage import STAGES_OF, Leg
from mailsonar.observe import families as f

HEAD = Head(
    name="route",
    title="MailSonar / Route",
    description="Where the time goes on one route, and where it breaks.",
    since="now-24h",
)
SEEN, EARLIEST, DEADLINE = "seen", "earliest arrival", "deadline"


def route(labels: tuple[str, ...]) -> build.Dashboard:
    """Return the dashboard."""
    scope = Scope(labels=labels, routes=('route="$route"',))
    known = Scope(labels=labels).of(f.ROUTE_INFO)
    chosen = single("route", f"label_values({known}, route)", "The route.")
    rows = [
        Row("Now", _figures(scope)),
        Row("Time", [_band(scope), _heatmap(scope), _stages_over_time(scope), _stages_now(scope)]),
        Row("Faults", [_history(scope), outcomes(scope), faults_table(scope, ""), _faults(scope), _doubts(scope)]),
        Row("What the message told", [hops(scope), verdicts(scope)]),
        Row("What it is made of", [parts(scope), servers(scope), maildrop(scope)]),
    ]
    return page(HEAD, [*variables_of(scope), chosen], rows).annotation(_down(scope))


def _figures(scope: Scope) -> Sequence[Builder[Panel]]:
    return [
        tiles(
            Caption(title="State", description="The latest verdict, no older than three intervals.", width=3, height=5),
            [Query(f"min({scope.states(scope.by)})")],
            Look(words=STATE, steps=()),
        ),
        _fault_now(scope),
        *figures(
            5,
            Figure(
                title="Failures in a row",
                expr=f"max({scope.of(f.CONSECUTIVE_FAILURES)})",
                text="Failed attempts since the last success.",
                width=3,
                steps=((0, WELL), (1, WARNING), (3, BROKEN)),
            ),
            Figure(
                title="Last success before",
                expr=f"time() - max({scope.of(f.LAST_SUCCESS)})",
                text="Time since the last success. NO DATA where this agent has seen none.",
                width=4,
                steps=NEUTRAL,
                unit="s",
            ),
            Figure(
                title="Last round trip",
                expr=f"max({scope.of(f.LAST_ROUND_TRIP)})",
                text="Of the most recently started attempt whose message was seen; an upper bound.",
                width=4,
                steps=NEUTRAL,
                unit="s",
                decimals=2,
            ),
            Figure(
                title="Time up",
                expr=availability(scope),
                text="Share of the time range in which the latest verdict was a success.",
                width=3,
                steps=SHARE,
                unit="percentunit",
                decimals=2,
            ),
        ),
    ]


def _fault_now(scope: Scope) -> Builder[Panel]:
    fault = f'label_join(max by (leg, stage, reason) ({scope.of(f.FAULT)}), "fault", " / ", "leg", "stage", "reason")'
    fine = f'label_replace(0 * max({scope.of(f.SUCCESS)} == 1), "fault", "none", "", "")'
    caption = Caption(title="Fault", description="Leg, stage and reason of what is wrong now.", width=7, height=5)
    return name_tile(caption, Query(f"{fault} or on () {fine}", "{{fault}}"), Look(steps=NONE_IS_WELL))


def _band(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Round trip, with its error",
        description="The message arrived within the band: between what was seen, and that less the error that looking "
        "now and then brings. While nothing arrives, the last figures stand; the shaded spans tell.",
        height=10,
        unit="s",
    )
    last, error = scope.of(f.LAST_ROUND_TRIP), scope.of(f.LAST_ERROR)
    queries = [
        Query(f"max({last})", SEEN),
        Query(f"min({last} - {error})", EARLIEST),
        Query(f"min({scope.of(f.DEADLINE)})", DEADLINE),
    ]
    panel = lines(caption, queries).fill_opacity(0)
    coloured(panel, SEEN, WELL, fillBelowTo=EARLIEST, fillOpacity=25)
    coloured(panel, EARLIEST, WELL, lineWidth=1)
    coloured(panel, DEADLINE, BROKEN, lineStyle={"fill": "dash", "dash": [8, 8]})
    return panel


def _heatmap(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Round trips, how many took how long",
        description="Messages that arrived within each step, by the histogram's buckets. A column without colour is a "
        "step in which none arrived.",
        height=10,
        unit="s",
        step=SLOW_STEP,
    )
    return buckets(caption, f"sum by (le) ({grown(scope.of(f.ROUND_TRIP, suffix='_bucket'), STEP)})")


def _stages_over_time(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Stages of the last attempt, over time",
        description="How long each stage took; a stage that did not run has no figure. The retrieval is that of the "
        "look that first showed the message, so it overlaps with the transit: the sum is more than the round trip.",
        height=11,
        unit="s",
    )
    expr = f"max by (leg, stage) ({scope.of(f.LAST_STAGE)})"
    panel = bars(caption, [Query(expr, "{{leg}} {{stage}}")])
    for leg, colour in LEG_COLOURS.items():
        for stage in STAGES_OF[Leg(leg)]:
            coloured(panel, f"{leg} {stage}", colour, shades=True)
    return panel


def _stages_now(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Stages of the last attempt",
        description="How long each stage of the last attempt took, the slowest first.",
        height=11,
        unit="s",
    )
    expr = f"max by (leg, stage) ({scope.of(f.LAST_STAGE)})"
    return Table(caption, [Query(expr, "took")], ("took", True)).column("took", Look(unit="s")).panel


def _history(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="State",
        description="The latest verdict over time. A gap is no data as well.",
        width=24,
        height=4,
        step="1m",
    )
    return states(caption, [Query(scope.states("route"), "{{route}}")])


def _faults(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Faults over time",
        description="Attempts that ended with a fault within each step of the graph, at least ten minutes. Empty where "
        "there was none.",
        decimals=0,
        step=SLOW_STEP,
    )
    expr = f"sum by (leg, stage, reason) ({scope.counted(f.FAULTS, STEP)}) > 0"
    return bars(caption, [Query(expr, "{{leg}} / {{stage}} / {{reason}}")])


def _doubts(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Attempts started and under way, duplicates",
        description="Attempts that have no outcome yet; those started, and further copies of messages that were seen "
        "before, within each step of the graph.",
        decimals=0,
        step=SLOW_STEP,
    )
    queries = [
        Query(f"sum({scope.of(f.PENDING)})", "under way"),
        Query(f"sum({grown(scope.of(f.STARTED), STEP)})", "started"),
        Query(f"sum({grown(scope.of(f.DUPLICATES), STEP)})", "duplicates"),
    ]
    return lines(caption, queries, {"under way": BLUE, "started": SKY, "duplicates": ORANGE})


def _down(scope: Scope) -> build.AnnotationQuery:
    """Shade the spans in which the route was down: Grafana shades where the figure is above 0."""
    expr = f"min by (route) ({scope.of(f.SUCCESS)}) == bool 0"
    query = Dataquery().datasource(DATASOURCE).expr(expr).ref_id("Anno").interval("60s").range()
    shaded = build.AnnotationQuery().name("down").datasource(DATASOURCE).enable(enable=True).icon_color(BROKEN)
    return shaded.target(query).expr(expr).step("60s").title_format("down: {{route}}")
