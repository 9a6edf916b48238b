"""Tells of each file that is renamed into one of its folders, as soon as the kernel does; a program of its own.

A test's event loop has other things to do: what it stamps may be tens of milliseconds late.

Usage: arrival_watch.py FOLDER ...; writes "ready", then a line "NAME CTIME HEARD" for each file, in POSIX seconds;
CTIME is "-" where the file was moved on before it could be asked.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path

READY = "ready"
IN_MOVED_TO = 0x80
EVENT = struct.Struct("iIII")
READ_BYTES = 65536


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def watch(folders: Sequence[str]) -> None:
    """Write a line for each file that is renamed into a folder, for ever."""
    kernel = ctypes.CDLL(None, use_errno=True)
    descriptor = kernel.inotify_init1(os.O_CLOEXEC)
    by_number = {kernel.inotify_add_watch(descriptor, os.fsencode(folder), IN_MOVED_TO): folder for folder in folders}
    if descriptor < 0 or min(by_number) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    say(READY)
    while True:
        raw, heard, at = os.read(descriptor, READ_BYTES), time.time(), 0
        while at < len(raw):
            number, _, _, length = EVENT.unpack_from(raw, at)
            name = raw[at + EVENT.size : at + EVENT.size + length].rstrip(b"\0").decode()
            at += EVENT.size + length
            try:
                ctime = f"{Path(by_number[number], name).stat().st_ctime:.6f}"
            except FileNotFoundError:
                ctime = "-"
            say(f"{name} {ctime} {heard:.6f}")


if __name__ == "__main__":
    watch(sys.argv[1:])
