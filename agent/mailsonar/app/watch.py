"""Notices that the config's files changed on disk, also by the exchange of a symbolic link, as Kubernetes does it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

Signature = frozenset[tuple[str, int, int, int]]


def signature(files: Iterable[Path]) -> Signature:
    """Return what tells one state of the files, and of the folders they lie in, from another.

    Args:
        files: absolute paths; links are followed, and a missing file counts as a state, too.
    """
    places = set(files)
    return frozenset(_mark(place) for place in places | {place.parent for place in places})


def _mark(place: Path) -> tuple[str, int, int, int]:
    try:
        found = place.stat()
    except OSError:
        return (str(place), 0, 0, 0)
    return (str(place), found.st_ino, found.st_mtime_ns, 0 if place.is_dir() else found.st_size)
