"""Tells observers, one as the other: a bug in one costs neither an attempt its outcome nor the others their news."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.observer import Login, Observer
from mailsonar.model.result import TlsFacts
from mailsonar.model.server import Account
from mailsonar.model.stage import Stage

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


def login_of(account: Account, *, is_admitted: bool, fault: Fault | None, tls: TlsFacts | None) -> Login:
    """Return what a session told about its server and account.

    Args:
        account: whose session.
        is_admitted: whether the server let us in.
        fault: what ended the session.
        tls: what the handshake told.
    """
    is_refused = fault is not None and fault.reason is Reason.AUTHENTICATION_REJECTED
    return Login(
        account=account,
        authenticated=True if is_admitted else False if is_refused else None,
        fault=fault if fault and fault.stage is Stage.AUTHENTICATE else None,
        tls=tls,
    )
