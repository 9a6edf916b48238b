"""Label names that routes may set: Prometheus' grammar, and none of our own.

A declared name that met one of our own would make two labels of the same name on one series.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mailsonar.config.problem import Place, Report
from mailsonar.config.wording import listing

_GRAMMAR = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_OURS = frozenset({
    "route", "outcome", "leg", "stage", "reason", "method", "result", "hop", "placement", "sender", "maildrop",
    "submission_server", "retrieval_server", "provider", "server", "protocol", "account", "certificate", "version",
    "cipher", "task", "revision", "python", "index", "total", "code",
})  # fmt: skip
_PROMETHEUS = frozenset({"job", "instance", "le", "quantile"})
_ALERTS = frozenset({"alertname", "severity"})


def check_label_names(names: Sequence[str], place: Place, report: Report) -> None:
    """Report declared names that cannot be label names here, or get lost; empty ones were reported with the types."""
    for index, name in enumerate(names):
        wrong = "this label name is declared twice" if name in names[:index] else _wrong(name)
        if name and wrong:
            report.wrong(place / index, wrong)
        elif name in _ALERTS:
            report.odd(place / index, f"alerts put a {name} of their own in place of this label: choose another")


def _wrong(name: str) -> str | None:
    """Return why a name cannot be declared; None where it can."""
    if not _GRAMMAR.fullmatch(name):
        return "must be a label name: letters, digits and _, not a digit first"
    if name.startswith("__"):
        return "label names that start with __ are Prometheus' own: choose another"
    if name in _OURS:
        return f"{name} is one of MailSonar's own labels: choose another"
    if name in _PROMETHEUS:
        return f"{name} is one of Prometheus' own labels: choose another"
    return None


def check_route_labels(values: object, declared: Sequence[str], place: Place, report: Report) -> None:
    """Report labels of a route that were not declared."""
    for name in values if isinstance(values, dict) else ():
        if name not in declared:
            report.wrong(place / name, f"is not declared in the section labels; declared: {listing(declared)}")


def label_pairs(values: Mapping[str, str], declared: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return a pair for each declared label, in the order of declaration, "" where a route does not set it."""
    return tuple((name, values.get(name, "")) for name in declared)
