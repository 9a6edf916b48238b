"""What a header section tells of a message's way, in the words of the samples."""

from __future__ import annotations

from mailsonar.message.recognise import AUTHENTICATION_RESULTS, RECEIVED, HeaderScan
from mailsonar.message.trace import hops
from mailsonar.message.verdicts import verdicts
from mailsonar.model.provenance import Hop
from mailsonar.observe.result_json import rfc3339

TLS_WORDS = {True: "yes", False: "no", None: "-"}


def scanned(header: str) -> HeaderScan:
    """Return the scan of a header section."""
    scan = HeaderScan()
    for line in header.splitlines():
        scan.take(line.encode())
    return scan


def in_words(hop: Hop) -> str:
    """Return a hop as the samples write it."""
    received = "-" if hop.received_wall is None else rfc3339(hop.received_wall)
    seconds = "-" if hop.seconds is None else f"{hop.seconds:g}" + (" skewed" if hop.is_skewed else "")
    texts = (hop.from_host or "-", hop.by_host or "-", hop.protocol or "-")
    return " | ".join((*texts, TLS_WORDS[hop.tls], received, seconds))


def told(header: str, authserv_id: str | None) -> list[str]:
    """Return all that a header tells, as the samples write it."""
    scan = scanned(header)
    found = verdicts(scan.texts(AUTHENTICATION_RESULTS), authserv_id)
    summary = ", ".join(f"{verdict.method} {verdict.finding}" for verdict in found)
    return [*map(in_words, hops(scan.texts(RECEIVED))), summary or "no verdicts"]
