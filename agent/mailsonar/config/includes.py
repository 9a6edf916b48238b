"""Finds the files that the main config file includes."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from mailsonar.config.document import Document, read_document
from mailsonar.config.problem import Place, Report
from mailsonar.config.wording import printable


def read_included(main: Document, patterns: Sequence[str], report: Report) -> list[Document]:
    """Return the files that the patterns match: pattern by pattern, by name, each file once and never the main one."""
    paths: dict[Path, Path] = {main.file.resolve(): main.file}
    for index, pattern in enumerate(patterns):
        if not pattern:
            continue  # reported with the types
        found = report.match(main.file.parent, pattern)
        if not found and not glob.has_magic(pattern):
            place = Place(main) / "include" / index
            report.wrong(place, f"there is no file {printable(pattern)}: name one, or a pattern with a wildcard")
        for path in found:
            paths.setdefault(path.resolve(), path)
    included = list(paths.values())[1:]
    return [document for path in included if (document := read_document(path, report))]
