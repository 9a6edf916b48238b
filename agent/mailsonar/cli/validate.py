"""`mailsonar validate`: the config, and with --connect every server and login."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from rich.text import Text

from mailsonar.app.signing import signing_key
from mailsonar.app.tools import opened_tools
from mailsonar.cli.flags import Arguments, settings_of
from mailsonar.cli.server_report import fresh_page, printed_on, server_table
from mailsonar.clock import SystemClock
from mailsonar.config.load import Config, ConfigInvalid
from mailsonar.config.shards import shard_warnings
from mailsonar.model.fault import TlsFailed
from mailsonar.model.server import Account, Secret
from mailsonar.observe.log_format import configure_logging
from mailsonar.probe.visit import Visit, visit

SIDE_BY_SIDE = 20


async def command(arguments: Arguments) -> int:
    """Check the config; return the exit code."""
    configure_logging(arguments.log_level, arguments.log_format, sys.stderr)
    settings = settings_of(arguments)
    try:
        config = settings.load()
        for warning in (*config.warnings, *shard_warnings(config, arguments.shard_total)):
            print(f"warning: {warning}", file=sys.stderr)  # noqa: T201 - a command line speaks to people
        key, _ = signing_key(config.signing_key, None)  # nothing is signed, so no key is left in the state directory
        visits = await _visit_all(config, key) if arguments.connect else []
    except (ConfigInvalid, TlsFailed) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command line speaks to people
        return 1
    print(_shown(visits, SystemClock().wall()), end="")  # noqa: T201 - this is the command's output
    failed = sum(made.fault is not None for made in visits)
    if failed:
        print(f"{failed} of {len(visits)} servers failed", file=sys.stderr)  # noqa: T201 - a command line speaks to people
        return 1
    print(f"{arguments.config_file}: valid: {_inventory(config)}")  # noqa: T201 - this is the command's output
    if arguments.web_config_file:
        print(f"{arguments.web_config_file}: valid: {_entrance(config)}")  # noqa: T201 - this is the command's output
    return 0


async def _visit_all(config: Config, key: Secret) -> list[Visit]:
    """Visit each account of the config once, some at a time."""
    accounts = dict.fromkeys(
        [sender.account for sender in config.senders.values()]
        + [maildrop.account for maildrop in config.maildrops.values()]
    )
    places = asyncio.Semaphore(SIDE_BY_SIDE)
    with opened_tools(SystemClock()) as tools:
        workshop = tools.workshop(config, (key,))

        async def go(account: Account) -> Visit:
            async with places:
                return await visit(account, workshop.network, workshop.tokens)

        return await asyncio.gather(*map(go, accounts))


def _shown(visits: Sequence[Visit], now_wall: float) -> str:
    """Return a line for each visit, with what it told of the server below it."""
    page = fresh_page()
    for made in visits:
        page.print(_line(made), soft_wrap=True)
        if made.login.tls or made.login.mechanism:
            page.print(server_table(made.login, now_wall))
    return printed_on(page)


def _line(made: Visit) -> Text:
    account, seconds = made.login.account, sum(timing.seconds for timing in made.stages)
    who = f" as {account.name}" if account.name else ""
    where = f"{account.server.protocol} {account.server.name} {account.server.security}{who}"
    if made.fault:
        return Text(f"FAILED  {where}: {made.fault}: {made.fault.detail}", style="red")
    return Text(f"ok      {where}: {seconds:.3f} s")


def _inventory(config: Config) -> str:
    return f"{len(config.routes)} routes, {len(config.senders)} senders, {len(config.maildrops)} maildrops"


def _entrance(config: Config) -> str:
    return f"TLS is {'on' if config.web.tls else 'off'}, {len(config.web.users)} users"
