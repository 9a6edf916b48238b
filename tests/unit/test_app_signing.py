"""Where the signing key comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailsonar.app.signing import KEY_FILE, signing_key, with_key
from mailsonar.journal.folder import StateUnusable
from mailsonar.model.server import Secret


def test_configured_key_goes_before_all(tmp_path: Path) -> None:
    """A key that the config names is used as it is, and the state directory left alone."""
    configured = Secret("file:key", lambda: "k" * 32)
    assert signing_key(configured, tmp_path) == (configured, None)
    assert list(tmp_path.iterdir()) == []


def test_kept_key_is_made_once_for_the_owner_only(tmp_path: Path) -> None:
    """The key outlives the process, and nobody else may read it."""
    storage = tmp_path / "state" / "mailsonar"
    first, warning = signing_key(None, storage)
    second, _ = signing_key(None, storage)
    assert warning is None
    assert first.reveal() == second.reveal()
    assert len(first.reveal()) >= 32
    assert (storage / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert storage.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in storage.iterdir()] == [KEY_FILE]


def test_key_of_a_process_warns() -> None:
    """Without any place to keep it, each process has a key of its own, and says what that means."""
    first, warning = signing_key(None, None)
    assert first.reveal() != signing_key(None, None)[0].reveal()
    assert warning
    assert "leftovers" in warning
    assert first.reveal() not in warning + repr(first) + str(first)


def test_crash_while_the_key_was_made_is_in_nobodys_way(tmp_path: Path) -> None:
    """A process whose number is always 1, as in a container, starts again after a crash at the worst moment."""
    for number in range(10):
        (tmp_path / f"{KEY_FILE}.{number}").write_text("half a k")
    assert len(signing_key(None, tmp_path)[0].reveal()) >= 32


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"\xff" * 64])
def test_torn_key_is_refused(tmp_path: Path, content: bytes) -> None:
    """A key that anybody could guess is not signed with: the start is refused in one line, without the key."""
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(StateUnusable) as caught:
        signing_key(None, tmp_path)
    assert str(tmp_path / KEY_FILE) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "short" not in str(caught.value).removeprefix(str(tmp_path / KEY_FILE)).replace("shorter", "")


@pytest.mark.parametrize("broken", ["a file", "a directory as the key"])
def test_bad_state_directory_is_refused(tmp_path: Path, broken: str) -> None:
    """A state directory that cannot be used is told in one line."""
    storage = tmp_path / "state"
    if broken == "a file":
        storage.write_text("")
    else:
        (storage / KEY_FILE).mkdir(parents=True)
    with pytest.raises(StateUnusable, match="the signing key cannot be kept"):
        signing_key(None, storage)


def test_changed_key_signs_from_now_on_and_the_last_ones_are_kept() -> None:
    """A message that is on its way when the key changes stays recognisable; keys of the distant past do not pile up."""
    value = "a" * 32
    key = Secret("file:key", lambda: value)
    keys = with_key(key, ())
    for letter in "bcdef":
        value = letter * 32
        keys = with_key(key, with_key(key, keys))
    assert [one.reveal()[0] for one in keys] == ["f", "e", "d", "c"]
