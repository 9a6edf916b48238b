"""How any server may be hostile or broken, whatever it speaks: each behaviour by name, at a moment of choice."""

from __future__ import annotations

from mailsonar.sandbox.acts import close, deafen, does, drip, flood, hang, hear, reset, shut, utter
from mailsonar.sandbox.faults import GREETING, HANDSHAKE, ServerFault

FLOOD_BYTES = 100_000_000
_CHUNK = 64 * 1024
_RANDOM_LOOKING = bytes((number * 167 + 13) % 256 for number in range(512)).replace(b"\n", b"\xff")


def floods_without_newline(moment: str) -> ServerFault:
    """Say 100 MB on one line."""
    return does("floods without a newline", moment, flood(b"x" * _CHUNK, FLOOD_BYTES), hang)


def floods(moment: str, line: bytes, opening: bytes = b"") -> ServerFault:
    """Say an answer of 100 MB that has no end.

    Args:
        moment: when.
        line: what is repeated.
        opening: what is said first.
    """
    return does(
        f"floods with {line[:20]!r}", moment, utter(opening), flood(line * (_CHUNK // len(line)), FLOOD_BYTES), hang
    )


def drips(moment: str, drop: bytes, gap_seconds: float = 0.02) -> ServerFault:
    """Say one drop at a time: a byte, or a whole line that says that more will come."""
    return does(f"drips {drop!r}", moment, drip([drop] * 2000, gap_seconds))


def trails_off(moment: str, said: bytes) -> ServerFault:
    """Say the beginning of an answer, and no more."""
    return does("trails off", moment, utter(said), hang)


def breaks_off(moment: str, said: bytes) -> ServerFault:
    """Say the beginning of an answer, and close."""
    return does("breaks off", moment, utter(said), close)


def utters(moment: str, said: bytes) -> ServerFault:
    """Say something that nobody asked for, then go on as usual."""
    return does(f"utters {said[:20]!r}", moment, utter(said))


def resets(moment: str) -> ServerFault:
    """Break off with a RST."""
    return does("resets", moment, reset)


def resets_after(moment: str, said: bytes) -> ServerFault:
    """Say something, wait for the client to go on, and break off with a RST."""
    return does("resets later", moment, utter(said), hear, reset)


def half_closes(moment: str) -> ServerFault:
    """Say no more, and wait for what the client makes of it; not over TLS."""
    return does("half-closes", moment, shut, hang)


def stops_reading(moment: str, said: bytes) -> ServerFault:
    """Say something that makes the client send, and read nothing of it."""
    return does("stops reading", moment, deafen, utter(said), hang)


SENDS_NULS = utters(GREETING, b"\0" * 600 + b"\r\n")
SENDS_RANDOM_BYTES = utters(GREETING, _RANDOM_LOOKING + b"\r\n")
SPEAKS_HTTP = utters(GREETING, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
SPEAKS_SSH = utters(GREETING, b"SSH-2.0-OpenSSH_9.2p1\r\n")

TLS_STALLS = does("stalls", HANDSHAKE, hang)
TLS_CLOSES = does("closes", HANDSHAKE, hear, close)
TLS_RESETS = does("resets", HANDSHAKE, hear, reset)
TLS_GARBAGE = does("talks garbage", HANDSHAKE, hear, utter(_RANDOM_LOOKING), hang)
TLS_FLOOD = does("floods", HANDSHAKE, hear, flood(_RANDOM_LOOKING * 128, FLOOD_BYTES), hang)
# A handshake record that announces a ServerHello of 16 MiB (RFC 8446 section 4).
TLS_HUGE_HELLO = does("announces a huge hello", HANDSHAKE, hear, utter(b"\x16\x03\x03\0\x04\x02\xff\xff\xff"), hang)
# The beginning of a record that never ends.
TLS_DRIPS = does("drips", HANDSHAKE, hear, drip([b"\x16", b"\x03", b"\x03", *[b"\x02"] * 2000], 0.02))


def tls_plaintext(said: bytes) -> ServerFault:
    """Answer the client's TLS hello in plaintext."""
    return does("goes on in plaintext", HANDSHAKE, hear, utter(said), hang)
