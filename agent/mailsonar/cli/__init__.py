"""The command line: parse, call, exit code."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import sys

from mailsonar.cli.flags import USAGE_EXIT_CODE, Arguments, build_parser
from mailsonar.cli.usage import UsageError

_INTERRUPTED = 130


def main() -> None:
    """Run the command named on the command line, and exit with its code."""
    try:
        code = _perform(build_parser(os.environ).parse_args())
    except UsageError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command line speaks to people
        code = USAGE_EXIT_CODE.get(error.command, 2)
    sys.exit(code)


def _perform(arguments: Arguments) -> int:
    # Each command imports what it needs and no other does: `check` under Nagios starts a process a minute.
    command = importlib.import_module(f"mailsonar.cli.{arguments.command}").command
    try:
        return int(asyncio.run(command(arguments)))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
