"""What may happen to a message between its acceptance and its maildrop.

A delivery fault turns one parcel into none, one or several; several faults work one after another. Pure, but for the
random source that a fault is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A message on its way; it arrives so many seconds after its acceptance."""

    content: bytes
    after_seconds: float = 0.0


DeliveryFault = Callable[[Parcel], list[Parcel]]


def deliveries(content: bytes, faults: Iterable[DeliveryFault]) -> list[Parcel]:
    """Return what becomes of an accepted message under these faults, in this order."""
    parcels = [Parcel(content=content)]
    for fault in faults:
        parcels = [out for parcel in parcels for out in fault(parcel)]
    return parcels


def delay(seconds: float) -> DeliveryFault:
    """Let each message arrive that much later."""
    return lambda parcel: [replace(parcel, after_seconds=parcel.after_seconds + seconds)]


def random_delay(shortest: float, longest: float, random: Random) -> DeliveryFault:
    """Let each message, and each copy of it, arrive later by a time of its own, in seconds."""

    def postponed(parcel: Parcel) -> list[Parcel]:
        return delay(random.uniform(shortest, longest))(parcel)

    return postponed


def lose(parcel: Parcel) -> list[Parcel]:
    """Accept each message and forget it."""
    del parcel
    return []


def duplicate(copies: int) -> DeliveryFault:
    """Deliver each message so many times in all."""
    return lambda parcel: [parcel] * copies


def mangle(change: Callable[[bytes], bytes]) -> DeliveryFault:
    """Alter the header section of each message, as gateways do."""

    def altered(parcel: Parcel) -> list[Parcel]:
        header, blank, body = parcel.content.partition(b"\r\n\r\n")
        return [replace(parcel, content=change(header + b"\r\n").removesuffix(b"\r\n") + blank + body)]

    return altered


def _edited(pattern: bytes, replacement: bytes) -> DeliveryFault:
    """Replace whole header fields or parts of them; `^` is the beginning of a line."""
    compiled = re.compile(pattern, re.MULTILINE | re.IGNORECASE)
    return mangle(lambda header: compiled.sub(replacement, header))


prefix_subject = _edited(rb"^Subject: *", rb"Subject: [EXTERNAL] ")
strip_x_fields = _edited(rb"^X-[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", rb"")
rewrite_message_id = _edited(
    rb"^Message-ID:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", rb"Message-ID: <rewritten@gateway.example>\r\n"
)
fold_header = _edited(rb"^([!-9;-~]+:) *", rb"\1\r\n ")


def from_sender(address: str, fault: DeliveryFault) -> DeliveryFault:
    """Let a fault befall only what this reverse-path sent."""
    mark = f"Return-Path: <{address}>\r\n".encode()
    return lambda parcel: fault(parcel) if mark in parcel.content.partition(b"\r\n\r\n")[0] + b"\r\n" else [parcel]
