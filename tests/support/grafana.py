"""What Grafana makes of a dashboard before it asks Prometheus: queries with their variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))

_VARIABLE = re.compile(r"\$(?:\{(\w+)[^}]*\}|(\w+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A query of a panel; a dashboard's annotations are a panel of that name."""

    dashboard: str
    panel: str
    ref: str
    expr: str
    is_instant: bool


def load(name: str) -> dict[str, Any]:
    """Return a committed dashboard, by the name of its file."""
    dashboard: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return dashboard


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the panels that show something: headings left out."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def questions(name: str, dashboard: Mapping[str, Any]) -> Iterator[Question]:
    """Return all queries of a dashboard, those of its annotations included."""
    asked = [(panel["title"], target) for panel in panels(dashboard) for target in panel["targets"]]
    asked += [("annotations", one["target"]) for one in dashboard["annotations"].get("list") or ()]
    for panel, target in asked:
        instant = target.get("instant", False)
        assert instant is not target["range"], "one of the two"
        yield Question(dashboard=name, panel=panel, ref=target["refId"], expr=target["expr"], is_instant=instant)


def committed() -> list[Question]:
    """Return all queries of all dashboards."""
    return [one for file in FILES for one in questions(file.stem, load(file.stem))]


def variables_in(text: str) -> set[str]:
    """Return the names of the variables that a text names, Grafana's own left out."""
    names = {first or second for first, second in _VARIABLE.findall(text)}
    return {name for name in names if not name.startswith("__")}


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its variables' values in place of them.

    Raises:
        KeyError: a variable has no value.
    """
    return _VARIABLE.sub(lambda found: values[found[1] or found[2]], text)
