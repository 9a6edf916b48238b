"""What the system tests share: one real mail host for the whole run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.mailhost import MailHost


@pytest.fixture(scope="session")
def mail_host() -> Iterator[MailHost]:
    """Serve mail by a private Postfix and Dovecot; a test that changes the host puts it right again."""
    with tempfile.TemporaryDirectory(prefix="ms-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        with MailHost(folder) as host:
            yield host
