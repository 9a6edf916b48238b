"""The sections of all files: who may have which, what stands in them, and that no name is given twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic_core import PydanticCustomError

from mailsonar.config.arguments import check_name
from mailsonar.config.document import Document
from mailsonar.config.explain import keys_of, unknown_key
from mailsonar.config.problem import Place, Report
from mailsonar.config.schema import ConfigFile, IncludedFile

T = TypeVar("T")


@dataclass(slots=True)
class Named(Generic[T]):
    """What the files define by name.

    `places` has every name; `values` lacks those whose definition is wrong, which was reported.
    """

    values: dict[str, T] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)

    def claim(self, name: str, place: Place, report: Report, *, clash: str = "this name is given twice") -> bool:
        """Take a name; where it is taken already, report that and return False."""
        if name in self.places:
            report.wrong(place, f"{clash}; first in {self.places[name].position}: choose another name")
            return False
        self.places[name] = place
        return True


def check_sections(document: Document, report: Report, *, included: bool) -> None:
    """Report sections that a file may not have."""
    allowed = keys_of(IncludedFile if included else ConfigFile)
    for key in document.value:
        if key in allowed:
            continue
        message = unknown_key(IncludedFile if included else ConfigFile, key)
        if key in keys_of(ConfigFile):
            message = f"is allowed in the main config file only; allowed in an included one: {', '.join(allowed)}"
        report.wrong(Place(document) / key, message)


def named_entries(document: Document, section: str, report: Report) -> Iterator[tuple[str, object, Place]]:
    """Yield the name, value and place of each entry of a mapping; an empty section has none."""
    place = Place(document) / section
    entries = document.value.get(section)
    if isinstance(entries, dict):
        for name, value in entries.items():
            _check_name(name, place / name, report)
            yield name, value, place / name
    elif entries is not None:
        report.wrong(place, "must be a mapping (name: ...)")


def listed_entries(document: Document, section: str, report: Report) -> Iterator[tuple[object, Place]]:
    """Yield the value and place of each entry of a list; an empty section has none."""
    place = Place(document) / section
    entries = document.value.get(section)
    if isinstance(entries, list):
        for index, value in enumerate(entries):
            yield value, place / index
    elif entries is not None:
        report.wrong(place, "must be a list (- item, or [item, item])")


def _check_name(name: str, place: Place, report: Report) -> None:
    """Report a name that cannot be one."""
    try:
        check_name(name)
    except PydanticCustomError as error:
        report.wrong(place, error.message())
