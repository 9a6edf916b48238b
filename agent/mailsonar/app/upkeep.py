"""What the agent does for itself: it takes the descriptors it may have, feels its pulse, tidies memory and journal."""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable

from mailsonar.app.ledger import JournalLedger
from mailsonar.clock import Clock
from mailsonar.observe.route_view import KEPT_RESULTS

BEAT_SECONDS = 0.1
PRUNE_SECONDS = 600.0
TIDY_SECONDS = 600.0
SWEEP_SECONDS = 0.25
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


def tidy_up() -> None:
    """Collect garbage, and let the interpreter's own collections leave alone what is still in use.

    It would go through all that ten thousand routes are made of whenever it has grown by a little: 200 ms each time.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


async def stay_tidy(clock: Clock) -> None:
    """Tidy up now and then, and look through what is new in small portions.

    The interpreter does so once there is more than before; but each new result replaces one, and there never is.
    """
    while True:
        tidy_up()
        ends = clock.monotonic() + TIDY_SECONDS
        while clock.monotonic() < ends:
            await clock.sleep(SWEEP_SECONDS)
            gc.collect(0)
