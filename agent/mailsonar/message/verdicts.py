"""Authentication-Results (RFC 8601): what the receiving server found on the sender, as SPF, DKIM and DMARC.

Anybody can write such a field, so only those count that carry the identifier of a server that the operator trusts.
Microsoft's servers leave it out: `microsoft` stands for fields without one. Methods and findings are closed sets; no
other word of a field gets any further.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mailsonar.message.structured import structured
from mailsonar.model.provenance import Finding, Method, SenderVerdict

WITHOUT_ID = "microsoft"

_RESULT = re.compile(r"([A-Za-z0-9-]+) ?(?:/ ?\d+ ?)?= ?([A-Za-z_]+)", re.ASCII)
_METHODS = {str(method): method for method in Method}

# Words of old RFCs (hardfail: RFC 5451), and of servers that have their own (the others: Yahoo, Microsoft).
_OTHER_WORDS = {
    "hardfail": Finding.FAIL,
    "perm_fail": Finding.PERMERROR,
    "perm_error": Finding.PERMERROR,
    "temp_fail": Finding.TEMPERROR,
    "temp_error": Finding.TEMPERROR,
    "bestguesspass": Finding.NONE,  # the domain has no DMARC record
}


def verdicts(fields: Sequence[bytes], authserv_id: str | None) -> tuple[SenderVerdict, ...]:
    """Return the verdicts of the trusted server, at most one of each method, in the order of the methods.

    The topmost field that has a method decides on it. Of several signatures one that passes is enough.

    Args:
        fields: the values of all Authentication-Results fields, unfolded, topmost first.
        authserv_id: whose fields to believe; None believes none.
    """
    if authserv_id is None:
        return ()
    found: dict[Method, Finding] = {}
    for field in fields:
        claimed, results = _read(field)
        if claimed == authserv_id.lower():
            found = _of_one_field(results) | found
    return tuple(SenderVerdict(method=method, finding=found[method]) for method in Method if method in found)


def _read(field: bytes) -> tuple[str, tuple[str, ...]]:
    """Return who claims to have written a field, in lower case, and its results."""
    first, *others = structured(field).parts
    if _RESULT.match(first):
        return WITHOUT_ID, (first, *others)
    # A server that calls itself by the word that stands for none is not the one that was meant.
    claimed = first.partition(" ")[0].strip('"').lower()
    return "" if claimed == WITHOUT_ID else claimed, tuple(others)


def _of_one_field(results: Iterable[str]) -> dict[Method, Finding]:
    found: dict[Method, Finding] = {}
    for result in results:
        stated = _RESULT.match(result)
        method = _METHODS.get(stated[1].lower()) if stated else None
        if stated is None or method is None:
            continue
        finding = _finding(stated[2].lower())
        if method not in found or (method is Method.DKIM and finding is Finding.PASS):
            found[method] = finding
    return found


def _finding(word: str) -> Finding:
    try:
        return Finding(word)
    except ValueError:
        return _OTHER_WORDS.get(word, Finding.UNKNOWN)
