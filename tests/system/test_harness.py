"""What the harness of real servers refuses before it starts, with the remedy."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from tests.support.mailhost import LONGEST_FOLDER, MailHost
from tests.support.processes import ProgramMissing, require_program


def test_a_missing_program_fails_with_the_remedy() -> None:
    """A program that is not installed is an error that says what to run, never a skipped test."""
    with pytest.raises(ProgramMissing, match=r"run `make test`.*apt-get install mail-package"):
        require_program("no-such-mail-program", "mail-package")


def test_a_folder_that_cannot_work_is_refused(tmp_path: Path) -> None:
    """A folder that is too deep, or that the servers' users may not enter, is refused before a server starts."""
    with pytest.raises(ValueError, match="too deep"):
        MailHost(tmp_path / ("x" * LONGEST_FOLDER))
    with tempfile.TemporaryDirectory() as closed, pytest.raises(ValueError, match=r"chmod o\+x"):
        MailHost(Path(closed))
