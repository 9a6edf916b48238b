"""What the agent does for itself: it takes the descriptors it may have, measures its pulse, keeps its journal short."""

from __future__ import annotations

import resource
from collections.abc import Callable

from mailsonar.app.ledger import JournalLedger
from mailsonar.clock import Clock
from mailsonar.observe.route_view import KEPT_RESULTS

BEAT_SECONDS = 0.1
PRUNE_SECONDS = 600.0
PRUNE_GIVE_UPS = 2


def take_descriptors() -> None:
    """Allow as many open descriptors as the system lets us: the usual 1,024 are too few for thousands of maildrops."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def beat(clock: Clock, lagged: Callable[[float], None]) -> None:
    """Tell again and again by how many seconds the event loop is late."""
    while True:
        due = clock.monotonic() + BEAT_SECONDS
        await clock.sleep(BEAT_SECONDS)
        lagged(max(0.0, clock.monotonic() - due))


async def prune(ledger: JournalLedger, longest_give_up: Callable[[], float], clock: Clock) -> None:
    """Keep the journal from growing for ever."""
    while True:
        ledger.prune(PRUNE_GIVE_UPS * longest_give_up(), KEPT_RESULTS)
        await clock.sleep(PRUNE_SECONDS)
