"""`mailsonar demo`: the agent beside embedded mail servers whose faults come and go."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from rich.console import Console

from mailsonar.app.agent import run_agent
from mailsonar.app.settings import Settings
from mailsonar.cli.flags import Arguments
from mailsonar.clock import SystemClock
from mailsonar.observe.log_format import configure_logging
from mailsonar.sandbox.demo_world import DemoWorld
from mailsonar.web.listen import ListenFailed


async def command(arguments: Arguments) -> int:
    """Run the demo until it is told to stop; return the exit code."""
    configure_logging(arguments.log_level, arguments.log_format, sys.stderr)
    with tempfile.TemporaryDirectory(prefix="mailsonar-demo-") as folder:
        try:
            await _run(Path(folder), arguments.listen_address)
        except ListenFailed as error:
            print(error, file=sys.stderr)  # noqa: T201 - a command line speaks to people
            return 1
    return 0


async def _run(folder: Path, listen_address: str) -> None:
    clock, console = SystemClock(), Console(highlight=False, soft_wrap=True)
    async with DemoWorld(folder) as world:
        config_file = folder / "mailsonar.yml"
        config_file.write_text(world.config_yaml(), encoding="utf-8")
        settings = Settings(config_file=config_file, environ={}, listen_address=listen_address, enable_lifecycle=True)
        play = asyncio.create_task(world.play(lambda text: _say(console, text), clock.sleep))
        try:
            await run_agent(settings.load(), settings, clock, lambda url: _welcome(console, url))
        finally:
            play.cancel()
            await asyncio.wait([play])
        console.print("The demo has ended; nothing of it is left.")


def _welcome(console: Console, url: str) -> None:
    console.print(
        f"""[bold]MailSonar demo[/bold]: six routes of three invented customers, on embedded mail servers.

  Open  [bold cyan]{url}[/bold cyan]           routes and their state
        [bold cyan]{url}metrics[/bold cyan]    what Prometheus scrapes
        [bold cyan]{url}config[/bold cyan]     the config that is running

Each route sends a message every 4 to 6 seconds. For a quarter of a minute all is well; then faults come and go,
and each is announced here. Stop with Ctrl+C.
"""
    )


def _say(console: Console, text: str) -> None:
    console.print(f"[dim]{datetime.now().astimezone():%H:%M:%S}[/dim]  {text}")
