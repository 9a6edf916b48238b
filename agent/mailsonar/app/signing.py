"""Where the signing key comes from when the config names none: the state directory, else this process alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from mailsonar.model.server import Secret

KEY_FILE = "signing-key"


class StateUnusable(Exception):
    """The state directory cannot be used; the message says why in one line."""


def signing_key(configured: Secret | None, storage: Path | None) -> tuple[Secret, str | None]:
    """Return the signing key, and a warning where its life is shorter than the operator may think.

    Args:
        configured: the config's key.
        storage: the state directory, where a key is made once and kept with mode 0600.

    Raises:
        StateUnusable: the state directory cannot be read or written.
    """
    if configured:
        return configured, None
    if storage:
        key = _kept(storage / KEY_FILE)
        return Secret(f"file:{storage / KEY_FILE}", lambda: key), None
    key = secrets.token_hex(32)
    return Secret("made for this process", lambda: key), (
        "no signing_key in the config and no --storage.path: the key lives as long as this process, "
        "and leftovers of earlier processes cannot be recognised"
    )


def _kept(file: Path) -> str:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            _make(file)
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise StateUnusable(f"{file}: the signing key cannot be kept: {error}") from error


def _make(file: Path) -> None:
    fresh = file.with_suffix(f".{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(secrets.token_hex(32) + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    fresh.rename(file)
