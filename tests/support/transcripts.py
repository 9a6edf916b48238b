"""Sessions written down as `C:` and `S:` lines, and a driver that performs a dialogue against one without any socket.

A transcript opens with comment lines, the first of which is the rule that it protects, then `key: value` lines, then an
empty line and the session:

    C: LINE        the client says LINE and CRLF
    S: LINE        the server says LINE and CRLF; lines that follow each other come in one segment
    S! TEXT        the server says TEXT with Python's escapes and no line end of its own
    *** TLS        both sides do the handshake
    *** CLOSE      the server closes

`{name}` in a line stands for one of the `words` given to `load`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any, TypeVar

from mailsonar.dialogue.steps import Dialogue, Exchange, Step, Wait
from mailsonar.model.fault import Disconnected, MailSonarError, Refused, StarttlsInjected
from mailsonar.model.stage import Stage

T = TypeVar("T")


class Turn(Enum):
    """Whose turn it is, or what happens to the connection."""

    CLIENT = auto()
    SERVER = auto()
    TLS = auto()
    CLOSE = auto()


@dataclass(frozen=True, slots=True)
class Transcript:
    """One session: its parameters and its turns, each with what is said."""

    name: str
    rule: str
    parameters: Mapping[str, str]
    turns: tuple[tuple[Turn, bytes], ...]


def load(path: Path, words: Mapping[str, str]) -> Transcript:
    """Read a transcript; `words` fill its placeholders."""
    head, _, session = path.read_text("utf-8").partition("\n\n")
    comments = [line.removeprefix("#").strip() for line in head.splitlines() if line.startswith("#")]
    parameters = dict(line.split(": ", 1) for line in head.splitlines() if not line.startswith("#"))
    turns: list[tuple[Turn, bytes]] = []
    for line in session.splitlines():
        turn, said = _turn(_filled(line, words))
        if turns and turn is turns[-1][0] and turn in (Turn.CLIENT, Turn.SERVER):
            turns[-1] = (turn, turns[-1][1] + said)
        else:
            turns.append((turn, said))
    return Transcript(path.stem, comments[0], parameters, tuple(turns))


def _filled(line: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        line = line.replace("{" + word + "}", value)
    return line


def _turn(line: str) -> tuple[Turn, bytes]:
    if line in ("*** TLS", "*** CLOSE"):
        return Turn[line[4:]], b""
    if line.startswith("S! "):
        return Turn.SERVER, line[3:].encode("latin-1").decode("unicode_escape").encode("latin-1")
    who, said = line[:2], line[3:].encode() + b"\r\n"
    return {"C:": Turn.CLIENT, "S:": Turn.SERVER}[who], said


def ending(error: MailSonarError | None) -> str:
    """Return how a dialogue ended, as the parameter `ends` of a transcript has it."""
    if error is None:
        return "done"
    words = [type(error).__name__, *([error.reason] if isinstance(error, Refused) else []), error.stage or "nowhere"]
    return " ".join(words)


class Recital:
    """Performs a dialogue against a transcript, as the driver would against a server, with no event loop."""

    def __init__(self, transcript: Transcript) -> None:
        self._turns = deque(transcript.turns)
        self._buffer = bytearray()

    def perform(self, dialogue: Dialogue[T]) -> T:
        """Return what the dialogue returns; it must come to the transcript's end."""
        step: Step = next(dialogue)
        while True:
            try:
                try:
                    value = self._take(step)
                except MailSonarError as error:
                    step = dialogue.throw(error)
                else:
                    step = dialogue.send(value)
            except StopIteration as end:
                returned: T = end.value
                return returned

    def assert_over(self) -> None:
        """Make sure that nothing was left unsaid."""
        assert list(self._turns) in ([], [(Turn.CLOSE, b"")])

    def _take(self, step: Step) -> Any:
        if isinstance(step, Exchange):
            return self._exchange(step)
        if isinstance(step, Wait):
            return None
        if not step.implicit and self._buffer:
            raise StarttlsInjected("plaintext was waiting", stage=Stage.STARTTLS)
        assert self._turns.popleft()[0] is Turn.TLS
        return None

    def _exchange(self, exchange: Exchange[T]) -> T:
        sent = False
        try:
            if exchange.send:
                self._listen(exchange)
            sent = True
            while (value := exchange.read(self._buffer)) is None:
                self._buffer += self._speak()
        except MailSonarError as error:
            error.stage, error.sent = error.stage or exchange.stage, sent
            raise
        return value

    def _listen(self, exchange: Exchange[Any]) -> None:
        if self._buffer:
            raise exchange.unasked(bytes(self._buffer))
        if not self._is_closed():
            assert self._turns.popleft() == (Turn.CLIENT, exchange.send)

    def _speak(self) -> bytes:
        if self._is_closed():
            raise Disconnected("the peer closed the connection")
        turn, said = self._turns.popleft()
        assert turn is Turn.SERVER, f"the server has nothing to say, it is {turn}"
        return said

    def _is_closed(self) -> bool:
        assert self._turns, "the transcript is over, the dialogue goes on"
        return self._turns[0][0] is Turn.CLOSE
