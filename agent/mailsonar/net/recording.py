"""What went over the sessions of one leg, kept as it came: it is put into words only where somebody must know.

Most sessions go well, and nobody reads what was said in them: to keep it costs two appends for each exchange. Memory is
bounded, whatever a server says: the first and the last moments stay, those between are counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from mailsonar.dialogue.shown import Answered, Asked, answered, asked
from mailsonar.dialogue.steps import Exchange, Veil
from mailsonar.model.fault import MailSonarError, TlsFailed
from mailsonar.model.result import TlsFacts
from mailsonar.model.stage import Leg, Stage
from mailsonar.model.transcript import Speaker

KEPT_AT_EITHER_END = 30

Said = Asked | Answered | TlsFacts | str
Moment = tuple[float, Stage, Speaker, Said]


class Recording:
    """What went over the sessions of one leg, in order; `hidden` is what of it must not show wherever it is repeated.

    Instants are monotonic seconds. `is_over` is false while a session is under way.
    """

    __slots__ = ("_first", "_last", "hidden", "is_over", "left_out", "leg", "server", "started")

    def __init__(self, leg: Leg, started: float) -> None:
        self.leg = leg
        self.started = started
        self.server = ""
        self.is_over = True
        self.hidden: list[str] = []
        self.left_out = 0
        self._first: list[Moment] = []
        self._last: deque[Moment] = deque(maxlen=KEPT_AT_EITHER_END)

    def asked(self, at: float, exchange: Exchange[Any]) -> None:
        """Keep what was sent."""
        what = asked(exchange)
        if isinstance(what, Veil):
            self.hidden += what.hidden
        self._keep((at, exchange.stage, Speaker.CLIENT, what))

    def answered(self, at: float, stage: Stage, value: Any) -> None:
        """Keep what was read."""
        what = answered(value)
        if what is not None:
            self._keep((at, stage, Speaker.SERVER, what))

    def happened(self, at: float, stage: Stage, event: TlsFacts | str) -> None:
        """Keep what happened to the connection."""
        self._keep((at, stage, Speaker.EVENT, event))

    def failed(self, at: float, error: MailSonarError) -> None:
        """Keep why a session failed, once: an error passes the driver twice, on its way into the dialogue and out."""
        is_refused = isinstance(error, TlsFailed) and error.verify_code is not None
        words = f"certificate refused: {error.detail}" if is_refused else error.detail
        stage, last = error.stage or Stage.INTERNAL, self.last
        if last is None or last[1:] != (stage, Speaker.EVENT, words):
            self.happened(at, stage, words)

    @property
    def last(self) -> Moment | None:
        """Return the last moment."""
        return self._last[-1] if self._last else self._first[-1] if self._first else None

    def moments(self) -> Iterator[Moment]:
        """Yield what is kept, in order."""
        yield from self._first
        yield from self._last

    def _keep(self, moment: Moment) -> None:
        if len(self._first) < KEPT_AT_EITHER_END:
            self._first.append(moment)
            return
        self.left_out += len(self._last) == KEPT_AT_EITHER_END
        self._last.append(moment)
