"""One command of SMTP and its reply, and what to make of a server that speaks before it is asked.

A server that must shut down says 421 at any time (RFC 5321 section 3.8), most often to a client that was idle for too
long. Anything else that waits before the question is a violation: it could pass for the answer.
"""

from __future__ import annotations

from functools import partial

from mailsonar.dialogue.refusals import smtp_refusal
from mailsonar.dialogue.steps import Dialogue, Exchange, Patience, Veil, out_of_turn
from mailsonar.model.fault import MailSonarError
from mailsonar.model.stage import Stage
from mailsonar.wire.lines import command
from mailsonar.wire.smtp import ReplyReader, SmtpReply


def ask_smtp(
    stage: Stage, line: str, patience: Patience = Patience.COMMAND, veil: Veil | None = None
) -> Dialogue[SmtpReply]:
    """Write a command line and wait for its reply."""
    return (yield from transmit(stage, command(line), patience, veil))


def transmit(stage: Stage, octets: bytes, patience: Patience, veil: Veil | None) -> Dialogue[SmtpReply]:
    """Write what is ready to go, a command line or the content, and wait for its reply."""
    reply: SmtpReply = yield Exchange(stage, octets, ReplyReader(), patience, partial(_farewell, stage), veil)
    return reply


def _farewell(stage: Stage, said: bytes) -> MailSonarError:
    try:
        reply = ReplyReader()(bytearray(said))
    except MailSonarError:
        reply = None
    return smtp_refusal(reply, stage) if reply and reply.code == 421 else out_of_turn(said)
