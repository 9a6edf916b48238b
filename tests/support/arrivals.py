"""When mail really became visible: the kernel's own word on each file that is renamed into a Maildir's `new`.

A session that looks moves the file on to `cur`, which changes its ctime; so each file is stamped as it comes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import arrival_watch
from tests.support.processes import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """A message became visible between these two POSIX times; the first is None where nobody saw the ctime."""

    ctime: float | None
    heard: float


class Arrivals:
    """What the watching program wrote so far."""

    def __init__(self, log_file: Path) -> None:
        self._log_file = log_file

    @property
    def lines(self) -> list[str]:
        """Return all whole lines."""
        return self._log_file.read_text().splitlines()

    def by_name(self) -> dict[str, Visible]:
        """Return the arrivals by file name without flags."""
        rows = [line.split(" ") for line in self.lines if line != arrival_watch.READY]
        return {
            name.partition(":")[0]: Visible(ctime=None if ctime == "-" else float(ctime), heard=float(heard))
            for name, ctime, heard in rows
        }


@contextmanager
def watched(folders: Sequence[Path], log_file: Path) -> Iterator[Arrivals]:
    """Watch folders as long as the block lasts.

    Args:
        folders: the `new` of some Maildirs.
        log_file: where the watching program writes.
    """
    program = Program([sys.executable, arrival_watch.__file__, *folders], log_file)
    try:
        arrivals = Arrivals(log_file)
        program.until_ready(lambda: arrival_watch.READY in arrivals.lines, log_file.read_text)
        yield arrivals
    finally:
        program.stop()
