"""The only stopwatch: it gives every moment of a session to exactly one stage.

A stage's time runs from the end of the one before it, so the stages of a leg add up to its span. A stage that comes
twice, as EHLO does around STARTTLS, is summed. A stage ends when its last answer came in, so that for how long the
agent left that unread counts with what it kept the peer waiting for next: the lag of the stage after.
"""

from __future__ import annotations

from mailsonar.clock import Clock
from mailsonar.model.stage import STAGES_OF, Leg, Stage, StageTiming
from mailsonar.net.recording import Recording


class Stopwatch:
    """Times the stages of one session on one leg; `sent_at` and `received_at` give a stage's last write and read.

    What was said and when is on `recording`.

    Args:
        leg: whose stages.
        clock: whose time to use.
        started: when the leg began, in monotonic seconds; now by default.
    """

    def __init__(self, leg: Leg, clock: Clock, started: float | None = None) -> None:
        self.leg = leg
        self.started = clock.monotonic() if started is None else started
        self.recording = Recording(leg, self.started)
        self.stage: Stage | None = None
        self.failed: Stage | None = None
        self.sent_at: dict[Stage, float] = {}
        self.received_at: dict[Stage, float] = {}
        self._clock = clock
        self._last = self.started
        self._seconds: dict[Stage, float] = {}
        self._lags: dict[Stage, float] = {}

    def enter(self, stage: Stage) -> None:
        """Note which stage is under way."""
        self.stage = stage

    def act(self) -> None:
        """Note that only now the agent does its part in the stage under way: up to here, the peer waited for us."""
        self.lag(self._clock.monotonic() - self._last)

    def lag(self, seconds: float) -> None:
        """Note for how long the agent kept the stage under way from going on."""
        if self.stage:
            self._lags[self.stage] = self._lags.get(self.stage, 0.0) + seconds

    def leave(self, stage: Stage, at: float | None = None) -> None:
        """Give the time since a stage was last left to this one, up to an instant, now by default."""
        ended = self._clock.monotonic() if at is None else max(at, self._last)
        self._seconds[stage] = self._seconds.get(stage, 0.0) + (ended - self._last)
        self._last = ended
        self.stage = None

    @property
    def waiting_seconds(self) -> float:
        """Return how long the stage that is under way has lasted."""
        return self._clock.monotonic() - self._last

    def timings(self) -> tuple[StageTiming, ...]:
        """Return the stages that ran, in the leg's order."""
        return tuple(
            StageTiming(
                leg=self.leg,
                stage=stage,
                seconds=self._seconds[stage],
                failed=stage is self.failed,
                lag_seconds=self._lags.get(stage, 0.0),
            )
            for stage in STAGES_OF[self.leg]
            if stage in self._seconds
        )
