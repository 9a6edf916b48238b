"""Whom to believe what was found on a sender, and what findings there are (RFC 8601)."""

from __future__ import annotations

import pytest
from tests.support.told import told

FORGED = "Authentication-Results: mx.contoso.example; spf=pass; dkim=pass; dmarc=pass\n"
TRUST = {
    "no id configured": (None, FORGED, "no verdicts"),
    "another server": ("mx.acme.example", FORGED, "no verdicts"),
    "a part of the id": ("contoso.example", FORGED, "no verdicts"),
    "case does not matter": ("MX.Contoso.Example", FORGED, "spf pass, dkim pass, dmarc pass"),
    "quoted, with a version": (
        "mx.contoso.example",
        'Authentication-Results: "MX.contoso.example" 1; spf=fail',
        "spf fail",
    ),
    "a comment before the id": (
        "mx.contoso.example",
        "Authentication-Results: (by) mx.contoso.example; spf=fail",
        "spf fail",
    ),
    "the id in a comment": (
        "mx.contoso.example",
        "Authentication-Results: (mx.contoso.example); spf=pass",
        "no verdicts",
    ),
    "the topmost decides, others fill in": (
        "mx.contoso.example",
        "Authentication-Results: mx.contoso.example; spf=fail\n"
        "Authentication-Results: mx.acme.example; dkim=pass\n" + FORGED.replace("dmarc=pass", "dmarc=none"),
        "spf fail, dkim pass, dmarc none",
    ),
    "no id, where one is wanted": (
        "mx.contoso.example",
        "Authentication-Results: spf=pass; dkim=pass",
        "no verdicts",
    ),
    "fields with an id, where none is wanted": ("microsoft", FORGED, "no verdicts"),
    "a server by the name of microsoft": ("microsoft", "Authentication-Results: microsoft; spf=pass", "no verdicts"),
    "empty": ("microsoft", "Authentication-Results:\nAuthentication-Results: ;;;", "no verdicts"),
    "ARC's copy": ("mx.contoso.example", f"ARC-{FORGED}X-{FORGED}", "no verdicts"),
}


@pytest.mark.parametrize(("authserv_id", "header", "expected"), TRUST.values(), ids=TRUST)
def test_only_the_trusted_server_is_believed(authserv_id: str | None, header: str, expected: str) -> None:
    """A field counts if it begins with the configured id, and for `microsoft` if it has none."""
    assert told(header, authserv_id) == [expected]


RESULTS = {
    "spf=hardfail": "spf fail",
    "spf=SoftFail": "spf softfail",
    "spf=temperror": "spf temperror",
    "dkim=temp_fail": "dkim temperror",
    "dkim=policy": "dkim policy",
    "dkim=permerror": "dkim permerror",
    "dmarc=bestguesspass": "dmarc none",
    "dmarc=splendid": "dmarc unknown",
    "spf=unknown": "spf unknown",
    "spf/1 = neutral": "spf neutral",
    "SPF (comment; spf=pass) = (another) fail": "spf fail",
    "dkim=fail; dkim=pass; dkim=neutral": "dkim pass",
    "dkim=neutral; dkim=fail": "dkim neutral",
    "spf=fail smtp.mailfrom=a.example; spf=pass smtp.helo=b.example": "spf fail",
    'dkim=fail reason="bad; spf=pass" header.d=a.example': "dkim fail",
    "dkim=fail reason=spf=pass": "dkim fail",
    "x-spf=pass; spf-x=pass; dkim-adsp=pass; iprev=pass; auth=pass": "no verdicts",
    "spf=; =pass; spf; pass": "no verdicts",
    "none": "no verdicts",
}


@pytest.mark.parametrize(("results", "expected"), RESULTS.items(), ids=RESULTS)
def test_findings_are_a_closed_set(results: str, expected: str) -> None:
    """Each method has one finding out of the registered ones, or `unknown`; nothing else of a field gets through."""
    assert told(f"Authentication-Results: mx.example; {results}", "mx.example") == [expected]


def test_only_so_many_results_are_read() -> None:
    """A field of nothing but semicolons costs no more than one of words; what stands behind 64 of them is lost."""
    assert told(f"Authentication-Results: mx.example{';' * 60} spf=pass", "mx.example") == ["spf pass"]
    assert told(f"Authentication-Results: mx.example{';' * 90} spf=pass", "mx.example") == ["no verdicts"]
