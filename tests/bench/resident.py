"""How much memory a process has."""

from __future__ import annotations

from pathlib import Path


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has, shared libraries included (RSS)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise LookupError(pid)
