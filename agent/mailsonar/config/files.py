"""Reads a small file that the config names, or says in a line why that cannot be."""

from __future__ import annotations

import os
import stat
from pathlib import Path


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
            content = file.read(limit + 1)
    except OSError as error:
        raise FileUnusable((error.strerror or "cannot be read").lower()) from None
    except ValueError:
        raise FileUnusable("has a name that no file can have") from None
    if len(content) > limit:
        raise FileUnusable(f"has more than {limit} bytes")
    return state, content
