"""One look into a maildrop over POP3 (RFC 1939, 2449, 2595, 5034): list, read headers, delete what is ours, leave.

Message numbers are a snapshot taken at login and never outlive the session. A unique-id is a hint, never an identity:
a message is deleted only after the header that this very session read has shown it to be ours. DELE counts once QUIT
was answered with +OK.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from mailsonar.dialogue.authenticate_pop3 import Capabilities, authenticate
from mailsonar.dialogue.refusals import pop3_refusal
from mailsonar.dialogue.steps import Dialogue, Patience, ask, hear, upgrade
from mailsonar.message.dsn import REPORT_LIMIT, ReportScan
from mailsonar.message.recognise import HEADER_LIMIT, HeaderScan, is_delivery_report
from mailsonar.model.fault import (
    LimitExceeded,
    MailSonarError,
    ProtocolViolation,
    Reason,
    Refused,
    StarttlsUnavailable,
)
from mailsonar.model.server import Account, Security
from mailsonar.model.stage import Stage
from mailsonar.wire.pop3 import (
    Listing,
    Status,
    capabilities_reader,
    drop_listing,
    fingerprint,
    list_reader,
    listed_unique_id,
    message_reader,
    read_status,
    uidl_reader,
)

READ_LIMIT = HEADER_LIMIT + 64 * 1024
RETRIEVED_BODY_LIMIT = 32 * 1024


class Examiner(Protocol):
    """Decides what a look reads and deletes, and keeps what it found. Keys stand for messages across sessions."""

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

    def unreadable(self, key: int, *, gone: bool) -> None:
        """Note that a message could not be read: it is gone, or beyond our bounds."""

    def deletion_refused(self, key: int, error: MailSonarError) -> None:
        """Note that the server did not mark a message as deleted."""

    def left(self, error: MailSonarError | None) -> None:
        """Note that QUIT was answered: deletions are done, or, with an error, not."""


def look(account: Account, examiner: Examiner) -> Dialogue[None]:
    """Look into a maildrop once.

    Args:
        account: whose maildrop.
        examiner: decides and takes notes along the way, so that nothing is lost if the session ends in the middle.

    Raises:
        MailSonarError: a stage failed.
    """
    try:
        capabilities = yield from open_session(account)
        examiner.authenticated()
        yield from _read(examiner, top_is_sure="TOP" in (capabilities or ()))
    except Refused:
        yield from leave()
        raise


def open_session(account: Account) -> Dialogue[Capabilities | None]:
    """Come as far as the TRANSACTION state: greeting, capabilities, TLS, authentication; return the capabilities."""
    security = account.server.security
    if security is Security.IMPLICIT_TLS:
        yield from upgrade(implicit=True)
    greeting = yield from hear(Stage.GREETING, read_status)
    if not greeting.ok:
        raise pop3_refusal(greeting, Stage.GREETING)
    capabilities = yield from _capabilities()
    if security is Security.STARTTLS:
        yield from _start_tls(capabilities)
        capabilities = yield from _capabilities()
    yield from authenticate(account, capabilities)
    return capabilities


def leave() -> Dialogue[None]:
    """Say QUIT; what comes of it changes nothing."""
    with suppress(MailSonarError):
        yield from ask(Stage.QUIT, "QUIT", read_status, Patience.QUIT)


def _capabilities() -> Dialogue[Capabilities | None]:
    _, capabilities = yield from ask(Stage.CAPABILITIES, "CAPA", capabilities_reader())
    return capabilities


def _start_tls(capabilities: Capabilities | None) -> Dialogue[None]:
    if capabilities is not None and "STLS" not in capabilities:
        raise StarttlsUnavailable("the server does not offer STLS", stage=Stage.STARTTLS)
    status = yield from ask(Stage.STARTTLS, "STLS", read_status)
    if not status.ok:
        raise StarttlsUnavailable(f"STLS was refused: {status}", stage=Stage.STARTTLS)
    yield from upgrade(implicit=False)


def _read(examiner: Examiner, *, top_is_sure: bool) -> Dialogue[None]:
    status = yield from ask(Stage.LIST, "STAT", read_status)
    counted = drop_listing(status)
    if counted:
        examiner.counted(*counted)
    listing, has_unique_ids = yield from _list()
    keys = tuple(_keys(listing, has_unique_ids=has_unique_ids))
    session = _Reading(examiner, has_unique_ids=has_unique_ids, top_is_sure=top_is_sure)
    for position in examiner.listed(keys):
        proceed = yield from session.read(listing.numbers[position], listing.figures[position], keys[position])
        if not proceed:
            return
    yield from _quit(examiner, deletions=session.deletions)


def _list() -> Dialogue[tuple[Listing, bool]]:
    status, listing = yield from ask(Stage.LIST, "UIDL", uidl_reader())
    if listing is not None:
        return _sane(listing), True
    status, listing = yield from ask(Stage.LIST, "LIST", list_reader())
    if listing is None:
        raise pop3_refusal(status, Stage.LIST)
    return _sane(listing), False


def _sane(listing: Listing) -> Listing:
    """Return the listing; one that has rows, but none that makes sense, must not pass for an empty maildrop."""
    if listing.malformed and not len(listing):
        raise ProtocolViolation(f"none of the {listing.malformed} rows of the listing makes sense", stage=Stage.LIST)
    return listing


def _keys(listing: Listing, *, has_unique_ids: bool) -> Iterator[int]:
    """Yield a key for each row: the unique-id's fingerprint, made distinct by the number where it alone is not."""
    times = Counter(listing.figures) if has_unique_ids else {}
    for number, figure in zip(listing.numbers, listing.figures, strict=True):
        yield figure if times.get(figure) == 1 else fingerprint(b"%d %d" % (number, figure))


class _Reading:
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
            self._examiner.unreadable(key, gone=True)
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
            self._examiner.unreadable(key, gone=False)
            return False
        if status.ok and self._examiner.reported(key, report):
            yield from self._delete(number, figure, key)
        return True

    def _give_up(self, key: int, scan: HeaderScan, excess: LimitExceeded) -> None:
        """Judge a message that goes on after its header: it was cut short, and can't be deleted in this session."""
        if not scan.finished:
            self._examiner.unreadable(key, gone=False)
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
            status = yield from ask(Stage.DELETE, f"DELE {number}", read_status)
            if not status.ok:
                raise pop3_refusal(status, Stage.DELETE)
            self.deletions += 1
        except Refused as refusal:
            self._examiner.deletion_refused(key, refusal)

    def _check(self, number: int, figure: int) -> Dialogue[None]:
        """Make sure that the server did not renumber its messages after a DELE, as some do."""
        if not self._has_unique_ids:
            raise Refused("one deletion a session without UIDL", reason=Reason.REJECTED, stage=Stage.DELETE)
        status = yield from ask(Stage.DELETE, f"UIDL {number}", read_status)
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


def _quit(examiner: Examiner, *, deletions: int) -> Dialogue[None]:
    if not deletions:
        yield from leave()
        return
    try:
        status = yield from ask(Stage.QUIT, "QUIT", read_status)
    except MailSonarError as error:
        examiner.left(error)
        return
    examiner.left(None if status.ok else pop3_refusal(status, Stage.QUIT))
