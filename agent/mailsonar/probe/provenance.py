"""What a message of ours tells of its way, once its token has verified; secrets that a server quotes are struck out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailsonar.message.recognise import AUTHENTICATION_RESULTS, RECEIVED, HeaderScan
from mailsonar.message.trace import hops
from mailsonar.message.verdicts import verdicts
from mailsonar.model.provenance import Hop, Provenance
from mailsonar.probe.classify import scrubbed


def provenance_of(scan: HeaderScan, authserv_id: str | None) -> Provenance:
    """Return what a message tells, as servers wrote it.

    Args:
        scan: its header section.
        authserv_id: whose Authentication-Results to believe.
    """
    return Provenance(
        hops=hops(scan.texts(RECEIVED)), verdicts=verdicts(scan.texts(AUTHENTICATION_RESULTS), authserv_id)
    )


def struck_out(told: Provenance, secrets: Sequence[str]) -> Provenance:
    """Return the same without the secrets."""
    return replace(told, hops=tuple(_scrubbed(hop, secrets) for hop in told.hops))


def _scrubbed(hop: Hop, secrets: Sequence[str]) -> Hop:
    return replace(
        hop,
        from_host=scrubbed(hop.from_host, secrets),
        by_host=scrubbed(hop.by_host, secrets),
        protocol=scrubbed(hop.protocol, secrets),
    )
