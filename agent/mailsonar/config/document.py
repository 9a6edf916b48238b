"""From the bytes of a YAML file to plain values; the line of a key is looked up where a message asks for it.

Nothing here knows what the keys mean. YAML 1.1 resolution is kept for numbers, booleans and null; everything else is
text. Depth and the expansion of aliases are bounded, and PyYAML's silence about duplicate keys is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mailsonar.config.composing import DEEPEST, Unusable, compose, line_of
from mailsonar.config.files import LARGEST_BYTES, FileUnusable, read_file
from mailsonar.config.problem import Place, Report
from mailsonar.config.wording import Loc
from mailsonar.config.yaml_scalars import TAG, Scalar, is_text, scalar

SECTIONS = "senders, maildrops and routes"
_MOST_REPEATED = 50_000
_COLLECTIONS = frozenset({TAG + "map", TAG + "seq"})

_Spot = tuple[int, yaml.Node]
"""The line of a key or an item, and the value there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A YAML file as plain values; the values may hold inline secrets, so that they do not show."""

    file: Path
    value: dict[str, Any] = field(repr=False)
    root: yaml.Node = field(repr=False)
    _known: dict[int, dict[str | int, _Spot]] = field(default_factory=dict, repr=False, compare=False)

    def line(self, loc: Loc) -> int:
        """Return the line of a key, or of the nearest key around it."""
        line = 1
        for line, _ in self._way_to(loc):  # noqa: B007 - the last one is asked for
            pass
        return line

    def scalar(self, loc: Loc) -> Scalar | None:
        """Return how the value at a place was written, if it is a scalar."""
        way = list(self._way_to(loc))
        node = way[-1][1] if way and len(way) == len(loc) else None
        try:
            return scalar(node) if isinstance(node, yaml.ScalarNode) else None
        except ValueError:
            return None

    def _way_to(self, loc: Loc) -> Iterator[_Spot]:
        """Yield what leads to a place, key by key, as far as the file has it."""
        node = self.root
        for key in loc:
            spot = self._spots(node).get(key)
            if spot is None:
                return
            yield spot
            node = spot[1]

    def _spots(self, node: yaml.Node) -> dict[str | int, _Spot]:
        """Return what stands directly in a list or a mapping; thousands of messages may be about the same."""
        if id(node) not in self._known:
            self._known[id(node)] = dict(_spots_in(node))
        return self._known[id(node)]


def _spots_in(node: yaml.Node) -> Iterator[tuple[str | int, _Spot]]:
    """Yield what stands in a list or a mapping; what it has twice comes last the first time."""
    if isinstance(node, yaml.SequenceNode):
        yield from ((index, (line_of(item), item)) for index, item in enumerate(node.value))
    elif isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):
            if isinstance(key, yaml.ScalarNode) and key.tag != TAG + "merge":
                yield str(key.value), (line_of(key), value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line of a file, whatever stands there."""

    file: Path
    number: int

    def line(self, _loc: Loc) -> int:
        """Return the line."""
        return self.number

    def scalar(self, _loc: Loc) -> Scalar | None:
        """Return nothing: how it was written is not known."""
        return None


def read_document(path: Path, report: Report, *, sections: str = SECTIONS) -> Document | None:
    """Return the file's content; None where it cannot be understood, after telling the report why.

    Args:
        path: which file.
        report: told what is wrong.
        sections: some that it might have, for a message.
    """
    report.note(path)
    try:
        root = _root(_text(path), sections)
        return Document(file=path, value=_Walk(file=path, report=report).root(root), root=root)
    except Unusable as unusable:
        report.wrong(Place(_Line(file=path, number=unusable.line)), str(unusable))
        return None


def _text(path: Path) -> str:
    """Return the file's text."""
    try:
        content = read_file(path, limit=LARGEST_BYTES)[1]
    except FileUnusable as error:
        raise Unusable(1, f"cannot be read: {error}; name a readable YAML file") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable(content.count(b"\n", 0, error.start) + 1, "is not UTF-8: save it as UTF-8") from None


def _root(text: str, sections: str) -> yaml.MappingNode:
    """Return the mapping that a YAML text is."""
    root = compose(text)
    if root is None:
        raise Unusable(1, f"is empty: it must have sections such as {sections}")
    if not isinstance(root, yaml.MappingNode):
        raise Unusable(line_of(root), f"must be a mapping of sections such as {sections}")
    return root


@dataclass(slots=True)
class _Walk:
    """One walk over the node tree; `path` leads to where it is."""

    file: Path
    report: Report
    path: list[str | int] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    repeated: int = 0

    def root(self, node: yaml.MappingNode) -> dict[str, Any]:
        """Return the whole document's plain values."""
        self._check_tag(node, node)
        return self._mapping(node)

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        """Return a mapping's plain values; of a duplicate key the first counts."""
        values: dict[str, Any] = {}
        firsts: dict[str | int, _Spot] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is None:
                continue
            self.path.append(key)
            if key in values:
                firsts = firsts or dict(_spots_in(node))
                self._wrong(key_node, f"duplicate key; the first one is in line {firsts[key][0]}")
            else:
                values[key] = self._value(value_node, key_node)
            self.path.pop()
        return values

    def _list(self, node: yaml.Node) -> list[object]:
        """Return a list's plain values."""
        values = []
        for index, item in enumerate(node.value):
            self.path.append(index)
            values.append(self._value(item, item))
            self.path.pop()
        return values

    def _value(self, node: yaml.Node, at: yaml.Node) -> object:
        """Return a node's plain value; `at` is its key, or itself in a list."""
        self._bound(node, at)
        if isinstance(node, yaml.ScalarNode):
            return node.value if is_text(node) else self._scalar(node, at)
        self._check_tag(node, at)
        return self._mapping(node) if isinstance(node, yaml.MappingNode) else self._list(node)

    def _scalar(self, node: yaml.ScalarNode, at: yaml.Node) -> object:
        """Return a scalar's plain value; None where its tag makes no sense."""
        try:
            return scalar(node).value
        except ValueError as error:
            self._wrong(at, str(error))
            return None

    def _key(self, node: yaml.Node) -> str | None:
        """Return a key as it was written; None where it can be none."""
        if not isinstance(node, yaml.ScalarNode):
            self._wrong(node, "a key must be text, not a list or a mapping")
            return None
        if is_text(node):
            return str(node.value)
        if node.tag == TAG + "merge":
            self._wrong(node, "YAML merge keys (<<) are not supported: write the keys out", "<<")
            return None
        self._wrong(node, "YAML does not read this key as text: put it in quotes", node.value)
        return str(node.value)

    def _check_tag(self, node: yaml.Node, at: yaml.Node) -> None:
        """Report a list or a mapping that claims to be something else."""
        if node.tag not in _COLLECTIONS:
            self._wrong(at, "YAML tags (!...) are not supported")

    def _bound(self, node: yaml.Node, at: yaml.Node) -> None:
        """Stop where aliases repeat too much, or repeat themselves."""
        self.repeated += id(node) in self.seen
        self.seen.add(id(node))
        if self.repeated > _MOST_REPEATED:
            raise Unusable(line_of(at), f"its YAML aliases (*name) expand to more than {_MOST_REPEATED} values")
        if len(self.path) > DEEPEST:
            raise Unusable(line_of(at), f"is nested deeper than {DEEPEST} levels through its YAML aliases (*name)")

    def _wrong(self, at: yaml.Node, message: str, *below: str) -> None:
        """Report a problem at a node, which need not be where the document has the key."""
        self.report.wrong(Place(_Line(file=self.file, number=line_of(at)), (*self.path, *below)), message)
