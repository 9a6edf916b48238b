"""One way to test every reader: whole, byte by byte, with trailing bytes left alone, and in arbitrary splits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from mailsonar.model.fault import LimitExceeded, MailSonarError, ProtocolViolation
from mailsonar.wire.lines import Reader

T = TypeVar("T")
MakeReader = Callable[[], Reader[T]]

TRAILING = b"\r\n.\r\n250 what comes next\r\n+OK"


def read_three_ways(make: MakeReader[T], wire: bytes) -> T:
    """Return what the reader makes of exactly these bytes, having seen that all three ways agree."""
    buffer = bytearray(wire)
    value = make()(buffer)
    assert value is not None, f"not satisfied by {wire!r}"
    assert buffer == b"", "left some of its own bytes"
    assert _byte_by_byte(make(), wire) == value
    buffer = bytearray(wire + TRAILING)
    assert make()(buffer) == value
    assert buffer == TRAILING, "ate bytes of what comes next"
    return value


def fail_three_ways(make: MakeReader[Any], wire: bytes, error: type[MailSonarError]) -> str:
    """Return the detail of the error that the bytes lead to, whole, byte by byte, and with more behind them."""
    details = {_failure(make(), chunks, error) for chunks in ([wire], _bytes_of(wire), [wire + TRAILING])}
    assert len(details) == 1, f"the splits change the error: {details}"
    return details.pop()


def _byte_by_byte(read: Reader[T], wire: bytes) -> T:
    buffer = bytearray()
    for position, byte in enumerate(wire, start=1):
        buffer.append(byte)
        value = read(buffer)
        if value is not None:
            assert position == len(wire), f"satisfied too early, by {wire[:position]!r}"
            return value
    raise AssertionError("never satisfied")


def _failure(read: Reader[Any], chunks: Iterable[bytes], error: type[MailSonarError]) -> str:
    buffer = bytearray()
    try:
        for chunk in chunks:
            buffer += chunk
            assert read(buffer) is None, "was satisfied"
    except MailSonarError as raised:
        if type(raised) is not error:
            raise
        return raised.detail
    raise AssertionError(f"no {error.__name__}")


def _bytes_of(wire: bytes) -> list[bytes]:
    return [wire[position : position + 1] for position in range(len(wire))]


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of reading: a value and the bytes left over, a failure, or a wait for more."""

    value: Any = None
    rest: bytes = b""
    failure: str | None = None


def read_in_chunks(make: MakeReader[Any], wire: bytes, cuts: Iterable[int]) -> Reading:
    """Read bytes that come cut at these positions; only the two errors that a peer can cause may be raised."""
    marks = [0, *sorted({cut % (len(wire) + 1) for cut in cuts}), len(wire)]
    read, buffer = make(), bytearray()
    for start, end in pairwise(marks):
        buffer += wire[start:end]
        try:
            value = read(buffer)
        except (ProtocolViolation, LimitExceeded) as error:
            return Reading(failure=f"{type(error).__name__}: {error.detail}")
        if value is not None:
            return Reading(value=value, rest=bytes(buffer) + wire[end:])
    return Reading()
