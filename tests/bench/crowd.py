"""A real mail host with many users, and agents as users run them, whose processor time is read from the kernel."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.agent_process import AgentProcess, Place
from tests.support.config_text import RouteText, write_config
from tests.support.mailhost import MailHost, probe_users
from tests.support.scrape import Scrape

USERS = 1_000
PROGRAM = (sys.executable, "-m", "mailsonar")  # not in development mode, which costs time of its own
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How many routes there are, and how often each is probed, in seconds."""

    routes: int
    interval_seconds: float

    @property
    def rate(self) -> float:
        """Return the round trips a second."""
        return self.routes / self.interval_seconds


@contextmanager
def crowded_host() -> Iterator[MailHost]:
    """Serve mail for many users by a private Postfix and Dovecot."""
    with tempfile.TemporaryDirectory(prefix="msb-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        with MailHost(folder, probe_users(USERS)) as host:
            yield host


@asynccontextmanager
async def agent_under(load: Load, host: MailHost) -> AsyncIterator[AgentProcess]:
    """Run an agent with a journal and so many routes, each with another pair of accounts as far as they go."""
    with tempfile.TemporaryDirectory(prefix="msb-agent-") as name:
        folder = Path(name)
        settings = {"interval": f"{load.interval_seconds * 1000:.0f}ms", "deadline": "60s", "give_up": "60s"}
        routes = [
            RouteText(
                name=f"route{number:05}",
                sender=number % USERS,
                maildrop=(number * 7 + number // USERS) % USERS,
                pop3_security="implicit_tls",
                settings=settings,
            )
            for number in range(load.routes)
        ]
        config = write_config(host, routes, folder)
        arguments = ["--storage.path", folder / "state", "--log.level", "warning"]
        async with AgentProcess(config, folder, arguments, place=Place(program=PROGRAM)) as agent:
            yield agent
            await agent.stop()


def cpu_seconds(process_id: int) -> float:
    """Return the processor time that a process has used so far, in user and kernel mode, all of its threads."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def ended(scrape: Scrape, outcome: str = "") -> float:
    """Return how many attempts have ended, all or those with one outcome."""
    wanted = {"outcome": outcome} if outcome else {}
    return scrape.total("mailsonar_probes_total", **wanted)
