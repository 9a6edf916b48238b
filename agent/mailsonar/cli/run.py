"""`mailsonar run`: the agent."""

from __future__ import annotations

import logging
import sys

from mailsonar.app.agent import run_agent
from mailsonar.app.upkeep import take_descriptors
from mailsonar.cli.flags import Arguments, settings_of
from mailsonar.clock import SystemClock
from mailsonar.config.load import ConfigInvalid
from mailsonar.journal.folder import StateUnusable
from mailsonar.model.fault import TlsFailed
from mailsonar.observe.log_format import configure_logging
from mailsonar.web.listen import ListenFailed

log = logging.getLogger(__name__)


async def command(arguments: Arguments) -> int:
    """Run the agent until it is told to stop; return the exit code."""
    configure_logging(arguments.log_level, arguments.log_format, sys.stderr)
    settings = settings_of(arguments)
    take_descriptors()
    try:
        config = settings.load()
        await run_agent(config, settings, SystemClock(), lambda url: log.info("metrics and page at %s", url))
    except (ConfigInvalid, ListenFailed, StateUnusable, TlsFailed) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command line speaks to people
        return 1
    return 0
