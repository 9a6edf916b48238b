"""What a route takes of memory, however many attempts it has had."""

from __future__ import annotations

import gc
import json
import tracemalloc

from tests.support.observed import HandClock, all_stages, failed, make_attempt, make_route, on_time, told, transcript

from mailsonar.model.result import Outcome, Result
from mailsonar.model.route import Route
from mailsonar.observe.history import History
from mailsonar.observe.metrics import Metrics
from mailsonar.observe.result_json import result_as_json
from mailsonar.observe.result_restore import restored
from mailsonar.probe.remembered import Copies, Remembered

ROUTES = 60
ATTEMPTS = 10
ROUTE_KIB = 20
REMEMBERED_BYTES = 64
SAID = tuple(transcript(*(f"250 {number} of what a server says" for number in range(20))) for _ in range(3))


def ending(route: Route, number: int) -> Result:
    """Return a result whose strings and figures are its own; every fourth is a failure with all that was said."""
    attempt = make_attempt(route, 300.0 * number, f"{route.name}-{number}")
    if number % 4 == 0:
        return failed(attempt, Outcome.LOST, stages=all_stages(), transcripts=SAID)
    result = restored(json.dumps(result_as_json(on_time(attempt, stages=all_stages(), provenance=told()))), attempt)
    assert result is not None
    return result


def grown(before: int) -> int:
    """Return by how many bytes what is in use has grown."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before


def test_a_route_stays_small() -> None:
    """With a journal a route keeps its newest result and a few numbers: below 20 KiB, however many attempts it had."""
    routes = [make_route(f"route{number}") for number in range(ROUTES)]
    history, metrics = History(in_journal=True), Metrics(HandClock())
    tracemalloc.start()
    try:
        before, sizes = tracemalloc.get_traced_memory()[0], []
        history.set_routes(routes)
        metrics.set_routes(routes, [])
        for first in (0, ATTEMPTS):
            for number in range(first, first + ATTEMPTS):
                for route in routes:
                    result = ending(route, number)
                    for observer in (history, metrics):
                        observer.attempt_started(result.attempt)
                        observer.attempt_ended(result)
            sizes.append(grown(before) / ROUTES / 1024)
    finally:
        tracemalloc.stop()
    assert sizes[1] < ROUTE_KIB, sizes
    assert sizes[1] - sizes[0] < 1.0


def test_a_message_that_is_remembered_stays_small() -> None:
    """A fleet remembers hundreds of thousands of messages: what is known of one fits into a few bytes."""
    route, remembered, many = make_route(), Remembered(), 2_000
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(many):
            remembered.add(make_attempt(route, float(number), f"{number:020}"), Copies.of(number + 1), number + 7200.0)
        size = grown(before) / many
    finally:
        tracemalloc.stop()
    assert size < REMEMBERED_BYTES
    sent = remembered.get(f"{7:020}")
    assert sent
    assert (sent.attempt, sent.copies.key) == (make_attempt(route, 7.0, f"{7:020}"), 8)
