"""A session with a maildrop, without a socket: it goes by a script, and does what the POP3 dialogue does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.support.mail_by_hand import Copy, End, LookPlan, Post, Script

from mailsonar.message.dsn import ReportScan
from mailsonar.message.recognise import HeaderScan, is_delivery_report
from mailsonar.model.fault import Disconnected, MailSonarError, Reason, Refused
from mailsonar.model.stage import Stage
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.probe.examination import Examination


@dataclass(slots=True)
class HandSession:
    """A session with the maildrop's server that goes by the script."""

    post: Post
    stopwatch: Stopwatch
    tls: None = None

    async def hold(self, dialogue: Callable[[str], Examination]) -> None:
        """Hold it; the dialogue stands for the notes that it would take."""
        await _hold(self.post.script, dialogue(""), self.stopwatch, self.post)


async def _hold(script: Script, notes: Examination, stopwatch: Stopwatch, post: Post) -> None:
    """Do what the POP3 dialogue does: list, read headers, mark for deletion, leave.

    Raises:
        MailSonarError: the session ended before its time.
    """
    plan = script.plan
    _break_at(End.BEFORE_LOGIN, plan, Stage.CONNECT)
    stopwatch.sent_at[Stage.AUTHENTICATE] = stopwatch.started
    notes.authenticated()
    listing = [copy for copy in plan.listing if copy in post.drop]
    await script.reach(Stage.LIST)
    stopwatch.received_at[Stage.LIST] = stopwatch.started
    keys = [
        copy.unique_id if post.has_unique_ids else -(place * 10_000 + copy.size) for place, copy in enumerate(listing)
    ]
    marked: list[Copy] = []
    for position in notes.listed(keys):
        copy, key = listing[position], keys[position]
        if position in plan.unreadable:
            notes.unreadable(key, Reason.REJECTED)
            continue
        post.read(copy)
        if _examine(notes, key, copy):
            if position in plan.undeletable or (marked and not post.has_unique_ids):
                notes.deletion_refused(key, Refused("no", reason=Reason.REJECTED, stage=Stage.DELETE))
            else:
                marked.append(copy)
    await script.reach(Stage.FETCH)
    _break_at(End.AFTER_READING, plan, Stage.DELETE)
    if marked:
        await notes.on_record()
        await script.reach(Stage.QUIT)
        _leave(plan, notes, marked, post)


def _examine(notes: Examination, key: int, copy: Copy) -> bool:
    scan, report = HeaderScan(), ReportScan()
    for line in copy.content.split(b"\r\n"):
        scan.take(line)
        report.take(line)
    return notes.reported(key, report) if is_delivery_report(scan) else notes.examined(key, scan)


def _break_at(end: End, plan: LookPlan, stage: Stage) -> None:
    if plan.end is end:
        raise Disconnected("the connection was closed", stage=stage)


def _leave(plan: LookPlan, notes: Examination, marked: Sequence[Copy], post: Post) -> None:
    """Say QUIT: only then are messages deleted, and not always does the client hear of it."""
    error: MailSonarError | None = None
    if plan.end is not End.WELL:
        error = Disconnected("the connection was closed", stage=Stage.QUIT)
    if plan.end in {End.WELL, End.REPLY_TO_QUIT_LOST}:
        for copy in marked:
            post.delete(copy)
    notes.left(error)
