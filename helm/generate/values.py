"""The table of values in the chart's README: one row for each key of values.yaml, told by the comment above it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml


class Undocumented(Exception):
    """A key of values.yaml has no comment; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A key by its path with dots, its default as JSON, and what its comment says."""

    path: str
    default: str
    meaning: str


def values_of(text: str) -> list[Value]:
    """Return what a values.yaml holds, in its order.

    A mapping in block style is a section, whose keys are told one by one; one in flow style, `{}`, is a value.

    Raises:
        Undocumented: a key has no comment directly above it.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return list(_values(root, text.splitlines(), "")) if isinstance(root, yaml.MappingNode) else []


def table(values: Sequence[Value]) -> str:
    """Return the values as a table in Markdown."""
    rows = (f"| `{value.path}` | `{value.default}` | {value.meaning.replace('|', chr(92) + '|')} |" for value in values)
    return "\n".join(["| value | default | meaning |", "|---|---|---|", *rows])


def _values(section: yaml.MappingNode, lines: Sequence[str], above: str) -> Iterator[Value]:
    for key, node in section.value:
        path = f"{above}{key.value}"
        if isinstance(node, yaml.MappingNode) and not node.flow_style:
            yield from _values(node, lines, f"{path}.")
            continue
        meaning = _comment(lines, key.start_mark.line)
        if not meaning:
            raise Undocumented(f"{path} has no comment above it")
        default = yaml.SafeLoader("").construct_document(node)
        yield Value(path=path, default=json.dumps(default), meaning=meaning)


def _comment(lines: Sequence[str], line: int) -> str:
    """Return the comment that ends directly above a line."""
    found: list[str] = []
    while line and lines[line - 1].strip().startswith("# "):
        line -= 1
        found.insert(0, lines[line].strip().removeprefix("# "))
    return " ".join(found)
