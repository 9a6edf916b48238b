"""From YAML text to PyYAML's node tree, or to the line from which on the text makes no sense.

Composing recurses with the depth, so that depth is bounded. What PyYAML quotes of the text is never told: it may be of
a secret.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DEEPEST = 16


class Unusable(Exception):
    """The file makes no sense from this line on."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _TooDeep(Exception):
    """There may be more levels than are allowed."""


class _Shallow(LOADER):  # type: ignore[misc] # which class it is depends on how PyYAML was built
    """Composes as the loader does, but stops before the depth matters; PyYAML calls both methods for each node."""

    _depth = 0

    def descend_resolver(self, _parent: yaml.Node | None, _index: object) -> None:
        """Count a level."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise _TooDeep

    def ascend_resolver(self) -> None:
        """Leave a level."""
        self._depth -= 1


def compose(text: str) -> yaml.Node | None:
    """Return the YAML node tree, None of an empty text.

    Raises:
        Unusable: it is no YAML, or nested too deep.
    """
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=_Shallow)
    except (_TooDeep, yaml.YAMLError):
        return _compose_warily(text)
    return root


def _compose_warily(text: str) -> yaml.Node | None:
    """Return the node tree of a text that may have none; the events are counted first, and tell what is wrong."""
    try:
        depth = 0
        for event in yaml.parse(text, Loader=LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise Unusable(line_of(event), f"is nested deeper than {DEEPEST} levels")
        root: yaml.Node | None = yaml.compose(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        raise _broken(text, error) from None
    except yaml.reader.ReaderError as error:
        position = error.position if isinstance(error.position, int) else 0
        line = text.count("\n", 0, position) + 1
        raise Unusable(line, "is not YAML: it holds a control character that YAML does not allow") from None
    return root


def _broken(text: str, error: yaml.MarkedYAMLError) -> Unusable:
    """Explain a YAML error; whatever PyYAML quotes of the text is left out, for it may be of a secret."""
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    if mark and mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        return Unusable(line, "is not YAML: tabs are not allowed here, use spaces")
    if isinstance(error, yaml.composer.ComposerError):
        if "document" in str(error.problem):
            return Unusable(line, "holds a second YAML document: one is allowed, without a further ---")
        return Unusable(
            line,
            "is not YAML: an alias (*name) must name an anchor (&name), which may be set once; "
            "text that starts with * or & needs quotes",
        )
    quoted = re.compile(r"'[^']{2,}'|\"[^\"]{2,}\"")
    what = ", ".join(quoted.sub("...", part) for part in (error.context, error.problem) if part)
    return Unusable(line, f"is not YAML: {what}")


def line_of(node: yaml.Node | yaml.Event) -> int:
    """Return the line that a node or an event starts on, from 1."""
    mark = node.start_mark
    return mark.line + 1 if mark else 1
