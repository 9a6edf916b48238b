"""The dashboards on real data: each of their queries has an answer from a Prometheus that scrapes a troubled fleet."""

from __future__ import annotations

import json
import math
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml
from dashboards.generate.__main__ import texts
from dashboards.generate.queries import Scope
from tests.support.grafana import FILES, Question, committed, filled, load, questions
from tests.support.processes import require_program
from tests.support.prometheus import Prometheus
from tests.support.troubled_world import EXPIRED, JOB, LOST, OWNERS, UNHEARD, WELL, TroubledWorld, troubled_world

from mailsonar.observe import families as f

ALL = {"job": ".*", "customer": ".*", "instance": ".*", "server": ".*", "route": WELL}
SHORT = {"__range": "20s", "__range_s": "20", "__rate_interval": "5s", "__interval": "1s"}
EMPTY_BY_DESIGN = {
    ("agent", "Mishaps of the agent", "B"): "a task of the agent starts again only after a bug of ours",
}


async def answers(prometheus: Prometheus, one: Question, **values: str) -> list[dict[str, str]]:
    """Return the labels of all series with a figure that Grafana would be given: at one moment, or within a range."""
    expr = filled(one.expr, {**ALL, **SHORT, **values})
    if one.is_instant:
        return [series.labels for series in await prometheus.query(expr) if not math.isnan(series.value)]
    now = time.time()
    asked = {"query": expr, "start": f"{now - 15}", "end": f"{now}", "step": "1"}
    found: list[dict[str, Any]] = (await prometheus.json("/api/v1/query_range", **asked))["data"]["result"]
    return [one["metric"] for one in found if any(value != "NaN" for _, value in one["values"])]


async def figure(prometheus: Prometheus, title: str, dashboard: str = "noc", **values: str) -> float | None:
    """Return what a panel of one large figure shows; None where it says NO DATA."""
    (one,) = (one for one in committed() if (one.dashboard, one.panel) == (dashboard, title))
    found = await prometheus.query(filled(one.expr, {**ALL, **SHORT, **values}))
    return found[0].value if found else None


async def test_every_query_of_every_panel_has_an_answer(tmp_path: Path) -> None:
    """No panel is empty for want of data, none with another customer's; and the wall outlives the agent."""
    async with troubled_world(tmp_path) as world:
        await _everything_has_happened(world)
        await _assert_every_panel_answers(world.prometheus)
        await _assert_variables_have_values(world.prometheus)
        await _assert_the_wall_is_right(world.prometheus)
        await _assert_a_label_that_nobody_declared_does_no_harm(world.prometheus)
        await world.agent.kill()
        await _assert_silence_is_no_data(world.prometheus)


AGENT = 'job="j", instance="i"'
ROUTE = f'{AGENT}, customer="acme", route="r"'
HISTORY = {
    # The agent starts at minute 0. Its route is well until minute 9, starts nothing after minute 10, and fails from
    # minute 10 on. From minute 20 to 30 nobody scrapes; at minute 40 the agent dies.
    f"mailsonar_build_info{{{AGENT}}}": "1x19 _x10 1x9 stale",
    f"process_start_time_seconds{{{AGENT}}}": "0x19 _x10 0x9 stale",
    f"mailsonar_route_info{{{ROUTE}}}": "1x19 _x10 1x9 stale",
    f"mailsonar_probe_success{{{ROUTE}}}": "1x9 0x9 _x10 0x9 stale",
    f"mailsonar_probe_interval_seconds{{{ROUTE}}}": "60x19 _x10 60x9 stale",
    f"mailsonar_probe_last_start_timestamp_seconds{{{ROUTE}}}": "0+60x10 600x8 _x10 600x9 stale",
    f"mailsonar_task_restarts_total{{{AGENT}}}": "_x5 1x9 3x4 _x10 3x9 stale",
}


def test_what_is_counted_and_who_is_up_over_time(tmp_path: Path) -> None:
    """A first count counts, a gap counts nothing twice; up is what an agent that lives has said of late."""
    scope = Scope(labels=("customer",))
    states, restarts = scope.states(scope.by), scope.counted(f.TASK_RESTARTS)
    step = scope.counted(f.TASK_RESTARTS, "$__rate_interval")
    expected = [
        *((states, minute, value) for minute, value in ((5, 2), (11, 0), (14, 1), (35, 1), (50, 1))),
        *((restarts, minute, value) for minute, value in ((7, 1), (17, 3), (39, 3))),
        *((step, minute, value) for minute, value in ((7, 1), (12, 0), (32, 0), (38, 0))),
    ]
    of_route, of_agent = (f"{{{labels}}}" for labels in ('customer="acme", route="r"', AGENT))
    cases = [
        {
            "expr": filled(expr, {**ALL, "__range": "1h", "__range_s": "3600", "__rate_interval": "4m"}),
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": of_route if expr == states else of_agent, "value": value}],
        }
        for expr, minute, value in expected
    ]
    series = [{"series": name, "values": values} for name, values in HISTORY.items()]
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump({"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": cases}]}))
    promtool = require_program("promtool", "prometheus")
    run = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


async def _everything_has_happened(world: TroubledWorld) -> None:
    """Wait until each trouble was scraped, some of it twice: what grew is known from two scrapes on."""
    for expr in (
        "count(mailsonar_probe_success == 0) == 4",
        f'mailsonar_probe_round_trip_seconds_count{{route="{WELL}"}} > 5',
        f'mailsonar_probes_total{{route="{LOST}", outcome="lost"}} > 1',
        "sum(mailsonar_maildrop_cleanup_failures_total) > 2",
        "sum(mailsonar_probe_duplicates_total) > 2",
        "mailsonar_oauth_token_expiry_timestamp_seconds",
        "changes(mailsonar_probes_started_total[10s]) > 3",
    ):
        await world.prometheus.until(expr)


async def _assert_every_panel_answers(prometheus: Prometheus) -> None:
    """Each query answers for one of the routes at least, or is known to be empty, and is."""
    unanswered = set()
    for one in committed():
        routes = OWNERS if "$route" in one.expr else (WELL,)
        found = [labels for route in routes for labels in await answers(prometheus, one, route=route)]
        if not found:
            unanswered.add((one.dashboard, one.panel, one.ref))
        elsewhere = await answers(prometheus, one, customer="globex", route=EXPIRED)
        assert {labels.get("customer", "globex") for labels in elsewhere} <= {"globex"}, one
    assert unanswered == set(EMPTY_BY_DESIGN)


async def _assert_variables_have_values(prometheus: Prometheus) -> None:
    """Each variable offers what there is to choose."""
    expected = {"job": {JOB}, "customer": set(OWNERS.values()), "route": set(OWNERS)}
    for file in FILES:
        for variable in load(file.stem)["templating"]["list"]:
            if variable["type"] != "query":
                continue
            metric, label = variable["query"]["query"].removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
            asked = {"match[]": filled(metric, ALL)}
            values = (await prometheus.json(f"/api/v1/label/{label}/values", **asked))["data"]
            assert values, variable["name"]
            assert set(values) == expected.get(label, set(values))


async def _assert_the_wall_is_right(prometheus: Prometheus) -> None:
    """The large figures are the truth, and the worst stands first."""
    shown = {title: await figure(prometheus, title) for title in ("Routes down", "Routes up", "Routes without data")}
    assert shown == {"Routes down": 4, "Routes up": 2, "Routes without data": 0}
    assert await figure(prometheus, "Affected: customer") == 3
    assert await figure(prometheus, "Agents not answering") == 0
    assert await figure(prometheus, "Routes down", customer="nobody") is None, "NO DATA, not none"
    assert await figure(prometheus, "Servers not verified", "tls") == 1
    assert await figure(prometheus, "Accounts held back", "tls", customer=OWNERS[UNHEARD]) == 1
    assert await figure(prometheus, "Accounts held back", "tls", customer=OWNERS[EXPIRED]) == 0
    (tiles,) = (one for one in committed() if one.panel == "Not up")
    down = await answers(prometheus, tiles)
    assert {labels["route"] for labels in down} == {UNHEARD, LOST, EXPIRED, "token"}
    (fault,) = (one for one in committed() if one.panel == "Fault")
    assert [one["fault"] for one in await answers(prometheus, fault, route=WELL)] == ["none"]
    expected = ["submission / tls_handshake / certificate_expired"]
    assert [one["fault"] for one in await answers(prometheus, fault, route=EXPIRED)] == expected


async def _assert_a_label_that_nobody_declared_does_no_harm(prometheus: Prometheus) -> None:
    """Dashboards for more labels than the agents declare show the same."""
    made = json.loads(texts(("customer", "undeclared"))["noc.json"])
    for one in questions("noc", made):
        (same,) = (old for old in committed() if (old.panel, old.ref, old.dashboard) == (one.panel, one.ref, "noc"))
        found = await answers(prometheus, one, undeclared=".*")
        assert sorted(map(str, found)) == sorted(map(str, await answers(prometheus, same))), one


async def _assert_silence_is_no_data(prometheus: Prometheus) -> None:
    """An agent that died leaves its routes on the wall, without data."""
    await prometheus.until(f'up{{job="{JOB}"}} == 0')
    titles = ("Routes down", "Routes up", "Routes without data", "Agents not answering")
    shown = [await figure(prometheus, title, __range="5m") for title in titles]
    assert shown == [0, 0, len(OWNERS), 1]
