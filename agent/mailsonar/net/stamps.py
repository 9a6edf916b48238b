"""The kernel's stamps on what comes in: they tell the truth however late the event loop gets round to reading."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

SO_TIMESTAMPNS = 35  # Linux; Python has no name for it before 3.14
_TIMESPEC = struct.Struct("@ll")  # seconds and nanoseconds of the wall clock
_SPACE = socket.CMSG_SPACE(_TIMESPEC.size)
_PEEKED_SIZE = 20 * 1024  # more than a TLS record


def stamp_arrivals(unconnected: socket.socket) -> None:
    """Let the kernel stamp what comes in; where it cannot, there will be no stamps."""
    with suppress(OSError):
        unconnected.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def stamp_of_next(connected: socket.socket) -> float | None:
    """Return when the last of the bytes that wait to be read came in, as POSIX time, None where they have no stamp.

    Raises:
        BlockingIOError: nothing waits.
        OSError: the connection is broken.
    """
    _, notes, _, _ = socket.socket.recvmsg(connected, _PEEKED_SIZE, _SPACE, socket.MSG_PEEK)
    for _, _, stamp in notes:
        seconds, nanoseconds = _TIMESPEC.unpack(stamp)
        return float(seconds + nanoseconds / 1e9)
    return None
