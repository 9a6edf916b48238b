"""What a command line is that makes no sense."""

from __future__ import annotations


class UsageError(Exception):
    """The command line makes no sense; the message is fit to print, `command` the subcommand that it was meant for."""

    def __init__(self, message: str, command: str) -> None:
        super().__init__(message)
        self.command = command
