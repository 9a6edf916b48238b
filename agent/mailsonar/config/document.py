"""From the bytes of a YAML file to plain values, with the line of every key.

Nothing here knows what the keys mean. YAML 1.1 resolution is kept for numbers, booleans and null; everything else is
text. Depth and the expansion of aliases are bounded, and PyYAML's silence about duplicate keys is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mailsonar.config.files import LARGEST_BYTES, FileUnusable, read_file
from mailsonar.config.problem import Place, Problem, Report
from mailsonar.config.wording import Loc
from mailsonar.config.yaml_scalars import TAG, Scalar, is_text, scalar

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SECTIONS = "senders, maildrops and routes"
_DEEPEST = 16
_MOST_REPEATED = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a value stands, and how it was written if it is a single scalar."""

    line: int
    scalar: Scalar | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A YAML file as plain values; the values may hold inline secrets, so that they do not show."""

    file: Path
    value: dict[str, Any] = field(default_factory=dict, repr=False)
    marks: Mapping[Loc, Mark] = field(default_factory=dict, repr=False)

    def line(self, loc: Loc) -> int:
        """Return the line of a key, or of the nearest key around it."""
        while loc and loc not in self.marks:
            loc = loc[:-1]
        return self.marks[loc].line if loc in self.marks else 1

    def scalar(self, loc: Loc) -> Scalar | None:
        """Return how the value at a place was written, if it is a scalar."""
        mark = self.marks.get(loc)
        return mark.scalar if mark else None


def read_document(path: Path, report: Report, *, sections: str = SECTIONS) -> Document | None:
    """Return the file's content; None where it cannot be understood, after telling the report why.

    Args:
        path: which file.
        report: told what is wrong.
        sections: some that it might have, for a message.
    """
    report.note(path)
    try:
        return _parse(path, _root(_text(path), sections), report)
    except _Unusable as unusable:
        report.problems.append(_whole_file(path, unusable))
        return None


class _Unusable(Exception):
    """The file makes no sense from this line on."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def _whole_file(path: Path, unusable: _Unusable) -> Problem:
    """Return the problem of a file that gave no document."""
    place = Place(Document(file=path, marks={(): Mark(line=unusable.line)}))
    return place.problem(str(unusable))


def _text(path: Path) -> str:
    """Return the file's text."""
    try:
        content = read_file(path, limit=LARGEST_BYTES)[1]
    except FileUnusable as error:
        raise _Unusable(1, f"cannot be read: {error}; name a readable YAML file") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unusable(content.count(b"\n", 0, error.start) + 1, "is not UTF-8: save it as UTF-8") from None


def _root(text: str, sections: str) -> yaml.MappingNode:
    """Return the mapping that a YAML text is."""
    root = _compose(text)
    if root is None:
        raise _Unusable(1, f"is empty: it must have sections such as {sections}")
    if not isinstance(root, yaml.MappingNode):
        raise _Unusable(_line(root), f"must be a mapping of sections such as {sections}")
    return root


def _parse(path: Path, root: yaml.MappingNode, report: Report) -> Document:
    """Return the document of a YAML mapping."""
    marks: dict[Loc, Mark] = {}
    walk = _Walk(document=Document(file=path, marks=marks), marks=marks, report=report)
    return Document(file=path, value=walk.root(root), marks=marks)


def _compose(text: str) -> yaml.Node | None:
    """Return the YAML node tree; the events are counted first, because composing recurses with the depth."""
    try:
        depth = 0
        for event in yaml.parse(text, Loader=LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise _Unusable(_line(event), f"is nested deeper than {_DEEPEST} levels")
        root: yaml.Node | None = yaml.compose(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        raise _broken(text, error) from None
    except yaml.reader.ReaderError as error:
        position = error.position if isinstance(error.position, int) else 0
        line = text.count("\n", 0, position) + 1
        raise _Unusable(line, "is not YAML: it holds a control character that YAML does not allow") from None
    return root


def _broken(text: str, error: yaml.MarkedYAMLError) -> _Unusable:
    """Explain a YAML error; whatever PyYAML quotes of the text is left out, for it may be of a secret."""
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    if mark and mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        return _Unusable(line, "is not YAML: tabs are not allowed here, use spaces")
    if isinstance(error, yaml.composer.ComposerError):
        if "document" in str(error.problem):
            return _Unusable(line, "holds a second YAML document: one is allowed, without a further ---")
        return _Unusable(
            line,
            "is not YAML: an alias (*name) must name an anchor (&name), which may be set once; "
            "text that starts with * or & needs quotes",
        )
    quoted = re.compile(r"'[^']{2,}'|\"[^\"]{2,}\"")
    what = ", ".join(quoted.sub("...", part) for part in (error.context, error.problem) if part)
    return _Unusable(line, f"is not YAML: {what}")


def _line(node: yaml.Node | yaml.Event) -> int:
    """Return the line that a node or an event starts on."""
    mark = node.start_mark
    return mark.line + 1 if mark else 1


@dataclass(slots=True)
class _Walk:
    """One walk over the node tree."""

    document: Document
    marks: dict[Loc, Mark]
    report: Report
    seen: set[int] = field(default_factory=set)
    repeated: int = 0

    def root(self, node: yaml.MappingNode) -> dict[str, Any]:
        """Return the whole document's plain values."""
        self._check_tag(node, (), _line(node))
        return self._mapping(node, ())

    def _mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        """Return a mapping's plain values; of a duplicate key the first counts."""
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, loc)
            if key is None:
                continue
            if key in values:
                first = self.marks[(*loc, key)].line
                self._wrong((*loc, key), _line(key_node), f"duplicate key; the first one is in line {first}")
                continue
            values[key] = self._value(value_node, (*loc, key), _line(key_node))
        return values

    def _value(self, node: yaml.Node, loc: Loc, line: int) -> object:
        """Return a node's plain value and note its line."""
        self._bound(node, loc, line)
        self.marks[loc] = Mark(line=line)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, loc, line)
        self._check_tag(node, loc, line)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, loc)
        return [self._value(item, (*loc, index), _line(item)) for index, item in enumerate(node.value)]

    def _scalar(self, node: yaml.ScalarNode, loc: Loc, line: int) -> object:
        """Return a scalar's plain value; None where its tag makes no sense."""
        try:
            written = scalar(node)
        except ValueError as error:
            self._wrong(loc, line, str(error))
            return None
        self.marks[loc] = Mark(line=line, scalar=written)
        return written.value

    def _key(self, node: yaml.Node, loc: Loc) -> str | None:
        """Return a key as it was written; None where it can be none."""
        if not isinstance(node, yaml.ScalarNode):
            self._wrong(loc, _line(node), "a key must be text, not a list or a mapping")
            return None
        if node.tag == TAG + "merge":
            self._wrong((*loc, "<<"), _line(node), "YAML merge keys (<<) are not supported: write the keys out")
            return None
        if not is_text(node):
            self._wrong((*loc, node.value), _line(node), "YAML does not read this key as text: put it in quotes")
        return str(node.value)

    def _check_tag(self, node: yaml.Node, loc: Loc, line: int) -> None:
        """Report a list or a mapping that claims to be something else."""
        if node.tag not in {TAG + "map", TAG + "seq"}:
            self._wrong(loc, line, "YAML tags (!...) are not supported")

    def _bound(self, node: yaml.Node, loc: Loc, line: int) -> None:
        """Stop where aliases repeat too much, or repeat themselves."""
        self.repeated += id(node) in self.seen
        self.seen.add(id(node))
        if self.repeated > _MOST_REPEATED:
            raise _Unusable(line, f"its YAML aliases (*name) expand to more than {_MOST_REPEATED} values")
        if len(loc) > _DEEPEST:
            raise _Unusable(line, f"is nested deeper than {_DEEPEST} levels through its YAML aliases (*name)")

    def _wrong(self, loc: Loc, line: int, message: str) -> None:
        """Report a problem at a line that the marks do not know, or know otherwise."""
        marked = Document(file=self.document.file, marks={loc: Mark(line=line)})
        self.report.wrong(Place(marked, loc), message)
