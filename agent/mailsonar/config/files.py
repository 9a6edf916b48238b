"""Reads a small file that the config names, or says in a line why that cannot be; and tells contents apart."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

LARGEST_BYTES = 16 * 2**20
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


def files_matching(folder: Path, pattern: str) -> tuple[Path, ...]:
    """Return the paths that a pattern matches, by name; a relative one starts at the folder."""
    names = glob.glob(pattern, root_dir=folder)  # noqa: PTH207 - Path.glob takes no absolute pattern
    return tuple(folder / name for name in sorted(names))
