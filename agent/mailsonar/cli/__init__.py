"""The command line: parse, call, exit code."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from mailsonar.cli import check, demo, run, schema, validate
from mailsonar.cli.flags import USAGE_EXIT_CODE, Arguments, UsageError, build_parser

Command = Callable[[Arguments], Coroutine[Any, Any, int]]

_COMMANDS: dict[str, Command] = {
    "run": run.command,
    "check": check.command,
    "validate": validate.command,
    "schema": schema.command,
    "demo": demo.command,
}
_INTERRUPTED = 130


def main() -> None:
    """Run the command named on the command line, and exit with its code."""
    try:
        arguments = build_parser(os.environ).parse_args()
    except UsageError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command line speaks to people
        sys.exit(USAGE_EXIT_CODE.get(error.command, 2))
    sys.exit(_perform(_COMMANDS[arguments.command], arguments))


def _perform(command: Command, arguments: Arguments) -> int:
    try:
        return asyncio.run(command(arguments))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
