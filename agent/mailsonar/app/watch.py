"""Notices that what the config was read from changed on disk: edits, exchanged links, files that come and go."""

from __future__ import annotations

from collections.abc import Callable

from mailsonar.clock import Clock
from mailsonar.config.files import Fingerprints
from mailsonar.config.load import Config, ConfigInvalid
from mailsonar.config.sources import Sources


class Watch:
    """Compares the disk with what was tried last, be it in force or refused: each content is tried once.

    Args:
        load: reads the config as it is on disk; a config that is refused may name files that the one in force does not,
            and may be mended by them.
        clock: whose time the files' times are compared with.
    """

    def __init__(self, load: Callable[[], Config], clock: Clock) -> None:
        self._load = load
        self._fingerprints = Fingerprints(clock.wall)
        self._in_force: Sources | None = None
        self._tried: Sources | None = None

    def sees_change(self, in_force: Sources) -> bool:
        """Tell whether the disk holds something that was not tried yet; it reads files, so call it off the event loop.

        Args:
            in_force: what the config was read from that is in force now.
        """
        if self._tried is None or in_force != self._in_force:
            self._in_force = self._tried = in_force
        if self._tried.now(self._fingerprints.of) == self._tried:
            return False
        self._tried = self._sources()
        return True

    def _sources(self) -> Sources:
        try:
            return self._load().sources
        except ConfigInvalid as refused:
            return refused.sources
