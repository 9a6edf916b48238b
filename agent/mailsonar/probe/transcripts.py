"""From what was recorded of a leg to a transcript for people: in words, in bounds, and without a secret.

What the dialogue veils never came on record. Here goes, as the second guard, whatever a server repeated of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

from mailsonar.dialogue.shown import answer, question
from mailsonar.dialogue.steps import Veil
from mailsonar.message.token import hide_macs
from mailsonar.model.redaction import Strike
from mailsonar.model.result import Attempt, TlsFacts
from mailsonar.model.transcript import Line, Speaker, Transcript
from mailsonar.net.recording import KEPT_AT_EITHER_END, Moment, Recording, Said
from mailsonar.wire.lines import printable

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

    def lines(moments: Iterable[Moment]) -> list[Line]:
        return [line for moment in moments for line in _lines(moment, recording.started, strike)]

    first, last = lines(recording.first_moments()), lines(recording.last_moments())
    if not recording.is_over and recording.last:
        last += lines([(now, recording.last[1], Speaker.EVENT, "still under way")])
    return Transcript(
        leg=recording.leg,
        server=recording.server,
        start_seconds=max(0.0, recording.started - attempt_started),
        lines=_bounded(first, last, recording.left_out),
    )


def _bounded(first: Sequence[Line], last: Sequence[Line], left_out: int) -> tuple[Line, ...]:
    """Return the first and the last lines, and between them how many are missing."""
    whole = (*first, *last)
    if not left_out and len(whole) <= 2 * KEPT_AT_EITHER_END:
        return whole
    head, tail = whole[:KEPT_AT_EITHER_END], whole[1 - KEPT_AT_EITHER_END :]
    missing = left_out + len(whole) - len(head) - len(tail)
    gap = Line(
        who=Speaker.EVENT,
        stage=tail[0].stage,
        milliseconds=tail[0].milliseconds,
        text=f"{missing} lines are left out here",
    )
    return (*head, gap, *tail)


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
