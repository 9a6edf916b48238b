"""Tells observers, one as the other: a bug in one costs neither an attempt its outcome nor the others their news."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from mailsonar.dialogue.notes import LoginNotes
from mailsonar.model.fault import Fault, Reason
from mailsonar.model.observer import Login, Observer
from mailsonar.model.result import TlsFacts
from mailsonar.model.server import Account
from mailsonar.model.stage import Stage
from mailsonar.probe.admission import secrets_of
from mailsonar.probe.classify import scrubbed
from mailsonar.probe.workshop import Workshop

log = logging.getLogger(__name__)


def tell(observers: Iterable[Observer], news: Callable[[Observer], None]) -> None:
    """Give the news to each observer.

    Args:
        observers: who is told, in this order.
        news: called with each of them.
    """
    for observer in observers:
        try:
            news(observer)
        except Exception:
            log.exception("the observer %s failed by our own fault", type(observer).__name__)


def login_of(
    account: Account, notes: LoginNotes, fault: Fault | None, tls: TlsFacts | None, secrets: Sequence[str]
) -> Login:
    """Return what a session told about its server and account, without the secrets that a server may have quoted.

    Args:
        account: whose session.
        notes: what it learned of authentication.
        fault: what ended it.
        tls: what the handshake told.
        secrets: plain values that must not show.
    """
    heard = [*secrets, *(secret.upper() for secret in secrets)]  # what a server offers is read in upper case
    is_refused = fault is not None and fault.reason is Reason.AUTHENTICATION_REJECTED
    return Login(
        account=account,
        authenticated=True if notes.authenticated else False if is_refused else None,
        fault=fault if fault and fault.stage is Stage.AUTHENTICATE else None,
        tls=tls and _struck_out(tls, secrets),
        mechanism=notes.mechanism,
        offered=tuple(scrubbed(name, heard) for name in notes.offered),
        offered_in_the_clear=notes.offered_in_the_clear,
    )


def _struck_out(tls: TlsFacts, secrets: Sequence[str]) -> TlsFacts:
    names = tuple(scrubbed(name, secrets) for name in tls.names)
    return replace(tls, names=names, issuer=tls.issuer and scrubbed(tls.issuer, secrets))


def encounter(
    workshop: Workshop, account: Account, notes: LoginNotes, fault: Fault | None, tls: TlsFacts | None
) -> Login:
    """Return what a session of a probe told, ready for observers.

    Where verification failed, it holds what is known from a glimpse of the server. A glimpse that is due is taken in
    the background, and what it shows is told to the observers by itself.

    Args:
        workshop: what the session was held with.
        account: whose session.
        notes: what it learned of authentication.
        fault: what ended it.
        tls: what the handshake told.
    """

    def news(glimpsed: TlsFacts) -> None:
        login = login_of(account, LoginNotes(), None, glimpsed, secrets_of(account, workshop.tokens))
        login = replace(login, held_back=workshop.retreats.is_open(account))
        tell(workshop.observers, lambda observer: observer.account_used(login))

    known = workshop.glimpses.after(account, tls, workshop.network, news)
    login = login_of(account, notes, fault, known, secrets_of(account, workshop.tokens))
    return replace(login, held_back=workshop.retreats.is_open(account))
