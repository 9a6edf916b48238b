"""What of an exchange a transcript may hold: no secret, no challenge, and nothing of what mail says.

It is decided here, before anything is kept: a challenge and an answer to one are gone at once, of a listing stays the
number of its rows, of a message that it was there. What stays is put into words only when a transcript is wanted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mailsonar.dialogue.steps import Exchange, Veil
from mailsonar.model.redaction import STRUCK_OUT
from mailsonar.model.stage import Stage
from mailsonar.wire.lines import TEXT_LIMIT, printable
from mailsonar.wire.pop3 import Listing, Status
from mailsonar.wire.smtp import SmtpReply

REPLY_LINES_KEPT = 60
_BYTES_KEPT = 4 * TEXT_LIMIT + 4  # of UTF-8: enough to see that the text goes on
_VEILED = Veil(STRUCK_OUT)

Asked = Veil | bytes
Answered = SmtpReply | Status | tuple[Status, dict[str, tuple[str, ...]] | int | None]


def asked(exchange: Exchange[Any]) -> Asked:
    """Return what may be kept of what an exchange sends."""
    if exchange.veil:
        return exchange.veil
    is_one_line = exchange.send.find(b"\n") == len(exchange.send) - 1
    return exchange.send if is_one_line and exchange.stage is not Stage.AUTHENTICATE else _VEILED


def answered(value: Any) -> Answered | None:
    """Return what may be kept of what an exchange read; None of what is no answer of a mail server."""
    if isinstance(value, SmtpReply):
        return _reply(value)
    if isinstance(value, Status):
        return _status(value)
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], Status):
        status, content = value
        kept = content if isinstance(content, dict) else len(content) if isinstance(content, Listing) else None
        return _status(status), kept
    return None


def _reply(reply: SmtpReply) -> SmtpReply:
    if reply.code == 334:
        return SmtpReply(reply.code, (STRUCK_OUT,))
    lines = reply.lines
    if len(lines) > REPLY_LINES_KEPT:
        half = REPLY_LINES_KEPT // 2
        lines = (*lines[:half], f"({len(lines) - REPLY_LINES_KEPT + 1} lines more)", *lines[1 - half :])
    if max(map(len, lines)) > TEXT_LIMIT:
        lines = tuple(line[: TEXT_LIMIT + 1] for line in lines)
    return reply if lines is reply.lines else SmtpReply(reply.code, lines)


def _status(status: Status) -> Status:
    if status.continues:
        return replace(status, argument=STRUCK_OUT.encode())
    long = len(status.argument) > _BYTES_KEPT
    return replace(status, argument=status.argument[:_BYTES_KEPT]) if long else status


def question(what: Asked) -> str:
    """Return in words what was sent."""
    return what.shown if isinstance(what, Veil) else printable(what)


def answer(what: Answered) -> tuple[list[str], str]:
    """Return the texts of an answer, one for each of its lines, and the reply code of each, "" where there is none."""
    if isinstance(what, SmtpReply):
        return [printable(line) for line in what.lines], str(what.code)
    if isinstance(what, Status):
        return [str(what)], ""
    status, content = what
    return [str(status), *_content(content)] if status.ok else [str(status)], ""


def line_count(what: Answered) -> int:
    """Return how many lines an answer is told in."""
    if isinstance(what, SmtpReply):
        return len(what.lines)
    if isinstance(what, Status):
        return 1
    status, content = what
    return 1 + (len(content) if isinstance(content, dict) else 1) if status.ok else 1


def _content(content: dict[str, tuple[str, ...]] | int | None) -> list[str]:
    if content is None:
        return ["(message not shown)"]
    if isinstance(content, int):
        return [f"({content} row{'' if content == 1 else 's'})"]
    return [printable(" ".join((name, *parameters))) for name, parameters in content.items()]
