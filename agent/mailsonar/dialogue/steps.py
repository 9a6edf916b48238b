"""What a dialogue is made of: exchanges, and the upgrade to TLS.

A dialogue is a generator. It yields a step, is sent what the step's reader returned, and returns its value in the end.
The driver throws what goes wrong into it, with the stage set; what the dialogue does not catch ends it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Generic, TypeVar

from mailsonar.model.fault import MailSonarError, ProtocolViolation
from mailsonar.model.stage import Stage
from mailsonar.wire.lines import Reader, command

T = TypeVar("T")


class Patience(Enum):
    """Which of the server's timeouts bounds an exchange."""

    GREETING = auto()
    COMMAND = auto()
    DATA = auto()
    QUIT = auto()


def out_of_turn(_said: bytes) -> MailSonarError:
    """Return the error that it is to speak before the question: what was said could pass for the answer."""
    return ProtocolViolation("the server said something before it was asked")


@dataclass(frozen=True, slots=True)
class Veil:
    """What a transcript may show in place of what is sent, and what of it must not show where the server repeats it."""

    shown: str
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange(Generic[T]):
    """Write `send` (nothing, for a greeting), then read until `read` is satisfied.

    `unasked` tells what it amounts to if something waits to be read before the question. Without a veil, `send` may be
    shown; what is sent to authenticate never is.
    """

    stage: Stage
    send: bytes
    read: Reader[T]
    patience: Patience = Patience.COMMAND
    unasked: Callable[[bytes], MailSonarError] = out_of_turn
    veil: Veil | None = None


@dataclass(frozen=True, slots=True)
class UpgradeToTls:
    """Do the TLS handshake on the connection, now; after STARTTLS nothing may be waiting to be read."""

    implicit: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Let something outside the session come to its end before the next exchange."""

    until: Callable[[], Awaitable[None]]


Step = Exchange[Any] | UpgradeToTls | Wait
Dialogue = Generator[Step, Any, T]


def hear(stage: Stage, read: Reader[T], patience: Patience = Patience.GREETING) -> Dialogue[T]:
    """Wait for what the peer says unasked: its greeting."""
    value: T = yield Exchange(stage, b"", read, patience)
    return value


def ask(
    stage: Stage, line: str, read: Reader[T], patience: Patience = Patience.COMMAND, veil: Veil | None = None
) -> Dialogue[T]:
    """Write a command line and wait for its answer."""
    value: T = yield Exchange(stage, command(line), read, patience, veil=veil)
    return value


def wait(until: Callable[[], Awaitable[None]]) -> Dialogue[None]:
    """Wait until something has happened outside the session."""
    yield Wait(until)


def upgrade(*, implicit: bool) -> Dialogue[None]:
    """Start TLS: from the first byte, or after the server's go-ahead."""
    yield UpgradeToTls(implicit)
