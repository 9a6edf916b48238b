"""From what was recorded of a leg to a transcript for people: in words, in bounds, and without a secret.

What the dialogue veils never came on record. Here goes, as the second guard, whatever a server repeated of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from mailsonar.dialogue.shown import answer, line_count, question
from mailsonar.dialogue.steps import Veil
from mailsonar.message.token import hide_macs
from mailsonar.model.redaction import Strike
from mailsonar.model.result import Attempt, TlsFacts
from mailsonar.model.transcript import Line, Speaker, Transcript
from mailsonar.net.recording import Moment, Recording, Said
from mailsonar.wire.lines import printable
from mailsonar.wire.smtp import SmtpReply

LINES_KEPT = 60

log = logging.getLogger(__name__)


def transcripts(
    attempt: Attempt, recordings: Iterable[Recording], secrets: Callable[[], Sequence[str]], now: float
) -> tuple[Transcript, ...]:
    """Return what was said on an attempt; what cannot be told, by our own fault, must not cost it its outcome.

    Args:
        attempt: whose sessions they are.
        recordings: of its legs, in order; one on which nothing happened is left out.
        secrets: gives the plain values that must not show.
        now: the monotonic instant, for a session that is still under way.
    """
    try:
        hidden = secrets()
        told = (_transcript(one, attempt.started, hidden, now) for one in recordings if one.last)
        return tuple(told)
    except Exception:
        log.exception("what was said on route %s cannot be told by our own fault", attempt.route.name)
        return ()


def _transcript(recording: Recording, attempt_started: float, secrets: Sequence[str], now: float) -> Transcript:
    strike = Strike((*secrets, *(secret.upper() for secret in secrets), *recording.hidden))
    moments = list(recording.moments())
    if not recording.is_over:
        moments.append((now, moments[-1][1], Speaker.EVENT, "still under way"))

    def lines(chosen: Iterable[Moment]) -> list[Line]:
        return [line for moment in chosen for line in _lines(moment, recording.started, strike)]

    return Transcript(
        leg=recording.leg,
        server=recording.server,
        start_seconds=max(0.0, recording.started - attempt_started),
        lines=tuple(_bounded(moments, recording.left_out, lines)),
    )


def _bounded(
    moments: Sequence[Moment], left_out: int, lines: Callable[[Iterable[Moment]], list[Line]]
) -> Sequence[Line]:
    """Return the first and the last lines, and between them how many are missing; no other is put into words."""
    total = left_out + sum(map(_size, moments))
    if total <= LINES_KEPT:
        return lines(moments)
    first = _reaching(LINES_KEPT // 2, moments)
    last = _reaching(LINES_KEPT // 2, reversed(moments[len(first) :]))
    tail = lines(reversed(last))[1 - LINES_KEPT // 2 :]
    head = lines(first)[: LINES_KEPT - 1 - len(tail)]
    gap = replace((tail or head)[0], who=Speaker.EVENT, text=f"{total - len(head) - len(tail)} lines are left out here")
    return [*head, gap, *tail]


def _reaching(wanted: int, moments: Iterable[Moment]) -> list[Moment]:
    """Return the first moments, as many as so many lines need."""
    taken: list[Moment] = []
    for moment in moments:
        if wanted <= 0:
            break
        taken.append(moment)
        wanted -= _size(moment)
    return taken


def _size(moment: Moment) -> int:
    """Return how many lines a moment amounts to."""
    what = moment[3]
    return line_count(what) if isinstance(what, SmtpReply | tuple) else 1


def _lines(moment: Moment, started: float, strike: Strike) -> Iterator[Line]:
    at, stage, who, what = moment
    for text in _texts(what, strike):
        yield Line(who=who, stage=stage, milliseconds=max(0, round((at - started) * 1000)), text=printable(text))


def _texts(what: Said, strike: Strike) -> list[str]:
    """Return the lines that a moment amounts to; a server may break what it repeats over the lines of one reply."""
    if isinstance(what, TlsFacts):
        return [" ".join(filter(None, ("TLS:", what.version, what.cipher)))]
    if isinstance(what, Veil | bytes):
        return [hide_macs(strike.out_of(question(what)))]
    if isinstance(what, str):
        return [hide_macs(strike.out_of(what))]
    texts, code = answer(what)
    texts = hide_macs(strike.out_of("\n".join(texts))).split("\n")
    return [*(f"{code}-{text}" for text in texts[:-1]), f"{code} {texts[-1]}"] if code else texts
