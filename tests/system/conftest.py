"""What the system tests share: one real mail host for the whole run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.mailhost import MailHost, probe_users

USERS = 300
USERS_OF_THE_HOST_ITSELF = 20  # the tests of the host itself name these


@pytest.fixture(scope="session")
def mail_host() -> Iterator[MailHost]:
    """Serve mail by a private Postfix and Dovecot; a test that changes the host puts it right again."""
    with tempfile.TemporaryDirectory(prefix="ms-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        with MailHost(folder, probe_users(USERS)) as host:
            yield host


@pytest.fixture(scope="session")
def positions() -> Iterator[int]:
    """Hand out the host's users by position: whoever takes one has its mailbox for himself."""
    return iter(range(USERS_OF_THE_HOST_ITSELF, USERS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures that tests recorded by `record_property`: what was measured counts as much as that it passed."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    figures = [(name, value) for report in reports for name, value in report.user_properties]
    if figures:
        terminalreporter.section("figures")
    for name, value in figures:
        terminalreporter.write_line(f"{name}: {value}")
