"""Noticing that what the config was read from changed on disk: by content, and against what was loaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mailsonar.app.watch import Watch
from mailsonar.clock import SystemClock
from mailsonar.config.load import Config, ConfigInvalid, load_config

SERVER = "{host: mail.acme.example, security: starttls, username: probe, password: {file: password}}"
MAIN = f"""\
signing_key: {{file: key}}
senders: {{out: {{address: probe@acme.example, smtp: {SERVER}}}}}
maildrops: {{in: {{address: probe@acme.example, pop3: {SERVER}}}}}
include: ["conf.d/*.yml"]
"""
ROUTE = "routes: {%s: {from: out, to: in}}\n"


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """A config as Kubernetes mounts it, a link to a link to a folder of that revision; beside it an included file."""
    for revision in ("..2026_01", "..2026_02"):
        (tmp_path / revision).mkdir()
        (tmp_path / revision / "main.yml").write_text(f"# revision {revision}\n" + MAIN)
    (tmp_path / "..data").symlink_to("..2026_01")
    (tmp_path / "main.yml").symlink_to("..data/main.yml")
    (tmp_path / "key").write_text("k" * 40)
    (tmp_path / "password").write_text("canary-of-the-watch")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "acme.yml").write_text(ROUTE % "acme")
    return tmp_path / "main.yml"


class Disk:
    """A config that is loaded once, and what the watch then sees of each change."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.loads = 0
        self.in_force = self.load()
        self.watch = Watch(self.load, SystemClock())

    def load(self) -> Config:
        """Read the config as it is now."""
        self.loads += 1
        return load_config(self._file, environ={})

    def sees_change(self) -> bool:
        """Look as the agent does, and take over what can be loaded."""
        changed = self.watch.sees_change(self.in_force.sources)
        if changed:
            try:
                self.in_force = self.load()
            except ConfigInvalid:
                return True
        return changed


@pytest.fixture
def disk(config_file: Path) -> Disk:
    """The config, loaded."""
    return Disk(config_file)


def swap(file: Path) -> None:
    """Exchange the revision, as Kubernetes does."""
    fresh = file.parent / "..data_tmp"
    fresh.symlink_to("..2026_02")
    fresh.rename(file.parent / "..data")


def replace(file: Path) -> None:
    """Put another file in its place, as editors do."""
    fresh = file.parent / "new"
    fresh.write_text(MAIN)
    fresh.rename(file)


def append(file: Path) -> None:
    """Write into it."""
    with file.open("a") as opened:
        opened.write("# more\n")


def edit_in_no_time(file: Path) -> None:
    """Change the content, but neither its size nor its time nor which file it is."""
    included = file.parent / "conf.d" / "acme.yml"
    before = included.stat()
    included.write_text(ROUTE % "ecma")
    os.utime(included, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = included.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)


def include_another(file: Path) -> None:
    """Make another file that the pattern of `include` matches."""
    (file.parent / "conf.d" / "contoso.yml").write_text(ROUTE % "contoso")


def exclude(file: Path) -> None:
    """Take an included file away."""
    (file.parent / "conf.d" / "acme.yml").unlink()


def change_secret(file: Path) -> None:
    """Change what the config only refers to."""
    (file.parent / "key").write_text("j" * 40)


@pytest.mark.parametrize("change", [swap, replace, append, edit_in_no_time, include_another, exclude, change_secret])
def test_change_is_seen_once(disk: Disk, config_file: Path, change: Callable[[Path], None]) -> None:
    """Whichever way the content changes, the next look sees it, even the first one; and those after it do not."""
    change(config_file)
    assert disk.sees_change()
    assert not disk.sees_change()


def touch(file: Path) -> None:
    """Change its time only."""
    os.utime(file, ns=(1, 1))


def rewrite(file: Path) -> None:
    """Put the same content into another file of that name."""
    content = file.read_text()
    file.unlink()
    file.write_text(content)


def add_beside(file: Path) -> None:
    """Make a file that no pattern matches."""
    (file.parent / "another.yml").write_text(ROUTE % "another")


@pytest.mark.parametrize("change", [touch, rewrite, add_beside])
def test_same_content_is_no_change(disk: Disk, config_file: Path, change: Callable[[Path], None]) -> None:
    """What reads the same is left alone: nothing is even loaded."""
    change(config_file)
    assert not disk.sees_change()
    assert disk.loads == 1


def remove(file: Path) -> None:
    """Take the config away."""
    file.unlink()


def misspell(file: Path) -> None:
    """Make a mistake in an included file."""
    (file.parent / "conf.d" / "acme.yml").write_text("roots: {}\n")


@pytest.mark.parametrize("spoil", [remove, misspell])
def test_broken_content_is_tried_once(disk: Disk, config_file: Path, spoil: Callable[[Path], None]) -> None:
    """A mistake is told once, not at every look; the next content is tried again, also the one from before."""
    content = config_file.read_text()
    spoil(config_file)
    assert disk.sees_change()
    assert not disk.sees_change()
    config_file.write_text(content)
    (config_file.parent / "conf.d" / "acme.yml").write_text(ROUTE % "acme")
    assert disk.sees_change()
    assert not disk.sees_change()


def test_refused_config_is_mended_by_a_file_that_only_it_names(disk: Disk, config_file: Path) -> None:
    """The secret may come after the config that refers to it: nobody has to touch the config again."""
    config_file.write_text(MAIN.replace("file: password", "file: later"))
    assert disk.sees_change()
    assert not disk.sees_change()
    (config_file.parent / "later").write_text("canary-of-the-watch")
    assert disk.sees_change()
    assert config_file.parent / "later" in disk.in_force.sources.files


def test_reload_by_other_means_is_the_new_state(disk: Disk, config_file: Path) -> None:
    """What a signal has already put in force is not loaded again."""
    assert not disk.sees_change()
    append(config_file)
    disk.in_force = disk.load()
    assert not disk.sees_change()


def test_fingerprint_shows_nothing_of_a_secret(disk: Disk) -> None:
    """Neither what was read nor its hash stands in the representation of a config."""
    assert "canary" not in repr(disk.in_force)
    assert not any(shown in repr(disk.in_force) for shown in disk.in_force.sources.files.values())
