"""Tells observers: a bug in one of them costs neither an attempt its outcome nor the others their news."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from mailsonar.model.observer import Observer

log = logging.getLogger(__name__)


def tell(observers: Iterable[Observer], news: Callable[[Observer], None]) -> None:
    """Give the news to each observer.

    Args:
        observers: who is told, in this order.
        news: called with each of them.
    """
    for observer in observers:
        try:
            news(observer)
        except Exception:
            log.exception("the observer %s failed by our own fault", type(observer).__name__)
