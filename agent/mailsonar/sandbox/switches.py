"""Faults that are switched on and off while servers run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Fault = TypeVar("Fault")


class Switches(Generic[Fault]):
    """The faults that are on, in the order in which they were switched on."""

    def __init__(self) -> None:
        self._on: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._on))

    def on(self, *faults: Fault) -> None:
        """Switch faults on."""
        self._on.extend(faults)

    def off(self, *faults: Fault) -> None:
        """Switch faults off.

        Raises:
            ValueError: one was not on.
        """
        for fault in faults:
            self._on.remove(fault)

    @contextmanager
    def during(self, *faults: Fault) -> Iterator[None]:
        """Keep faults on for the length of a block."""
        self.on(*faults)
        try:
            yield
        finally:
            self.off(*faults)
