"""What all dashboards share: their variables, the links between them, and the form in which they are written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.generate.panels import DATASOURCE
from dashboards.generate.queries import Scope
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from mailsonar.observe import families as f

TAG = "mailsonar"
SCHEMA = 39  # of Grafana 10.4; later ones bring it up to date themselves
EVERYTHING = model.VariableOption(selected=True, text=["All"], value=["$__all"])
TO_ROUTE = "/d/mailsonar-route?var-route=${__data.fields.route}&${__all_variables}&${__url_time_range}"
OF_ROUTE = "Open this route"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a dashboard is called, what it is for, and how far back it looks at first."""

    name: str
    title: str
    description: str
    since: str


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading, from left to right."""

    title: str
    panels: Sequence[Builder[model.Panel]]


def page(head: Head, variables: Sequence[Builder[model.VariableModel]], rows: Sequence[Row]) -> build.Dashboard:
    """Return a dashboard of these rows.

    Args:
        head: what it is called.
        variables: beside the one for the data source.
        rows: from top to bottom.
    """
    made = build.Dashboard(head.title).uid(f"mailsonar-{head.name}").description(head.description).tags([TAG])
    made.time(head.since, "now").refresh("30s").timezone("browser").tooltip(model.DashboardCursorSync.CROSSHAIR)
    made.variables([_datasource(), *variables]).link(_others())
    for row in rows:
        made.with_row(build.Row(row.title))
        for panel in row.panels:
            made.with_panel(panel)
    return made


def text_of(made: build.Dashboard) -> str:
    """Return a dashboard as JSON, in an order that does not change, without the `id` that is each Grafana's own."""
    dashboard = made.build()
    dashboard.schema_version = SCHEMA
    for number, panel in enumerate(dashboard.panels or (), start=1):
        panel.id_val = number
    return written(dashboard)


def written(dashboard: model.Dashboard) -> str:
    """Return a dashboard's JSON without the placement that the SDK gives all links: it hides them in a menu."""
    plain = json.loads(JSONEncoder().encode(dashboard))
    return json.dumps(_without(plain, "placement"), sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def _without(value: object, key: str) -> object:
    if isinstance(value, list):
        return [_without(one, key) for one in value]
    if isinstance(value, dict):
        return {name: _without(one, key) for name, one in value.items() if name != key}
    return value


def variables_of(scope: Scope) -> list[Builder[model.VariableModel]]:
    """Return the variables for the job and the declared labels, each narrowed by those before it."""
    agents = f.BUILD_INFO.name
    made: list[Builder[model.VariableModel]] = [
        several("job", f"label_values({agents}, job)", "The scrape job of the agents.")
    ]
    matchers = ['job=~"$job"']
    for label in scope.labels:
        query = f"label_values({f.ROUTE_INFO.name}{{{','.join(matchers)}}}, {label})"
        made.append(several(label, query, f"The routes' label {label}, where the agents' config declares it."))
        matchers.append(f'{label}=~"${label}"')
    return made


def several(name: str, query: str, description: str) -> build.QueryVariable:
    """Return a variable of any number of values; All matches series without the label, too."""
    return (
        _asked(name, query, description)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(EVERYTHING)
    )


def single(name: str, query: str, description: str) -> build.QueryVariable:
    """Return a variable of one value."""
    return _asked(name, query, description).multi(multi=False).include_all(include_all=False)


def further_filters() -> build.AdHocVariable:
    """Return a variable that adds matchers of any label to every query of a dashboard."""
    text = "Further labels: they apply to every figure here, and figures without that label vanish."
    return build.AdHocVariable("filter").label("further labels").description(text).datasource(DATASOURCE)


def _asked(name: str, query: str, description: str) -> build.QueryVariable:
    asked = build.QueryVariable(name).label(name).description(description).datasource(DATASOURCE)
    asked.query({"query": query, "refId": name}).definition(query)
    return asked.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.ALPHABETICAL_ASC)


def _datasource() -> build.DatasourceVariable:
    return build.DatasourceVariable("datasource").label("data source").type("prometheus")


def _others() -> build.DashboardLink:
    others = build.DashboardLink("MailSonar").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
    return others.as_dropdown(as_dropdown=False).include_vars(include_vars=True).keep_time(keep_time=True)
