"""From broken mail to the people on call: who is told of what, by the rules and the Alertmanager example as shipped.

One drill serves all tests here: six customers have six kinds of trouble at once, one has none, and all is repaired.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from tests.support.alert_drill import (
    CERTIFICATE_EXPIRED,
    DELIVERY_STOPPED,
    FACTOR,
    LOGIN_REFUSED,
    POP3_DOWN,
    SMTP_DOWN,
    Record,
    Shipped,
    drill,
    shown,
)
from tests.support.shortened import shortened_rules
from tests.support.webhook import Notice

pytestmark = [pytest.mark.needs_calm, pytest.mark.takes_seconds(70)]

DASHBOARDS = Path(__file__).parents[2] / "dashboards"
SHIPPED = Shipped(
    rule_files=sorted((DASHBOARDS / "rules").glob("*.rules.yml")),
    alertmanager=DASHBOARDS / "alertmanager" / "alertmanager.yml",
)
WATCHDOG = {("dead-mans-switch", 'Watchdog{severity="info"}')}
ANNOTATIONS = {"summary", "description", "runbook_url", "dashboard_url"}
UNRENDERED = re.compile(r"<error|<no value>|%!|NaN|\{\{")
UNSHORTENED = re.compile(r"\b[0-9]+[smhdwy]\b|interval_seconds [<>=]+ [0-9]|[0-9] / mailsonar_probe_interval")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Hold the drill, in a loop that does without asyncio's own tracing: it serves 21 routes."""
    return asyncio.run(drill(tmp_path_factory.mktemp("drill"), SHIPPED), debug=False)


def told(notices: Iterable[Notice]) -> set[tuple[str, str]]:
    """Return which receivers were told of which alerts."""
    return {(notice.receiver, shown(notice.labels)) for notice in notices}


def alerts_of(record: Record, customer: str) -> Callable[..., str]:
    """Return what writes an alert of a customer, given its name and what labels it has beside those of every route."""
    common = {"job": "mailsonar", "instance": record.lasting, **record.customers[customer].labels}
    return lambda name, **labels: shown({"alertname": name, **common, **labels})


def expected_notices(record: Record) -> set[tuple[str, str]]:
    """Return who has to be told of what while mail is broken: of each cause once, and of routes where none is known."""
    customers = record.customers
    smtp_down, pop3_down = alerts_of(record, SMTP_DOWN), alerts_of(record, POP3_DOWN)
    refused, expired = alerts_of(record, LOGIN_REFUSED), alerts_of(record, CERTIFICATE_EXPIRED)
    stopped = alerts_of(record, DELIVERY_STOPPED)
    no_submission = smtp_down("ServerDown", severity="critical", **customers[SMTP_DOWN].submission)
    not_arrived = {"leg": "transit", "stage": "arrival", "reason": "not_arrived"}
    killed = {"job": "mailsonar", "instance": record.killed, "severity": "critical"}
    notices = {
        ("pager", shown({"alertname": "AgentDown", **killed})),
        ("pager", no_submission),
        ("acme-webhook", no_submission),
        ("pager", pop3_down("ServerDown", severity="critical", **customers[POP3_DOWN].retrieval)),
        (
            "pager",
            expired(
                "CertificateInvalid",
                reason="certificate_expired",
                severity="critical",
                **customers[CERTIFICATE_EXPIRED].submission,
            ),
        ),
    }
    for mailbox in customers[LOGIN_REFUSED].mailboxes.values():
        labels = {"account": mailbox.address, **customers[LOGIN_REFUSED].retrieval}
        notices |= {
            ("chat", refused("AuthenticationRejected", severity="warning", **labels)),
            ("pager", refused("AuthenticationRejected", severity="critical", **labels)),
        }
    for route in customers[DELIVERY_STOPPED].routes:
        notices |= {
            ("pager", stopped("RouteDown", route=route, severity="critical", **not_arrived)),
            ("chat", stopped("MessagesLost", route=route, severity="warning")),
        }
    return notices


def expected_to_be_held_back(record: Record) -> set[str]:
    """Return what is true, but explained by something else that is told."""
    held = set()
    for name, labels in {
        SMTP_DOWN: {"leg": "submission", "stage": "connect", "reason": "connection_refused"},
        POP3_DOWN: {"leg": "retrieval", "stage": "connect", "reason": "connection_refused"},
        LOGIN_REFUSED: {"leg": "retrieval", "stage": "authenticate", "reason": "authentication_rejected"},
        CERTIFICATE_EXPIRED: {"leg": "submission", "stage": "tls_handshake", "reason": "certificate_expired"},
    }.items():
        customer, alert = record.customers[name], alerts_of(record, name)
        for route, (here, there) in customer.routes.items():
            submits = labels["leg"] == "submission"
            server = customer.submission if submits else customer.retrieval
            account = customer.mailboxes[here if submits else there].address
            held.add(alert("RouteDown", route=route, account=account, severity="critical", **labels, **server))
    expired, server = alerts_of(record, CERTIFICATE_EXPIRED), record.customers[CERTIFICATE_EXPIRED].submission
    return held | {expired("CertificateExpiring", severity="critical", **server)}


def test_nothing_but_the_watchdog_while_all_is_well(record: Record) -> None:
    """Healthy mail alerts nobody; that alerts get through is told all the time."""
    assert told(record.calm) == WATCHDOG


def test_each_cause_is_told_once_and_to_whom_it_concerns(record: Record) -> None:
    """What arrives is exactly what is broken, from the first fault to the end of the repair, its labels complete."""
    assert told(record.broken) == expected_notices(record) | WATCHDOG
    assert told(record.notices) == expected_notices(record) | WATCHDOG


def test_what_a_told_alert_explains_is_held_back(record: Record) -> None:
    """Routes behind a cause that is told are alerts as well, but nobody is told of them."""
    held = {shown(labels) for labels in record.inhibited}
    assert held == expected_to_be_held_back(record)


def test_all_resolves_after_the_repair(record: Record) -> None:
    """Whoever was told of an alert is told that it is over."""
    assert told(record.repaired) == WATCHDOG
    over = {(notice.receiver, shown(notice.labels)) for notice in record.notices if not notice.is_firing}
    assert over == expected_notices(record)


def test_every_notice_says_what_to_do(record: Record) -> None:
    """Each carries its annotations, with nothing left in them that a template failed to fill in."""
    for notice in record.notices:
        assert notice.annotations.keys() == ANNOTATIONS, notice
        assert not UNRENDERED.search("\n".join(notice.annotations.values())), notice


@pytest.mark.parametrize("rule_file", SHIPPED.rule_files, ids=lambda path: path.name)
def test_the_drill_shortens_every_time(rule_file: Path) -> None:
    """A time that stayed long, in whatever new form it is written, would make the drill something else than it says."""
    for group in shortened_rules(rule_file, FACTOR)["groups"]:
        for rule in group["rules"]:
            assert not UNSHORTENED.search(re.sub(r"[0-9]+ms", "", rule["expr"])), rule["expr"]
