"""The TRANSACTION state of a POP3 session (RFC 1939 section 5): commands over a snapshot, and the UPDATE at its end.

No I/O: a command returns the lines of its reply, without their CRLF.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mailsonar.sandbox.faults import ServerFaults
from mailsonar.sandbox.mailbox import Mailbox, Stored

Lines = list[str | bytes]


class _Refused(Exception):
    """A command cannot be performed; its text follows -ERR."""


class Maildrop:
    """A locked mailbox as it was at login; closing it gives the lock back."""

    def __init__(self, mailbox: Mailbox, faults: ServerFaults) -> None:
        self._mailbox = mailbox
        self._faults = faults
        self._snapshot = tuple(mailbox.messages)
        self._marked: dict[int, str] = {}
        self._commands: dict[str, Callable[[list[str]], Lines]] = {
            "STAT": self._stat, "LIST": self._list, "UIDL": self._uidl, "RETR": self._retr, "TOP": self._top,
            "DELE": self._dele, "NOOP": self._noop, "RSET": self._rset,
        }  # fmt: skip

    def perform(self, verb: str, argument: str) -> Lines:
        """Return the reply to a command."""
        command = self._commands.get(verb)
        if command is None:
            return ["-ERR Unknown command"]
        try:
            return command(argument.split())
        except _Refused as refused:
            return [f"-ERR {refused}"]

    def commit(self) -> None:
        """Remove what was marked: the UPDATE state."""
        self._mailbox.remove(list(self._marked.values()))

    def close(self) -> None:
        """Give the lock back."""
        self._mailbox.unlock()

    def _there(self) -> Iterator[tuple[int, Stored]]:
        """Yield the messages not marked, with their numbers."""
        return ((n, stored) for n, stored in enumerate(self._snapshot, 1) if n not in self._marked)

    def _message(self, arguments: list[str]) -> tuple[int, Stored]:
        """Return the message that the first argument numbers."""
        number = _number(arguments, 0)
        for n, stored in self._there():
            if n == number:
                return n, stored
        raise _Refused("No such message")

    def _stat(self, _arguments: list[str]) -> Lines:
        sizes = [len(stored.content) for _, stored in self._there()]
        return [f"+OK {len(sizes)} {sum(sizes)}"]

    def _list(self, arguments: list[str]) -> Lines:
        return self._listing(arguments, lambda stored: str(len(stored.content)))

    def _uidl(self, arguments: list[str]) -> Lines:
        return self._listing(arguments, lambda stored: self._faults.unique_id(stored.uid))

    def _listing(self, arguments: list[str], tell: Callable[[Stored], str]) -> Lines:
        """Return a row for the message that is asked for, else for all."""
        if arguments:
            n, stored = self._message(arguments)
            return [f"+OK {n} {tell(stored)}"]
        return ["+OK", *(f"{n} {tell(stored)}" for n, stored in self._there()), "."]

    def _retr(self, arguments: list[str]) -> Lines:
        _, stored = self._message(arguments)
        self._mailbox.seen.fetched.append(stored.uid)
        return [f"+OK {len(stored.content)} octets", *_stuffed(stored.content), "."]

    def _top(self, arguments: list[str]) -> Lines:
        _, stored = self._message(arguments)
        count = _number(arguments, 1)
        self._mailbox.seen.fetched.append(stored.uid)
        lines = _stuffed(stored.content)
        header = lines.index(b"") + 1 if b"" in lines else len(lines)
        return ["+OK", *lines[: header + count], "."]

    def _dele(self, arguments: list[str]) -> Lines:
        n, stored = self._message(arguments)
        self._marked[n] = stored.uid
        return [f"+OK Message {n} marked"]

    def _noop(self, _arguments: list[str]) -> Lines:
        return ["+OK"]

    def _rset(self, _arguments: list[str]) -> Lines:
        self._marked.clear()
        return ["+OK"]


def _number(arguments: list[str], position: int) -> int:
    """Return a decimal argument, 0 upwards."""
    if len(arguments) <= position or not arguments[position].isdecimal() or len(arguments[position]) > 9:
        raise _Refused("A number is missing")
    return int(arguments[position])


def _stuffed(content: bytes) -> list[bytes]:
    """Return the lines of a message, a dot before each that begins with one (RFC 1939 section 3)."""
    lines = content.removesuffix(b"\r\n").split(b"\r\n")
    return [b"." + line if line.startswith(b".") else line for line in lines]
