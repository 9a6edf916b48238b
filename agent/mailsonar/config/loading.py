"""What is at hand while a config is loaded: the report, the environment, and the ways to files and secrets."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mailsonar.config.explain import checked
from mailsonar.config.problem import Place, Report
from mailsonar.config.secrets import (
    Check,
    InlineSecret,
    Reference,
    SecretVariable,
    file_secret,
    inline_secret,
    variable_secret,
)
from mailsonar.config.server_schema import Part
from mailsonar.model.server import Secret, SecretUnreadable

P = TypeVar("P", bound=Part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """One load of a config."""

    report: Report
    environ: Mapping[str, str]
    allow_inline_secrets: bool
    examined: dict[tuple[Path, ...], str | None] = field(default_factory=dict)

    def part(self, model: type[P], value: object, place: Place) -> P | None:
        """Return a place's value as its model; None where it does not fit, which is reported."""
        return checked(model, value, place, self.report, inline_secrets=self.allow_inline_secrets)

    def path(self, place: Place, name: str) -> Path:
        """Return the path of a file that is about to be read; a relative one starts at the config file's folder."""
        path = place.document.file.parent / name
        self.report.note(path)
        return path

    def examine(self, paths: tuple[Path, ...], wrong_with: Callable[..., str | None], place: Place) -> None:
        """Report what is wrong with files; hundreds of servers may share them, so that each is looked into once."""
        if paths not in self.examined:
            self.examined[paths] = wrong_with(*paths)
        wrong = self.examined[paths]
        if wrong:
            self.report.wrong(place, wrong)

    def secret(self, reference: Reference, place: Place, check: Check) -> Secret:
        """Return a secret, after it was read once; what is wrong with its value is reported."""
        secret = self._refer(reference, place, check)
        try:
            secret.reveal()
        except SecretUnreadable as error:
            self.report.wrong(place, str(error))
        return secret

    def _refer(self, reference: Reference, place: Place, check: Check) -> Secret:
        """Return a secret that was not read yet."""
        if isinstance(reference, InlineSecret):
            return inline_secret(reference.value, check)
        if isinstance(reference, SecretVariable):
            return variable_secret(reference.name, self.environ, check)
        known = len(self.report.files)
        path = self.path(place, reference.path)
        if len(self.report.files) > known and _open_to_all(path):
            self.report.odd(place, f"{path} can be read or written by every user of this machine")
        return file_secret(path, check)


def _open_to_all(path: Path) -> bool:
    """Tell whether others than a file's owner and group may read or write it."""
    try:
        return bool(path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH))
    except OSError:
        return False
