"""A submission session that is expected to fail, and what it leaves behind."""

from __future__ import annotations

import pytest

from mailsonar.clock import SystemClock
from mailsonar.dialogue.submit import Mail, SubmissionNotes, submit
from mailsonar.message.compose import Envelope
from mailsonar.model.fault import MailSonarError
from mailsonar.model.server import Account, Server, Timeouts
from mailsonar.model.stage import Leg
from mailsonar.net.converse import Network, Session
from mailsonar.net.stopwatch import Stopwatch

QUICK = Timeouts(connect=0.2, tls=0.2, greeting=0.2, command=0.2, data=0.2, session=5.0)
_ENVELOPE = Envelope(reverse_path="probe@acme.example", forward_path="probe@contoso.example")
MAIL = Mail(envelope=_ENVELOPE, content=b"Subject: probe\r\n\r\n")


class FailingSubmission:
    """One session that is expected to fail, with all it left behind."""

    def __init__(self, net: Network, server: Server, mail: Mail = MAIL) -> None:
        self._mail = mail
        self.notes = SubmissionNotes()
        self.stopwatch = Stopwatch(Leg.SUBMISSION, SystemClock())
        self._session = Session(net, server, self.stopwatch)
        self._account = Account(server=server, credentials=None)

    async def fail(self, expected: type[MailSonarError]) -> MailSonarError:
        """Return the error of a submission."""
        with pytest.raises(expected) as caught:
            await self._session.hold(lambda name: submit(self._account, self._mail, name, self.notes))
        assert caught.value.stage is self.stopwatch.failed
        return caught.value

    def seconds(self) -> float:
        """Return how long the session took."""
        return sum(timing.seconds for timing in self.stopwatch.timings())
