"""The TRANSACTION state of a POP3 session (RFC 1939 section 5): commands over a snapshot, and the UPDATE at its end.

No I/O: a command returns the lines of its reply, without their CRLF.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from mailsonar.sandbox.faults import ServerFaults
from mailsonar.sandbox.mailbox import Mailbox, Stored

Lines = Iterable[str | bytes]


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
        """Return the reply to a command; a long one is made while it is sent."""
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
        if not 1 <= number <= len(self._snapshot) or number in self._marked:
            raise _Refused("No such message")
        return number, self._snapshot[number - 1]

    def _stat(self, _arguments: list[str]) -> Lines:
        octets = sum(stored.size for _, stored in self._there())
        return [f"+OK {len(self._snapshot) - len(self._marked)} {octets}"]

    def _list(self, arguments: list[str]) -> Lines:
        return self._listing(arguments, lambda stored: str(stored.size))

    def _uidl(self, arguments: list[str]) -> Lines:
        return self._listing(arguments, lambda stored: self._faults.unique_id(stored.uid))

    def _listing(self, arguments: list[str], tell: Callable[[Stored], str]) -> Lines:
        """Return a row for the message that is asked for, else for all."""
        if arguments:
            n, stored = self._message(arguments)
            return [f"+OK {n} {tell(stored)}"]
        rows = (f"{n} {tell(stored)}" for n, stored in self._there())
        return chain(["+OK"], self._faults.rows(rows), ["."])

    def _retr(self, arguments: list[str]) -> Lines:
        _, stored = self._message(arguments)
        self._mailbox.seen.fetched.append(stored.uid)
        return chain([f"+OK {stored.size} octets"], _stuffed(stored.lines()), ["."])

    def _top(self, arguments: list[str]) -> Lines:
        _, stored = self._message(arguments)
        count = _number(arguments, 1)
        self._mailbox.seen.fetched.append(stored.uid)
        lines = stored.lines() if self._faults.ignores_count() else _beginning(stored.lines(), count)
        return chain(["+OK"], _stuffed(lines), ["."])

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


def _beginning(lines: Iterable[bytes], count: int) -> Iterator[bytes]:
    """Yield a message's header section and so many lines of its body."""
    left: int | None = None
    for line in lines:
        if left == 0:
            return
        yield line
        if left is not None:
            left -= 1
        elif not line:
            left = count


def _stuffed(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a message, a dot before each that begins with one (RFC 1939 section 3)."""
    return (b"." + line if line.startswith(b".") else line for line in lines)
