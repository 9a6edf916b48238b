"""What the command line decides for a run of the agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mailsonar.config.load import Config, load_config
from mailsonar.model.shard import ALONE, Shard


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The flags of `mailsonar run`, resolved."""

    config_file: Path
    environ: Mapping[str, str]
    listen_address: str = ":9525"
    allow_inline_secrets: bool = False
    enable_lifecycle: bool = False
    storage: Path | None = None
    web_config_file: Path | None = None
    shard: Shard = ALONE

    def load(self) -> Config:
        """Read the config as it is on disk now, and the web config beside it.

        Raises:
            ConfigInvalid: it cannot be used; all that is wrong with it is told.
        """
        return load_config(
            self.config_file,
            environ=self.environ,
            allow_inline_secrets=self.allow_inline_secrets,
            web_file=self.web_config_file,
        )
