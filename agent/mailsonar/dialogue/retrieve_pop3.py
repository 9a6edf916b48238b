"""One look into a maildrop over POP3 (RFC 1939, 2449, 2595, 5034): list, read headers, delete what is ours, leave.

Message numbers are a snapshot taken at login and never outlive the session. A unique-id is a hint, never an identity:
a message is deleted only after the header that this very session read has shown it to be ours. DELE counts once QUIT
was answered with +OK.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from mailsonar.dialogue.authenticate_pop3 import Capabilities, authenticate, offered_in
from mailsonar.dialogue.notes import LoginNotes
from mailsonar.dialogue.read_pop3 import Examiner, Reading
from mailsonar.dialogue.refusals import pop3_refusal
from mailsonar.dialogue.steps import Dialogue, Patience, ask, hear, upgrade, wait
from mailsonar.model.fault import (
    MailSonarError,
    ProtocolViolation,
    Refused,
    StarttlsUnavailable,
)
from mailsonar.model.server import Account, Security
from mailsonar.model.stage import Stage
from mailsonar.wire.pop3 import (
    Listing,
    capabilities_reader,
    drop_listing,
    fingerprint,
    list_reader,
    read_status,
    read_status_after_mail,
    uidl_reader,
)


def look(account: Account, examiner: Examiner) -> Dialogue[None]:
    """Look into a maildrop once.

    Args:
        account: whose maildrop.
        examiner: decides and takes notes along the way, so that nothing is lost if the session ends in the middle.

    Raises:
        MailSonarError: a stage failed.
    """
    try:
        capabilities = yield from open_session(account, examiner.login)
        examiner.authenticated()
        yield from _read(examiner, top_is_sure="TOP" in (capabilities or ()))
    except Refused:
        yield from leave()
        raise


def open_session(account: Account, notes: LoginNotes) -> Dialogue[Capabilities | None]:
    """Come as far as the TRANSACTION state: greeting, capabilities, TLS, authentication; return the capabilities."""
    security = account.server.security
    if security is Security.IMPLICIT_TLS:
        yield from upgrade(implicit=True)
    greeting = yield from hear(Stage.GREETING, read_status)
    if not greeting.ok:
        raise pop3_refusal(greeting, Stage.GREETING)
    capabilities = yield from _capabilities()
    if security is Security.STARTTLS:
        if capabilities is not None:
            notes.offers_before_tls(offered_in(capabilities))
        yield from _start_tls(capabilities)
        capabilities = yield from _capabilities()
    notes.offers(offered_in(capabilities))
    yield from authenticate(account, capabilities, notes)
    return capabilities


def leave() -> Dialogue[None]:
    """Say QUIT; what comes of it changes nothing."""
    with suppress(MailSonarError):
        yield from ask(Stage.QUIT, "QUIT", read_status_after_mail, Patience.QUIT)


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
    session = Reading(examiner, has_unique_ids=has_unique_ids, top_is_sure=top_is_sure)
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
    """Yield a key for each row: the unique-id's fingerprint, or a place below zero where it is not distinct."""
    times = Counter(listing.figures) if has_unique_ids else {}
    for number, figure in zip(listing.numbers, listing.figures, strict=True):
        yield figure if times.get(figure) == 1 else -fingerprint(b"%d %d" % (number, figure))


def _quit(examiner: Examiner, *, deletions: int) -> Dialogue[None]:
    if not deletions:
        yield from leave()
        return
    yield from wait(examiner.on_record)
    try:
        status = yield from ask(Stage.QUIT, "QUIT", read_status_after_mail)
    except MailSonarError as error:
        examiner.left(error)
        return
    examiner.left(None if status.ok else pop3_refusal(status, Stage.QUIT))
