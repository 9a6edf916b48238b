"""What the system tests share: one real mail host for the whole run, or for each worker of it."""

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
