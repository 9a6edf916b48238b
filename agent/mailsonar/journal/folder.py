"""The state directory: one agent at a time, and a journal that is set aside when it cannot be read."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from mailsonar.journal.store import NotOurJournal, Store

JOURNAL_FILE = "journal.sqlite3"
LOCK_FILE = "lock"
_COMPANIONS = ("", "-wal", "-shm")

log = logging.getLogger(__name__)


class StateUnusable(Exception):
    """The state directory cannot be used; the message says why in one line."""


def lock_folder(folder: Path) -> int:
    """Make the directory where it is missing, and take it for this process.

    Returns:
        The lock's file descriptor; the lock ends with it.

    Raises:
        StateUnusable: it cannot be written, or another agent has it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StateUnusable(f"{folder}: the state directory cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StateUnusable(f"{folder}: another agent uses this state directory") from error
    return descriptor


def open_store(folder: Path, instance: str) -> Store:
    """Open the journal of a state directory, which this process has locked.

    A file that is damaged, foreign or of another version is set aside under a name of its own, and the log says so.

    Raises:
        StateUnusable: not even a new journal can be made.
    """
    file = folder / JOURNAL_FILE
    try:
        try:
            return _open(file, instance)
        except NotOurJournal as finding:
            aside = _set_aside(file)
            log.error("%s cannot be used: %s; it was set aside as %s", file, finding, aside.name)  # noqa: TRY400
            return _open(file, instance)
    except (OSError, sqlite3.Error, NotOurJournal) as error:
        raise StateUnusable(f"{file}: the journal cannot be opened: {error}") from error


def _open(file: Path, instance: str) -> Store:
    if file.is_symlink():
        raise NotOurJournal("it is a symbolic link")
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    os.close(descriptor)
    return Store(file, instance)


def _set_aside(file: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = file.with_name(f"{file.name}.{stamp}.{os.getpid()}")
    for companion in _COMPANIONS:
        part = file.with_name(file.name + companion)
        if part.is_symlink() or part.exists():
            part.rename(aside.with_name(aside.name + companion))
    return aside
