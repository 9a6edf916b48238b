"""When the owner of a maildrop looks next: for what is awaited there, and to remove what should be gone: pure."""

from __future__ import annotations

from mailsonar.probe.examination import MaildropBook
from mailsonar.probe.polling import CLEANUP_GAP_SECONDS, LastLook, Pace, Sought, earliest_look, next_look


def next_due(book: MaildropBook, last: LastLook | None, pace: Pace, now_wall: float) -> float | None:
    """Return the monotonic instant of the next look, None while there is nothing to do.

    Args:
        book: what is awaited and known in the maildrop.
        last: the look before.
        pace: how often looks may be.
        now_wall: the POSIX time.
    """
    sought = [
        Sought(since=one.sought_since or 0.0, deadline=one.deadline, gives_up=one.gives_up)
        for one in book.pending.sought
    ]
    due = next_look(sought, last, pace)
    if last is None or not book.known.owed(now_wall):
        return due
    clean_up = max(last.started + CLEANUP_GAP_SECONDS, earliest_look(last, pace))
    return clean_up if due is None else min(due, clean_up)
