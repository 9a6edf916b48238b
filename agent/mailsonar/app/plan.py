"""What an agent is to run: a config that can be run, this shard's part of it, and the tools made for it."""

from __future__ import annotations

from dataclasses import dataclass

from mailsonar.config.load import Config
from mailsonar.model.route import Route
from mailsonar.model.shard import Shard
from mailsonar.probe.workshop import Workshop
from mailsonar.web.entrance import Entrance


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole config, the routes of it that run here, and what was made for it."""

    config: Config
    shard: Shard
    routes: tuple[Route, ...]
    workshop: Workshop
    entrance: Entrance

    @property
    def summary(self) -> str:
        """Return what runs here, for the log."""
        part = f", {self.part}" if self.part else ""
        return f"{len(self.routes)} routes to {len({route.maildrop.name for route in self.routes})} maildrops{part}"

    @property
    def part(self) -> str:
        """Return which part of the config's routes runs here, "" where that is all of them."""
        if self.shard.total == 1:
            return ""
        routes = sum(route.enabled for route in self.config.routes)
        return f"shard {self.shard.index} of {self.shard.total} with {len(self.routes) or 'none'} of {routes} routes"
