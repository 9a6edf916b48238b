"""What a message of ours tells of its way, once its token has verified; secrets that a server quotes are struck out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailsonar.message.recognise import AUTHENTICATION_RESULTS, RECEIVED, HeaderScan
from mailsonar.message.trace import hops
from mailsonar.message.verdicts import verdicts
from mailsonar.model.provenance import Hop, Provenance
from mailsonar.model.route import Route
from mailsonar.probe.classify import scrubbed, secrets_of


def provenance_of(scan: HeaderScan, route: Route) -> Provenance:
    """Return what a message tells.

    Args:
        scan: its header section.
        route: on which it came.
    """
    secrets = [*secrets_of(route.sender.account), *secrets_of(route.maildrop.account)]
    return Provenance(
        hops=tuple(_scrubbed(hop, secrets) for hop in hops(scan.texts(RECEIVED))),
        verdicts=verdicts(scan.texts(AUTHENTICATION_RESULTS), route.maildrop.authserv_id),
    )


def _scrubbed(hop: Hop, secrets: Sequence[str]) -> Hop:
    return replace(
        hop,
        from_host=scrubbed(hop.from_host, secrets),
        by_host=scrubbed(hop.by_host, secrets),
        protocol=scrubbed(hop.protocol, secrets),
    )
