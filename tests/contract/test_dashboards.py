"""The dashboards as they are committed: generated, true to the metrics, and never well where nothing is known."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from dashboards.generate import palette
from dashboards.generate.__main__ import MAKERS, labels_of, texts
from dashboards.generate.page import written
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from tests.support.grafana import FILES, FOLDER, committed, load, panels, questions, variables_in

from mailsonar.observe.families import FAMILIES, Kind

NAMES = tuple(MAKERS)
FOREIGN = {
    "up",
    "process_start_time_seconds",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_max_fds",
}
TARGET = {"job", "instance"}  # labels that Prometheus adds
DECLARED = {"customer"}
MADE = {"fault"}  # labels that queries make themselves
SERIES = re.compile(r"(?<![\w\"])([a-z_]+)\{([^}]*)\}")
GROUPING = re.compile(r"\b(?:by|on|group_left) \(([^)]*)\)")


def labels_by_series() -> dict[str, set[str]]:
    """Return the labels of each series name that an agent exposes."""
    known = dict.fromkeys(FOREIGN, TARGET)
    for family in FAMILIES:
        labels = TARGET | set(family.label_names(tuple(DECLARED)))
        if family.kind is Kind.HISTOGRAM:
            known[f"{family.name}_bucket"] = labels | {"le"}
            known |= {f"{family.name}_{suffix}": labels for suffix in ("sum", "count")}
        else:
            known[family.name] = labels
    return known


def test_the_dashboards_are_what_the_generator_writes() -> None:
    """Nobody edits a dashboard by hand: byte for byte, what is committed is what `make dashboards` writes."""
    made = texts()
    assert made == texts(), "twice the same"
    assert {file.name: file.read_text(encoding="utf-8") for file in FILES} == made
    assert {load(name)["uid"] for name in NAMES} == {f"mailsonar-{name}" for name in NAMES}


def test_every_series_and_label_exists() -> None:
    """A query names what the agents expose, and nothing else, by the names of their declarations."""
    known = labels_by_series()
    for one in committed():
        named = SERIES.findall(one.expr)
        assert named, one
        assert {name for name, _ in named} <= known.keys(), one
        for name, matchers in named:
            assert set(re.findall(r"(\w+)=", matchers)) <= known[name], one
        grouped = {label.strip() for group in GROUPING.findall(one.expr) for label in group.split(",")} - {""}
        assert grouped <= MADE.union(*(known[name] for name, _ in named)), one
        bare = set(re.findall(r"mailsonar_\w+", one.expr)) - {name for name, _ in named}
        assert not bare, f"{one}: no matchers"


def test_every_metric_is_shown_somewhere() -> None:
    """What is measured can be seen: each family that is fed has its place on a dashboard."""
    shown = " ".join(one.expr for one in committed())
    assert [family.name for family in FAMILIES if family.fed and family.name not in shown] == []


@pytest.mark.parametrize("name", NAMES)
def test_no_data_is_never_shown_as_well(name: str) -> None:
    """Where nothing is known, a panel says NO DATA in the colour that means just that."""
    for panel in panels(load(name)):
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["noValue"] == palette.NO_DATA, panel["title"]
        if panel["type"] in {"stat", "state-timeline"}:
            first, *rest = defaults["thresholds"]["steps"]
            assert first == {"color": palette.UNKNOWN, "value": None}, panel["title"]
            assert defaults["color"] == {"mode": "thresholds"}, panel["title"]
            assert all(step["color"] != palette.WELL or step["value"] is not None for step in rest)
            special = [one for one in defaults["mappings"] if one["type"] == "special"]
            assert special[0]["options"]["match"] == "null+nan"
            assert special[0]["options"]["result"]["text"] == palette.NO_DATA


@pytest.mark.parametrize("name", NAMES)
def test_colours_are_those_that_everybody_can_tell_apart(name: str) -> None:
    """Every colour that we choose is of one palette, which has no red against green, and no state is colour alone."""
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    ours = {value for value in vars(palette).values() if isinstance(value, str) and value.startswith("#")}
    assert set(re.findall(r"#[0-9A-Fa-f]{6}", text)) <= ours | set(palette.OUTCOME_COLOURS.values())
    assert not re.findall(r'"(?:semi-dark-|dark-|light-)?(?:red|green)"', text)
    for states in re.findall(r'"options": (\{"[0-9]".*?\})', json.dumps(load(name))):
        assert '"text": ""' not in states


@pytest.mark.parametrize("name", NAMES)
def test_panels_tell_what_they_show(name: str) -> None:
    """Each panel has a title, a description in sentences, a unit and queries, and its place beside the others."""
    dashboard = load(name)
    taken: set[tuple[int, int]] = set()
    for panel in panels(dashboard):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["title"], panel["id"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]
        for thing in (panel, *panel["targets"]):
            assert thing["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_may_be_imported_anywhere(name: str) -> None:
    """It has a uid of its own and no id of somebody's Grafana; the SDK reads it back as it was written."""
    dashboard = load(name)
    assert "id" not in dashboard
    assert (dashboard["refresh"], dashboard["tags"]) == ("30s", ["mailsonar"])
    register_default_plugins()
    assert json.loads(written(Dashboard.from_json(dashboard))) == dashboard


def test_the_readme_tells_how_to_provide_them() -> None:
    """What is copied from the README is a provider of Grafana's, and every dashboard is named beside it."""
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)]
    (provisioning,) = (block for block in blocks if "providers" in block)
    (provider,) = provisioning["providers"]
    assert (provisioning["apiVersion"], provider["type"]) == (1, "file")
    assert provider["options"]["path"] in readme.replace(f"path: {provider['options']['path']}", "")
    for name in NAMES:
        assert f"`mailsonar-{name}`" in readme
        for variable in load(name)["templating"]["list"]:
            assert f"`{variable['name']}`" in readme


def urls(value: Any) -> list[str]:
    """Return all URLs of links in a dashboard."""
    if isinstance(value, list):
        return [url for one in value for url in urls(one)]
    if not isinstance(value, dict):
        return []
    own = [value["url"]] if isinstance(value.get("url"), str) and value["url"] else []
    return own + [url for one in value.values() for url in urls(one)]


@pytest.mark.parametrize("name", NAMES)
def test_variables_and_links_lead_somewhere(name: str) -> None:
    """Queries and links name variables that the dashboard has, and dashboards that exist; the rest is kept."""
    dashboard = load(name)
    own = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert {"datasource", "job", *DECLARED} <= own
    for one in questions(name, dashboard):
        assert variables_in(one.expr) <= own, one
    (others,) = dashboard["links"]
    assert (others["type"], others["tags"]) == ("dashboards", ["mailsonar"])
    assert others["includeVars"]
    assert others["keepTime"]
    assert "placement" not in others, "they stand at the top, not in a menu"
    for url in urls(panels(dashboard)):
        found = re.fullmatch(r"/d/mailsonar-(\w+)\?var-(\w+)=.*&\$\{__url_time_range\}", url)
        assert found, url
        assert found[2] in {variable["name"] for variable in load(found[1])["templating"]["list"]}
        assert variables_in(url) <= own


def test_counts_suit_slow_probes() -> None:
    """No count is a rate over a few scrapes: at a probe every five minutes it would be nothing most of the time."""
    rates = [one for one in committed() if "rate(" in one.expr]
    assert all(re.search(r"_lag_seconds_|process_cpu", one.expr) for one in rates)
    for name in NAMES:
        for panel in panels(load(name)):
            if any(
                "increase(" in target["expr"] and "$__rate_interval" in target["expr"] for target in panel["targets"]
            ):
                assert panel["interval"] == "10m", panel["title"]


def test_labels_are_the_users_own() -> None:
    """The declared labels are an argument: each becomes a variable, a matcher of every route, and names its routes."""
    made = json.loads(texts(("tenant", "site"))["noc.json"])
    assert [one["name"] for one in made["templating"]["list"]] == ["datasource", "job", "tenant", "site", "filter"]
    assert all(one["allValue"] == ".*" for one in made["templating"]["list"][1:4]), "matches series without the label"
    exprs = [one.expr for one in questions("noc", made)]
    assert not any("customer" in expr for expr in exprs)
    for expr in exprs:
        for series, matchers in SERIES.findall(expr):
            if series.startswith(("mailsonar_probe", "mailsonar_route")):
                assert 'tenant=~"$tenant",site=~"$site"' in matchers, expr
    assert {panel["title"] for panel in panels(made)} >= {"Affected: tenant"}


@pytest.mark.parametrize("argument", ["", "customer,", "1st", "a b", "customer;site", "größe", "server", "job"])
def test_what_is_no_label_name_is_refused(argument: str) -> None:
    """A slip of the pen writes no dashboard that matches nothing."""
    with pytest.raises(ValueError, match=r"no (?:label )?name"):
        labels_of(argument)
    assert labels_of(" customer, site,customer") == ("customer", "site")
