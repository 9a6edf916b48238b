"""Telling a file's contents apart, again and again."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mailsonar.config import files
from mailsonar.config.files import Fingerprints, fingerprint


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """List the files that are read from now on."""
    paths: list[Path] = []

    def noted(path: Path) -> str:
        paths.append(path)
        return fingerprint(path)

    monkeypatch.setattr(files, "fingerprint", noted)
    return paths


def test_what_cannot_have_changed_is_not_read_again(tmp_path: Path, read: list[Path]) -> None:
    """A file that last changed a while ago is read once."""
    file = tmp_path / "secret"
    file.write_text("one")
    prints = Fingerprints(lambda: time.time() + 60)
    assert {prints.of(file) for _ in range(3)} == {fingerprint(file)}
    assert read == [file]


def test_a_change_that_hides_its_time_is_seen(tmp_path: Path) -> None:
    """Another content of the same size, with the old time put back, or in a file moved there, is another."""
    file, other = tmp_path / "secret", tmp_path / "other"
    file.write_text("one")
    prints = Fingerprints(lambda: time.time() + 60)
    first, state = prints.of(file), file.stat()
    file.write_text("two")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    second = prints.of(file)
    other.write_text("six")
    os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
    other.replace(file)
    assert len({first, second, prints.of(file)}) == 3


def test_a_file_of_just_now_is_read_each_time(tmp_path: Path, read: list[Path]) -> None:
    """Within one tick of the file system's clock a file may change twice: its time proves nothing yet."""
    file = tmp_path / "secret"
    file.write_text("one")
    prints = Fingerprints(time.time)
    prints.of(file)
    prints.of(file)
    assert read == [file, file]


def test_a_file_that_goes_and_comes_back_is_seen(tmp_path: Path) -> None:
    """What cannot be read has a fingerprint of its own, and is looked at each time."""
    file = tmp_path / "secret"
    file.write_text("one")
    prints = Fingerprints(lambda: time.time() + 60)
    there = prints.of(file)
    file.unlink()
    assert prints.of(file) != there
    file.write_text("one")
    assert prints.of(file) == there
