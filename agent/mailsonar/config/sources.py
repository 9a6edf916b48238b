"""What a config was read from, told by content: times and sizes may stay the same while a file changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mailsonar.config.files import files_matching, fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The fingerprint of every file that was read, secrets and certificates included, and what each `include` matched.

    A pattern is keyed by the folder that it starts at and its text.
    """

    files: Mapping[Path, str] = field(repr=False)
    matches: Mapping[tuple[Path, str], tuple[Path, ...]]

    def now(self, fingerprint_of: Callable[[Path], str] = fingerprint) -> Sources:
        """Return what the disk holds now in the same places.

        Args:
            fingerprint_of: tells a file's fingerprint.
        """
        return Sources(
            files={path: fingerprint_of(path) for path in self.files},
            matches={(folder, pattern): files_matching(folder, pattern) for folder, pattern in self.matches},
        )
