"""What is wrong with a config and where: every check notes it here, so that all errors come in one go.

A message says what is wrong and what is allowed; it never shows the value of a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from mailsonar.config.files import files_matching, fingerprint
from mailsonar.config.sources import Sources
from mailsonar.config.wording import Loc, path_text
from mailsonar.config.yaml_scalars import Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong; `line` counts from 1, `path` is such as `routes.acme.deadline`."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.path}: {self.message}"


class ConfigInvalid(Exception):
    """The config cannot be used; its text has one line for each problem, `sources` is what was read nevertheless."""

    def __init__(self, problems: Iterable[Problem], sources: Sources) -> None:
        self.problems = tuple(problems)
        self.sources = sources
        super().__init__("\n".join(map(str, self.problems)))


class Located(Protocol):
    """A file that knows where its keys stand, and how their values were written."""

    @property
    def file(self) -> Path:
        """The file's path, as it is shown."""

    def line(self, loc: Loc) -> int:
        """Return the line of a key, or of the nearest key around it."""

    def scalar(self, loc: Loc) -> Scalar | None:
        """Return how the value at a place was written, if it is a scalar."""


@dataclass(frozen=True, slots=True)
class Place:
    """A key in a config file, there or missing."""

    document: Located
    loc: Loc = ()

    def __truediv__(self, key: str | int) -> Place:
        return Place(self.document, (*self.loc, key))

    @property
    def position(self) -> str:
        """Return FILE:LINE."""
        return f"{self.document.file}:{self.document.line(self.loc)}"

    def problem(self, message: str) -> Problem:
        """Return a problem at this place."""
        return Problem(
            file=str(self.document.file),
            line=self.document.line(self.loc),
            path=path_text(self.loc),
            message=message,
        )


@dataclass(slots=True)
class Report:
    """Collects what is wrong, what is odd, and which files were read, while a config is being loaded."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    files: dict[Path, str] = field(default_factory=dict, repr=False)
    matches: dict[tuple[Path, str], tuple[Path, ...]] = field(default_factory=dict)

    @property
    def sources(self) -> Sources:
        """Return what was read so far."""
        return Sources(files=MappingProxyType(self.files), matches=MappingProxyType(self.matches))

    def note(self, file: Path) -> None:
        """Note a file that is about to be read: a change from now on shows, at the worst in what was read already."""
        if file not in self.files:
            self.files[file] = fingerprint(file)

    def match(self, folder: Path, pattern: str) -> tuple[Path, ...]:
        """Return, and note, the files that an `include` pattern matches, by name."""
        self.matches[folder, pattern] = files_matching(folder, pattern)
        return self.matches[folder, pattern]

    def wrong(self, place: Place, message: str) -> None:
        """Note what makes the config unusable."""
        self.problems.append(place.problem(message))

    def odd(self, place: Place, message: str) -> None:
        """Note what the operator should know but may well want."""
        self.warnings.append(str(place.problem(message)))

    def in_order(self) -> list[Problem]:
        """Return each problem once, by line within its file, the files as they were read."""
        rank = {str(file): index for index, file in enumerate(self.files)}
        return sorted(dict.fromkeys(self.problems), key=lambda problem: (rank[problem.file], problem.line))
