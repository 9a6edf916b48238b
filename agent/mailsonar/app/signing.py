"""Where the signing key comes from when the config names none: the state directory, else this process alone."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mailsonar.journal.folder import StateUnusable
from mailsonar.model.server import Secret

KEY_FILE = "signing-key"
KEY_BYTES = 32
PAST_KEYS = 3


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
    key = secrets.token_hex(KEY_BYTES)
    return Secret("made for this process", lambda: key), (
        "no signing_key in the config and no --storage.path: the key lives as long as this process, "
        "and leftovers of earlier processes cannot be recognised"
    )


def with_key(key: Secret, keys: Sequence[Secret]) -> tuple[Secret, ...]:
    """Return the keys with a new one at their head, its value as it is now; the last few before it stay.

    Args:
        key: what to sign with from now on.
        keys: what was signed with so far, the newest first.
    """
    value = key.reveal()
    if keys and keys[0].reveal() == value:
        return tuple(keys)
    return (Secret(key.source, lambda: value), *keys[:PAST_KEYS])


def _kept(file: Path) -> str:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            _make(file)
        key = file.read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        raise StateUnusable(f"{file}: the signing key is not ASCII text") from None
    except OSError as error:
        raise StateUnusable(f"{file}: the signing key cannot be kept: {error}") from error
    if len(key) < KEY_BYTES:
        raise StateUnusable(f"{file}: the signing key is shorter than {KEY_BYTES} bytes: remove it, or restore it")
    return key


def _make(file: Path) -> None:
    """Write a new key, all of it or nothing; what a crash leaves behind is in nobody's way."""
    descriptor, fresh = tempfile.mkstemp(prefix=f"{KEY_FILE}.", dir=file.parent)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(secrets.token_hex(KEY_BYTES) + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    Path(fresh).rename(file)
