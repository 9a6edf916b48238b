"""The only stopwatch: it gives every moment of a session to exactly one stage.

A stage's time runs from the end of the one before it, so the stages of a leg add up to its span. A stage that comes
twice, as EHLO does around STARTTLS, is summed.
"""

from __future__ import annotations

from mailsonar.clock import Clock
from mailsonar.model.stage import STAGES_OF, Leg, Stage, StageTiming
from mailsonar.net.recording import Recording


class Stopwatch:
    """Times the stages of one session on one leg; `sent_at` and `received_at` give a stage's last write and read.

    What was said and when is on `recording`.
    """

    def __init__(self, leg: Leg, clock: Clock) -> None:
        self.leg = leg
        self.started = clock.monotonic()
        self.recording = Recording(leg, self.started)
        self.stage: Stage | None = None
        self.failed: Stage | None = None
        self.sent_at: dict[Stage, float] = {}
        self.received_at: dict[Stage, float] = {}
        self._clock = clock
        self._last = self.started
        self._seconds: dict[Stage, float] = {}

    def enter(self, stage: Stage) -> None:
        """Note which stage is under way."""
        self.stage = stage

    def leave(self, stage: Stage) -> None:
        """Give the time since a stage was last left to this one."""
        now = self._clock.monotonic()
        self._seconds[stage] = self._seconds.get(stage, 0.0) + (now - self._last)
        self._last = now
        self.stage = None

    @property
    def waiting_seconds(self) -> float:
        """Return how long the stage that is under way has lasted."""
        return self._clock.monotonic() - self._last

    def timings(self) -> tuple[StageTiming, ...]:
        """Return the stages that ran, in the leg's order."""
        return tuple(
            StageTiming(leg=self.leg, stage=stage, seconds=self._seconds[stage], failed=stage is self.failed)
            for stage in STAGES_OF[self.leg]
            if stage in self._seconds
        )
