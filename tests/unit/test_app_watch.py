"""Noticing that the config's files changed on disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mailsonar.app.watch import signature


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A config as Kubernetes mounts it: a link to a link to a folder of that revision."""
    for revision in ("..2026_01", "..2026_02"):
        (tmp_path / revision).mkdir()
        (tmp_path / revision / "mailsonar.yml").write_text("routes: {}\n")
    (tmp_path / "..data").symlink_to("..2026_01")
    (tmp_path / "mailsonar.yml").symlink_to("..data/mailsonar.yml")
    return tmp_path / "mailsonar.yml"


def swap(file: Path) -> None:
    """Exchange the revision, as Kubernetes does."""
    fresh = file.parent / "..data_tmp"
    fresh.symlink_to("..2026_02")
    fresh.rename(file.parent / "..data")


def replace(file: Path) -> None:
    """Put another file in its place, as editors do."""
    fresh = file.parent / "new"
    fresh.write_text("routes: {}\n")
    fresh.rename(file)


def append(file: Path) -> None:
    """Write into it."""
    with file.open("a") as opened:
        opened.write("# more\n")


def touch(file: Path) -> None:
    """Change its time only."""
    os.utime(file, ns=(1, 1))


def remove(file: Path) -> None:
    """Take it away."""
    file.unlink()


def add_beside(file: Path) -> None:
    """Make another file beside it, which an `include` may match."""
    (file.parent / "another.yml").write_text("")


@pytest.mark.parametrize("change", [swap, replace, append, touch, remove, add_beside])
def test_change_is_seen(mounted: Path, change: Callable[[Path], None]) -> None:
    """Whichever way a file is replaced, edited or taken away, its state is another one."""
    before = signature([mounted])
    change(mounted)
    assert signature([mounted]) != before


def test_nothing_changed(mounted: Path) -> None:
    """What was not touched is in the same state, a missing file too."""
    files = [mounted, mounted.parent / "missing.yml"]
    before = signature(files)
    mounted.read_text()
    assert signature(files) == before
