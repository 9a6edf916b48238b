"""Runs the benchmarks that are named, all by default, and prints their table; exit 1 if one is beyond its limit."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tests.bench.row import Row

BENCHES = tuple(sorted(file.stem.removeprefix("bench_") for file in Path(__file__).parent.glob("bench_*.py")))


def main(names: list[str]) -> int:
    """Measure, print each row as it comes, and the table in the end.

    Args:
        names: of the benchmarks.

    Returns:
        The exit status.
    """
    if unknown := sorted(set(names) - set(BENCHES)):
        Console(stderr=True).print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
        return 2
    rows: list[Row] = []
    for name in names or BENCHES:
        for row in import_module(f"tests.bench.bench_{name}").measure():
            Console(stderr=True, highlight=False).print(f"{row.bench}: {row.what}: {row.figure:.4g} {row.unit}")
            rows.append(row)
    Console(width=160).print(_table(rows))
    return 0 if all(row.holds for row in rows) else 1


def _table(rows: list[Row]) -> Table:
    table = Table("bench", "what", "figure", "yardstick", "ratio", "limit", "")
    for row in rows:
        sign = "at least" if row.is_least else "at most"
        table.add_row(
            row.bench,
            row.what,
            f"{row.figure:.4g} {row.unit}",
            "" if row.yardstick is None else f"{row.yardstick:.4g} {row.unit}, {row.yardstick_name}",
            "" if row.yardstick is None else f"{row.measured:.3g}",
            "" if row.limit is None else f"{sign} {row.limit:g}",
            "" if row.limit is None else ("holds" if row.holds else "MISSED"),
        )
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
