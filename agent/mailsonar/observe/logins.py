"""What is known of an account and its server, session after session.

A session that ended early tells less than the one before it: what it did not get to stays as it was.
"""

from __future__ import annotations

from dataclasses import replace

from mailsonar.model.observer import Login


def newer(known: Login | None, login: Login) -> Login:
    """Return what is known once another session has told what it knows.

    Args:
        known: what was known before.
        login: what the session told.
    """
    if known is None:
        return login
    has_verdict = login.authenticated is not None or login.fault is not None
    in_the_clear = login.offered_in_the_clear
    return replace(
        login,
        authenticated=login.authenticated if has_verdict else known.authenticated,
        fault=login.fault if has_verdict else known.fault,
        tls=login.tls or known.tls,
        mechanism=login.mechanism or known.mechanism,
        offered=login.offered or known.offered,
        offered_in_the_clear=known.offered_in_the_clear if in_the_clear is None else in_the_clear,
    )
