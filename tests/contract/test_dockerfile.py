"""The Dockerfile keeps to what hadolint knows of good ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DOCKERFILE = Path(__file__).parents[2] / "Dockerfile"


def test_hadolint_finds_nothing() -> None:
    """Not even what it would merely like otherwise."""
    hadolint = Path(sys.executable).with_name("hadolint")
    command = [hadolint, "--failure-threshold", "style", DOCKERFILE]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
