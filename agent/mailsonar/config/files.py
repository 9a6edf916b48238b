"""Reads a small file that the config names, or says in a line why that cannot be; and tells contents apart."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

LARGEST_BYTES = 16 * 2**20
SETTLED_SECONDS = 2.0
_BLOCK_BYTES = 64 * 1024


class FileUnusable(Exception):
    """The file cannot be read; the message says why, without the path."""


def read_file(path: Path, *, limit: int) -> tuple[os.stat_result, bytes]:
    """Return a regular file's state and content; the state is that from before the content was read.

    Args:
        path: which file.
        limit: the most bytes that it may have.

    Raises:
        FileUnusable: it is missing, no regular file, too large, or the system refuses it.
    """
    try:
        state = path.stat()
        if stat.S_ISDIR(state.st_mode):
            raise FileUnusable("is a directory")
        if not stat.S_ISREG(state.st_mode):  # a pipe would block whoever reads it
            raise FileUnusable("is not a regular file")
        with path.open("rb") as file:
            content = _up_to(limit + 1, file)
    except OSError as error:
        raise FileUnusable((error.strerror or "cannot be read").lower()) from None
    except ValueError:
        raise FileUnusable("has a name that no file can have") from None
    if len(content) > limit:
        raise FileUnusable(f"has more than {limit} bytes")
    return state, content


def _up_to(most: int, file: BinaryIO) -> bytes:
    """Return a file's first bytes; block by block, because one large read takes memory for all that might come."""
    content = bytearray()
    while len(content) < most and (block := file.read(min(_BLOCK_BYTES, most - len(content)))):
        content += block
    return bytes(content)


def fingerprint(path: Path) -> str:
    """Return what tells one content of a file from another; where it cannot be read, why: that counts as content.

    Links are followed. The content itself, which may be a secret, cannot be had back from it.
    """
    try:
        return hashlib.sha256(read_file(path, limit=LARGEST_BYTES)[1]).hexdigest()
    except FileUnusable as unusable:
        return str(unusable)


class Fingerprints:
    """Fingerprints of files that are asked for again and again: what cannot have changed since is not read again.

    The system's clock for files ticks in milliseconds, so that a file may change twice at one of its instants. Its time
    proves something only once it is a while ago.

    Args:
        now_wall: tells the POSIX time.
    """

    def __init__(self, now_wall: Callable[[], float]) -> None:
        self._now_wall = now_wall
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def of(self, path: Path) -> str:
        """Return the fingerprint of a file as it is now."""
        state = _state_of(path)
        known = self._known.get(path)
        if known is not None and known[0] == state:
            return known[1]
        settled_ns = (self._now_wall() - SETTLED_SECONDS) * 1e9
        found = fingerprint(path)
        self._known.pop(path, None)
        if state is not None and state[0] < settled_ns and state == _state_of(path):
            self._known[path] = state, found
        return found


def _state_of(path: Path) -> tuple[int, ...] | None:
    """Return what changes whenever a file does, when it last did first; None where there is none."""
    try:
        state = os.stat(path)  # noqa: PTH116 - half the time of Path.stat, for thousands of files every other second
    except (OSError, ValueError):
        return None
    return state.st_ctime_ns, state.st_mtime_ns, state.st_size, state.st_ino, state.st_dev, state.st_mode


def files_matching(folder: Path, pattern: str) -> tuple[Path, ...]:
    """Return the paths that a pattern matches, by name; a relative one starts at the folder."""
    names = glob.glob(pattern, root_dir=folder)  # noqa: PTH207 - Path.glob takes no absolute pattern
    return tuple(folder / name for name in sorted(names))
