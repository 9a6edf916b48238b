"""The submission leg of one attempt: one session, and again after a temporary refusal, while the deadline allows.

A retry carries the same envelope and the same token: a definite 4xx means that the message was not taken. Whatever may
have been taken is never submitted again (RFC 1047).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mailsonar.dialogue.submit import Mail, SubmissionNotes, submit
from mailsonar.model.fault import Fault, MailSonarError, Reason, Refused
from mailsonar.model.result import Outcome, Reply, TlsFacts
from mailsonar.model.server import Account
from mailsonar.model.stage import TRANSACTION, Leg, Stage, StageTiming
from mailsonar.net.converse import Session
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.probe.admission import hold_admitted, secrets_of
from mailsonar.probe.classify import classify, scrubbed
from mailsonar.probe.retreat import Use, secret_digest
from mailsonar.probe.telling import encounter, tell
from mailsonar.probe.workshop import Workshop

FIRST_RETRY_SECONDS = 15.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionReport:
    """How one submission session went.

    `outcome` is set where it decides the attempt; `accepted_at` is in monotonic seconds. Neither accepted nor decided
    means uncertain: the final dot went out, and its reply never came.
    """

    outcome: Outcome | None
    fault: Fault | None
    accepted_at: float | None
    stages: tuple[StageTiming, ...]
    reply: Reply | None
    tls: TlsFacts | None


def not_submitted(fault: Fault) -> SubmissionReport:
    """Return the report on a submission that was not even tried."""
    return SubmissionReport(outcome=Outcome.FAILED, fault=fault, accepted_at=None, stages=(), reply=None, tls=None)


def past_submission(accepted_at: float | None) -> SubmissionReport:
    """Return the report on a submission by an earlier process.

    Args:
        accepted_at: the monotonic instant at which the message was accepted, None where it is not on record.
    """
    fault = Fault(
        leg=Leg.SUBMISSION,
        stage=Stage.DATA,
        reason=Reason.DISCONNECTED,
        detail="the agent was ended before it was known what became of the submission",
    )
    return SubmissionReport(
        outcome=None,
        fault=fault if accepted_at is None else None,
        accepted_at=accepted_at,
        stages=(),
        reply=None,
        tls=None,
    )


def retry_delays() -> Iterator[float]:
    """Yield the seconds to wait before each retry of a deferred submission: 15, 30, 60, ..."""
    delay = FIRST_RETRY_SECONDS
    while True:
        yield delay
        delay *= 2


async def submit_once(account: Account, mail: Mail, workshop: Workshop, stopwatch: Stopwatch) -> SubmissionReport:
    """Hold one submission session.

    Args:
        account: where to submit, and as whom.
        mail: what.
        workshop: what to work with.
        stopwatch: to be started with this session.

    Returns:
        How it went; errors are in it.
    """
    now = workshop.network.clock.monotonic
    used = Use(entered=now(), secret=secret_digest(account))
    if hold := workshop.retreats.enter(account, used.entered):
        return not_submitted(hold.fault_at(used.entered))
    notes = SubmissionNotes()
    session = Session(workshop.network, account.server, stopwatch)
    error: Exception | None = None
    try:
        await hold_admitted(session, account, workshop.tokens, lambda who, name: submit(who, mail, name, notes))
    except MailSonarError as failure:
        error = failure
    except Exception as bug:
        log.exception("a submission to %s failed by our own fault", account.server.name)
        error = bug
    secrets = secrets_of(account, workshop.tokens)
    fault = classify(error, Leg.SUBMISSION, secrets) if error else None
    if notes.authenticated:
        workshop.retreats.admitted(account, used.entered)
    workshop.retreats.note(account, used, fault, now())
    login = encounter(workshop, account, notes, fault, session.tls)
    tell(workshop.observers, lambda observer: observer.account_used(login))
    return SubmissionReport(
        outcome=None if error is None or notes.uncertain else _outcome(error),
        fault=fault,
        accepted_at=stopwatch.received_at[Stage.DATA] if notes.accepted else None,
        stages=stopwatch.timings(),
        reply=notes.reply and replace(notes.reply, text=scrubbed(notes.reply.text, secrets)),
        tls=login.tls,
    )


def _outcome(error: Exception) -> Outcome:
    if not isinstance(error, Refused) or error.stage not in TRANSACTION:
        return Outcome.FAILED
    return Outcome.DEFERRED if error.temporary else Outcome.REFUSED
