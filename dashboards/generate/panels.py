"""The kinds of panel that the dashboards are made of: everything that is alike in them is said here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dashboards.generate.palette import NEUTRAL, NO_DATA, NONE_IS_WELL, NUMBERS, STATE, Steps, Words, thresholds
from grafana_foundation_sdk.builders import common as shape
from grafana_foundation_sdk.builders import heatmap, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor
from grafana_foundation_sdk.builders.heatmap import HeatmapColorOptions, YAxisConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode, HeatmapColorScale
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
Panel = TypeVar("Panel", stat.Panel, statetimeline.Panel, table.Panel, timeseries.Panel, heatmap.Panel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What stands around a panel; the page is 24 wide.

    `step` is the shortest step of its graph, `lowest` where its axis begins, None for wherever its figures do.
    """

    title: str
    description: str
    width: int = 12
    height: int = 8
    unit: str = "none"
    decimals: int | None = None
    step: str | None = None
    lowest: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and what its figures are called: a legend, or in tables the column."""

    expr: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How figures are shown: the words in place of numbers, and thresholds."""

    words: Words = NUMBERS
    steps: Steps = NEUTRAL
    unit: str = "none"
    decimals: int | None = None


def _framed(
    panel: Panel, caption: Caption, queries: Sequence[Query], *, instant: bool = False, form: str = ""
) -> Panel:
    panel.title(caption.title).description(caption.description).datasource(DATASOURCE).no_value(NO_DATA)
    panel.span(caption.width).height(caption.height).unit(caption.unit)
    if caption.decimals is not None:
        panel.decimals(caption.decimals)
    if caption.step is not None:
        panel.interval(caption.step)
    for letter, query in zip("ABCDEFGHIJ", queries, strict=False):
        target = Dataquery().datasource(DATASOURCE).expr(query.expr).legend_format(query.name).ref_id(letter)
        target.format(PromQueryFormat(form or PromQueryFormat.TIME_SERIES))
        panel.with_target(target.instant() if instant else target.range())
    return panel


def tiles(caption: Caption, queries: Sequence[Query], look: Look, *, named: bool = False) -> stat.Panel:
    """Show figures as large as they fit, on the colour of their threshold; `named` with the name beside each."""
    text = common.BigValueTextMode.VALUE_AND_NAME if named else common.BigValueTextMode.VALUE
    panel = _framed(stat.Panel(), caption, queries, instant=True)
    panel.color_mode(common.BigValueColorMode.BACKGROUND_SOLID).graph_mode(common.BigValueGraphMode.NONE)
    panel.text_mode(text).justify_mode(common.BigValueJustifyMode.CENTER).wide_layout(wide_layout=False)
    panel.reduce_options(shape.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    panel.color_scheme(FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
    return panel.mappings(look.words.mappings()).thresholds(thresholds(look.steps))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One large figure of a row of them."""

    title: str
    expr: str
    text: str
    width: int
    steps: Steps = NONE_IS_WELL
    unit: str = "none"
    decimals: int = 0


def figures(height: int, *shown: Figure) -> list[stat.Panel]:
    """Show large figures beside each other."""

    def tile(figure: Figure) -> stat.Panel:
        caption = Caption(
            title=figure.title,
            description=figure.text,
            width=figure.width,
            height=height,
            unit=figure.unit,
            decimals=figure.decimals,
        )
        return tiles(caption, [Query(figure.expr)], Look(steps=figure.steps))

    return [tile(figure) for figure in shown]


def name_tile(caption: Caption, query: Query, look: Look) -> stat.Panel:
    """Show the names of the series as large as they fit, in place of their figures."""
    return tiles(caption, [query], look).text_mode(common.BigValueTextMode.NAME)


def states(caption: Caption, queries: Sequence[Query], words: Words = STATE) -> statetimeline.Panel:
    """Show over time what state things were in, in words; a gap is no data as well."""
    panel = _framed(statetimeline.Panel(), caption, queries).mappings(words.mappings()).thresholds(thresholds(()))
    panel.color_scheme(FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
    panel.show_value(common.VisibilityMode.AUTO).merge_values(merge_values=True).row_height(0.9).fill_opacity(90)
    return panel.legend(shape.VizLegendOptions().show_legend(show_legend=False))


def lines(caption: Caption, queries: Sequence[Query], colours: Mapping[str, str] | None = None) -> timeseries.Panel:
    """Draw figures over time; gaps stay gaps. `colours` are those of series by their name."""
    panel = _framed(timeseries.Panel(), caption, queries)
    if caption.lowest is not None:
        panel.min(caption.lowest)
    panel.line_width(2).fill_opacity(5).show_points(common.VisibilityMode.AUTO).span_nulls(span_nulls=False)
    panel.line_interpolation(common.LineInterpolation.STEP_AFTER)
    legend = shape.VizLegendOptions().show_legend(show_legend=True).display_mode(common.LegendDisplayMode.LIST)
    panel.legend(legend.placement(common.LegendPlacement.BOTTOM))
    for name, colour in (colours or {}).items():
        coloured(panel, name, colour)
    return panel.tooltip(shape.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))


def bars(caption: Caption, queries: Sequence[Query], colours: Mapping[str, str] | None = None) -> timeseries.Panel:
    """Draw counts or durations over time, stacked."""
    panel = lines(caption, queries, colours).draw_style(common.GraphDrawStyle.BARS).fill_opacity(80).line_width(0)
    return panel.stacking(shape.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))


def coloured(panel: timeseries.Panel, name: str, colour: str, *, shades: bool = False, **custom: object) -> None:
    """Draw one series in a colour, or in a shade of it; `custom` are further properties of how it is drawn."""
    mode = dashboard.FieldColorModeId.SHADES if shades else dashboard.FieldColorModeId.FIXED
    properties = [dashboard.DynamicConfigValue(id_val=f"custom.{key}", value=value) for key, value in custom.items()]
    fixed = FieldColor().mode(mode).fixed_color(colour).build()
    panel.override_by_name(name, [dashboard.DynamicConfigValue(id_val="color", value=fixed), *properties])


def buckets(caption: Caption, expr: str) -> heatmap.Panel:
    """Draw a histogram over time."""
    panel = _framed(heatmap.Panel(), caption, [Query(expr, "{{le}}")], form=PromQueryFormat.HEATMAP)
    colours = HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Viridis").steps(64)
    panel.color(colours.scale(HeatmapColorScale.EXPONENTIAL).exponent(0.5)).calculate(calculate=False).show_legend()
    return panel.y_axis(YAxisConfig().unit(caption.unit).axis_placement(common.AxisPlacement.LEFT)).cell_gap(1)


def link(title: str, url: str) -> DashboardLink:
    """Return a link that stands on a figure."""
    return DashboardLink(title).url(url)


class Table:
    """A table in the making: one row for each label set, one column for each query.

    Args:
        queries: in the order of their columns; an empty name hides the figures, and keeps the labels.
        order: the column to sort by, and whether the largest comes first.
    """

    def __init__(self, caption: Caption, queries: Sequence[Query], order: tuple[str, bool]) -> None:
        column, descending = order
        self.panel = _framed(table.Panel(), caption, queries, instant=True, form=PromQueryFormat.TABLE)
        self.panel.sort_by([shape.TableSortByFieldState().display_name(column).desc(descending)]).filterable(
            filterable=True
        )
        columns = {f"Value #{letter}": query.name for letter, query in zip("ABCDEFGHIJ", queries, strict=False)}
        columns["Value"] = queries[0].name
        organised = {
            "excludeByName": dict.fromkeys(["Time", *(key for key, name in columns.items() if not name)], True),
            "renameByName": {key: name for key, name in columns.items() if name},
            "indexByName": {},
        }
        self.panel.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
        self.panel.with_transformation(dashboard.DataTransformerConfig(id_val="organize", options=organised))

    def column(self, name: str, look: Look, *, coloured: bool = False) -> Table:
        """Say how a column is shown; `coloured` on the colour of its words or thresholds."""
        made: dict[str, object] = {
            "unit": look.unit,
            "mappings": look.words.mappings(),
            "thresholds": thresholds(look.steps).build(),
        }
        if look.decimals is not None:
            made["decimals"] = look.decimals
        if coloured:
            made["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
        self._set(name, made)
        return self

    def linked(self, name: str, title: str, url: str) -> Table:
        """Let the cells of a column lead elsewhere."""
        self._set(name, {"links": [{"title": title, "url": url}]})
        return self

    def _set(self, name: str, properties: Mapping[str, object]) -> None:
        values = [dashboard.DynamicConfigValue(id_val=key, value=value) for key, value in properties.items()]
        self.panel.override_by_name(name, values)
