"""`python -m dashboards.generate [LABELS]`: write the dashboards anew, for these declared labels.

LABELS are the label names that the agents' config declares, with commas between them; the first is whom the wall
counts.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from dashboards.generate.agent import agent
from dashboards.generate.customer import customer
from dashboards.generate.noc import noc
from dashboards.generate.page import text_of
from dashboards.generate.route import route
from dashboards.generate.tls import tls

from mailsonar.observe.families import FAMILIES

FOLDER = Path(__file__).parents[1]
LABELS = ("customer",)
TAKEN = {"route", "job", "instance", "le", "datasource", "filter"}.union(*(family.labels for family in FAMILIES))
MAKERS = {"noc": noc, "customer": customer, "route": route, "tls": tls, "agent": agent}


def texts(labels: tuple[str, ...] = LABELS) -> Mapping[str, str]:
    """Return the dashboards' JSON by file name."""
    return {f"{name}.json": text_of(maker(labels)) for name, maker in MAKERS.items()}


def labels_of(argument: str) -> tuple[str, ...]:
    """Return the label names of an argument, each once.

    Raises:
        ValueError: one of them cannot be a declared label's name, or is a variable's already, or there is none.
    """
    names = tuple(dict.fromkeys(name.strip() for name in argument.split(",")))
    wrong = [name for name in names if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name, re.ASCII)]
    if wrong:
        raise ValueError(f"no label name: {wrong[0]!r}; wanted: names with commas between them, such as customer,site")
    taken = [name for name in names if name in TAKEN]
    if taken:
        raise ValueError(f"no name for a declared label: {taken[0]} is taken")
    return names


if __name__ == "__main__":
    try:
        chosen = labels_of(sys.argv[1]) if len(sys.argv) > 1 else LABELS
    except ValueError as error:
        sys.exit(str(error))
    for file_name, text in texts(chosen).items():
        (FOLDER / file_name).write_text(text, encoding="utf-8")
