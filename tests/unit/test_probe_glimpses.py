"""When a glimpse of a server is taken."""

from __future__ import annotations

import pytest

from mailsonar.probe.glimpses import GLIMPSE_GAP_SECONDS, is_due


@pytest.mark.parametrize(
    ("taken", "now", "due"),
    [
        (None, 0.0, True),
        (0.0, 0.0, False),
        (5.0, 5.0 + GLIMPSE_GAP_SECONDS - 0.001, False),
        (5.0, 5.0 + GLIMPSE_GAP_SECONDS, True),
    ],
)
def test_a_glimpse_every_ten_minutes(taken: float | None, now: float, due: bool) -> None:
    """The first is due at once, the next ten minutes after it."""
    assert GLIMPSE_GAP_SECONDS == 600
    assert is_due(taken, now) is due
