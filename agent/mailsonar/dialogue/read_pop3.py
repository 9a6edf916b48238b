"""Reading messages in one POP3 session, and deleting those that are ours (RFC 1939 sections 5 and 7).

A unique-id is a hint, never an identity: a message is deleted only after the header that this very session read has
shown it to be ours, and a further one only after the server has shown that it did not renumber.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from mailsonar.dialogue.notes import LoginNotes
from mailsonar.dialogue.refusals import pop3_reason, pop3_refusal
from mailsonar.dialogue.steps import Dialogue, ask
from mailsonar.message.dsn import REPORT_LIMIT, ReportScan
from mailsonar.message.recognise import HEADER_LIMIT, HeaderScan, is_delivery_report
from mailsonar.model.fault import LimitExceeded, MailSonarError, Reason, Refused
from mailsonar.model.stage import Stage
from mailsonar.wire.pop3 import Status, listed_unique_id, message_reader, read_status_after_mail

READ_LIMIT = HEADER_LIMIT + 64 * 1024
RETRIEVED_BODY_LIMIT = 32 * 1024


class Examiner(Protocol):
    """Decides what a look reads and deletes, and keeps what it found.

    Keys stand for messages across sessions; those below zero are places in the listing, which others may take. `login`
    takes what the session learns of authentication.
    """

    login: LoginNotes

    def authenticated(self) -> None:
        """Note that the server let us in."""

    def counted(self, messages: int, octets: int) -> None:
        """Note what STAT told."""

    def listed(self, keys: Sequence[int]) -> Iterable[int]:
        """Note the listing; return the positions to read, in order."""

    def examined(self, key: int, scan: HeaderScan) -> bool:
        """Judge a message by its header; return whether to delete it now."""

    def reported(self, key: int, scan: ReportScan) -> bool:
        """Judge a delivery status notification; return whether to delete it now."""

    def unreadable(self, key: int, reason: Reason) -> None:
        """Note that a message could not be read: refused, perhaps because it is gone, or beyond our bounds."""

    def deletion_refused(self, key: int, error: MailSonarError) -> None:
        """Note that the server did not mark a message as deleted."""

    def on_record(self) -> Awaitable[None]:
        """Wait until the arrivals are on record: a crash after their deletion must not make lost ones of them."""

    def left(self, error: MailSonarError | None) -> None:
        """Note that QUIT was answered: deletions are done, or, with an error, not."""


class Reading:
    """Reads messages one after the other; knows what this session has learned of the server's abilities."""

    def __init__(self, examiner: Examiner, *, has_unique_ids: bool, top_is_sure: bool) -> None:
        self.deletions = 0
        self._examiner = examiner
        self._has_unique_ids = has_unique_ids
        self._top_is_sure = top_is_sure
        self._has_top = True

    def read(self, number: int, figure: int, key: int) -> Dialogue[bool]:
        """Read one message's header and delete it where the examiner says so.

        Returns:
            Whether the session can go on; where not, it must be dropped without QUIT.
        """
        scan = HeaderScan()
        try:
            status = yield from self._header(number, scan)
        except LimitExceeded as excess:
            self._give_up(key, scan, excess)
            return False
        if not status.ok:
            self._examiner.unreadable(key, pop3_reason(status, Stage.FETCH))
        elif is_delivery_report(scan):
            return (yield from self._read_report(number, figure, key))
        elif self._examiner.examined(key, scan):
            yield from self._delete(number, figure, key)
        return True

    def _read_report(self, number: int, figure: int, key: int) -> Dialogue[bool]:
        """Read a delivery status notification whole: it names our message only in the header that it returns."""
        report = ReportScan()
        try:
            status, _ = yield from ask(Stage.FETCH, f"RETR {number}", message_reader(report.take, REPORT_LIMIT))
        except LimitExceeded:
            self._examiner.unreadable(key, Reason.LIMIT_EXCEEDED)
            return False
        if not status.ok:
            self._examiner.unreadable(key, pop3_reason(status, Stage.FETCH))
        elif self._examiner.reported(key, report):
            yield from self._delete(number, figure, key)
        return True

    def _give_up(self, key: int, scan: HeaderScan, excess: LimitExceeded) -> None:
        """Judge a message that goes on after its header: it was cut short, and can't be deleted in this session."""
        if not scan.finished:
            self._examiner.unreadable(key, Reason.LIMIT_EXCEEDED)
        elif self._examiner.examined(key, scan):
            self._examiner.deletion_refused(key, excess)

    def _header(self, number: int, scan: HeaderScan) -> Dialogue[Status]:
        if self._has_top:
            status, _ = yield from ask(Stage.FETCH, f"TOP {number} 0", message_reader(scan.take, READ_LIMIT))
            if status.ok or self._top_is_sure:
                return status
        status, _ = yield from ask(Stage.FETCH, f"RETR {number}", message_reader(_cut_short(scan), READ_LIMIT))
        self._has_top = not status.ok
        return status

    def _delete(self, number: int, figure: int, key: int) -> Dialogue[None]:
        try:
            if self.deletions:
                yield from self._check(number, figure)
            status = yield from ask(Stage.DELETE, f"DELE {number}", read_status_after_mail)
            if not status.ok:
                raise pop3_refusal(status, Stage.DELETE)
            self.deletions += 1
        except Refused as refusal:
            self._examiner.deletion_refused(key, refusal)

    def _check(self, number: int, figure: int) -> Dialogue[None]:
        """Make sure that the server did not renumber its messages after a DELE, as some do."""
        if not self._has_unique_ids:
            raise Refused("one deletion a session without UIDL", reason=Reason.REJECTED, stage=Stage.DELETE)
        status = yield from ask(Stage.DELETE, f"UIDL {number}", read_status_after_mail)
        if not status.ok or listed_unique_id(status) != figure:
            raise Refused("the server renumbered its messages", reason=Reason.REJECTED, stage=Stage.DELETE)


def _cut_short(scan: HeaderScan) -> Callable[[bytes], None]:
    """Return a taker of lines that lets go of a message once its body has grown beyond what is cheap to read."""
    rest = RETRIEVED_BODY_LIMIT

    def take(line: bytes) -> None:
        nonlocal rest
        rest -= len(line) if scan.finished else 0
        if rest < 0:
            raise LimitExceeded(f"a body of more than {RETRIEVED_BODY_LIMIT} bytes, of which none is needed")
        scan.take(line)

    return take
