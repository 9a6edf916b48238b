"""Secrets while the agent runs: read again when their file changes, kept while it is unusable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailsonar.config.secrets import check_password, file_secret, inline_secret, variable_secret
from mailsonar.model.server import SecretUnreadable


def write(path: Path, content: str, *, age: int) -> None:
    """Write a file whose time differs with its age, however fast the test runs."""
    path.write_text(content)
    os.utime(path, ns=(age, age))


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """A rotated password is in use at the next login, even one of the same length."""
    path = tmp_path / "password"
    write(path, "first\n", age=1)
    secret = file_secret(path, check_password)
    assert secret.reveal() == "first"
    write(path, "other\n", age=2)
    assert secret.reveal() == "other"


def test_a_swapped_link_is_read_again(tmp_path: Path) -> None:
    """Kubernetes changes a secret by pointing a link to another folder."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "password", f"{name}\n", age=1)
    link = tmp_path / "data"
    link.symlink_to("old")
    secret = file_secret(link / "password", check_password)
    assert secret.reveal() == "old"
    (tmp_path / "next").symlink_to("new")
    (tmp_path / "next").replace(link)
    assert secret.reveal() == "new"


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    """What tells a change is the file's time, size and inode."""
    path = tmp_path / "password"
    write(path, "first\n", age=1)
    secret = file_secret(path, check_password)
    assert secret.reveal() == "first"
    write(path, "other\n", age=1)
    assert secret.reveal() == "first"


@pytest.mark.parametrize("content", ["", "\n", "two\nlines\n", None], ids=["empty", "newline", "two lines", "gone"])
def test_the_last_good_value_stays_while_the_file_is_unusable(tmp_path: Path, content: str | None) -> None:
    """A file caught in the middle of a change does not break logins, and is read once it is whole."""
    path = tmp_path / "password"
    write(path, "good\n", age=1)
    secret = file_secret(path, check_password)
    assert secret.reveal() == "good"
    if content is None:
        path.unlink()
    else:
        write(path, content, age=2)
    assert secret.reveal() == "good"
    write(path, "better\n", age=3)
    assert secret.reveal() == "better"


def test_a_file_that_never_was_good_is_unreadable(tmp_path: Path) -> None:
    """Without any good value there is nothing to fall back to; the message names the file."""
    path = tmp_path / "password"
    with pytest.raises(SecretUnreadable, match="password cannot be read: no such file or directory"):
        file_secret(path, check_password).reveal()


@pytest.mark.parametrize(
    ("content", "value"),
    [("plain", "plain"), ("unix\n", "unix"), ("dos\r\n", "dos"), (" kept \n", " kept "), ("%{}'\"\n", "%{}'\"")],
)
def test_only_the_trailing_newline_is_stripped(tmp_path: Path, content: str, value: str) -> None:
    """Spaces, quotes and percent signs belong to a password."""
    path = tmp_path / "password"
    path.write_bytes(content.encode())
    assert file_secret(path, check_password).reveal() == value


def test_a_variable_with_foreign_bytes_is_unreadable() -> None:
    """An environment variable may hold bytes that are no UTF-8; no login fails over that later."""
    with pytest.raises(SecretUnreadable, match="is not UTF-8 text"):
        variable_secret("P", {"P": "\udcff"}, lambda _: None).reveal()


def test_secrets_are_equal_when_they_come_from_the_same_place(tmp_path: Path) -> None:
    """A reload tells a changed account by its secrets; an inline one changes with its value, without showing it."""
    assert file_secret(tmp_path, check_password) == file_secret(tmp_path, check_password)
    assert variable_secret("A", {}, check_password) != variable_secret("B", {}, check_password)
    first, second = inline_secret("canary-1", check_password), inline_secret("canary-2", check_password)
    assert first != second
    assert first == inline_secret("canary-1", check_password)
    assert "canary" not in repr((first, second))
