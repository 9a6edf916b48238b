"""What a scrape shows of servers, accounts, maildrops and the agent; and that it is valid, whatever the names."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from tests.support.observed import (
    NOT_ARRIVED,
    REJECTED,
    WALL,
    all_stages,
    failed,
    make_attempt,
    make_route,
    on_time,
)
from tests.support.scraped import Scraped

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.observer import Login, Look
from mailsonar.model.result import TlsFacts
from mailsonar.model.stage import Leg, Stage
from mailsonar.observe.families import FAMILIES

SMTP = {"server": "smtp.acme.example:587", "protocol": "smtp"}
ACCOUNT = {**SMTP, "account": "probe@acme.example"}
HOSTILE = 'a\\b"c\nd\u2028e\x1b[31m'


@pytest.fixture
def scraped():
    """Give metrics with one route."""
    return Scraped()


@pytest.fixture
def route(scraped):
    """Give the one route."""
    return scraped.routes[0]


def test_plain_route_stays_within_sixty_series(scraped, route):
    """A healthy route with STARTTLS on both legs, and one fault in its past, has at most 60 series."""
    first, second = make_attempt(route, 0.0), make_attempt(route, 60.0)
    for attempt, result in ((first, failed(first)), (second, on_time(second, stages=all_stages()))):
        scraped.metrics.attempt_started(attempt)
        scraped.metrics.attempt_ended(result)
    assert 50 < len(scraped.samples(route="acme-internal")) <= 60


def test_certificate_survives_a_failed_verification(scraped, route):
    """The end of a certificate stays when a later handshake could not read it, and verified tells that it failed."""
    facts = {"server": "x", "protocol": "x", "cipher": "TLS_AES_256_GCM_SHA384"}
    good = TlsFacts(version="TLSv1.3", verified=True, not_after_wall=9.0, not_after_earliest_wall=8.0, **facts)
    bad = TlsFacts(version=None, verified=False, not_after_wall=None, **facts)
    scraped.metrics.account_used(Login(account=route.sender.account, authenticated=True, tls=good))
    assert scraped.value("server_tls_verified", **SMTP) == 1
    assert scraped.value("server_tls_info", **SMTP, version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384") == 1
    scraped.metrics.account_used(Login(account=route.sender.account, authenticated=None, tls=bad))
    assert scraped.value("server_tls_verified", **SMTP) == 0
    assert scraped.value("server_tls_certificate_expiry_timestamp_seconds", **SMTP, certificate="leaf") == 9
    assert scraped.value("server_tls_certificate_expiry_timestamp_seconds", **SMTP, certificate="earliest") == 8
    assert "mailsonar_server_tls_info" not in {name for name, _ in scraped.samples()}


def test_logins(scraped, route):
    """A failed login is counted by reason; a session that did not get that far changes nothing."""
    for authenticated, fault in ((True, None), (False, REJECTED), (None, NOT_ARRIVED)):
        login = Login(account=route.sender.account, authenticated=authenticated, fault=fault)
        scraped.metrics.account_used(login)
    assert scraped.value("account_authenticated", **ACCOUNT) == 0
    failures = "account_authentication_failures_total"
    assert scraped.value(failures, **ACCOUNT, reason="authentication_rejected") == 1
    assert len([name for name, _ in scraped.samples() if name == f"mailsonar_{failures}"]) == 1


def test_looks(scraped, route):
    """Looks are counted by result, and a failed one leaves what the last listing said."""
    fault = Fault(leg=Leg.RETRIEVAL, stage=Stage.CONNECT, reason=Reason.TIMEOUT)
    kept = Fault(leg=Leg.RETRIEVAL, stage=Stage.DELETE, reason=Reason.REJECTED)
    listed = {"messages": 3, "octets": 4096, "listed_wall": WALL}
    scraped.metrics.maildrop_looked(Look(maildrop=route.maildrop, cleanup_fault=kept, **listed))
    scraped.metrics.maildrop_looked(Look(maildrop=route.maildrop, fault=fault))
    assert scraped.value("maildrop_polls_total", maildrop="acme-in", result="ok") == 1
    assert scraped.value("maildrop_polls_total", maildrop="acme-in", result="timeout") == 1
    assert scraped.value("maildrop_messages", maildrop="acme-in") == 3
    assert scraped.value("maildrop_bytes", maildrop="acme-in") == 4096
    assert scraped.value("maildrop_last_listed_timestamp_seconds", maildrop="acme-in") == WALL
    assert scraped.value("maildrop_cleanup_failures_total", maildrop="acme-in", reason="rejected") == 1


def test_agent_health(scraped):
    """The agent tells of its own lags, restarts and config; a rejected config keeps the time of the last good one."""
    scraped.metrics.schedule_lagged(0.2)
    scraped.metrics.loop_lagged(0.002)
    scraped.metrics.task_restarted("maildrop")
    scraped.metrics.config_reloaded(successful=True)
    scraped.clock.now = 60.0
    scraped.metrics.config_reloaded(successful=False)
    assert scraped.value("schedule_lag_seconds_bucket", le="0.1") == 0
    assert scraped.value("schedule_lag_seconds_bucket", le="0.25") == 1
    assert scraped.value("event_loop_lag_seconds_count") == 1
    assert scraped.value("task_restarts_total", task="maildrop") == 1
    assert scraped.value("journal_write_failures_total") == 0
    assert scraped.value("config_last_reload_successful") == 0
    assert scraped.value("config_last_reload_success_timestamp_seconds") == WALL
    names = {name for name, _ in scraped.samples()}
    assert {"mailsonar_build_info", "process_open_fds", "python_info", "python_gc_collections_total"} <= names


def test_exemplar_names_the_token(scraped, route):
    """In OpenMetrics a bucket tells the token of the last attempt that fell into it."""
    attempt = make_attempt(route, token="cafe0001")
    scraped.metrics.attempt_started(attempt)
    scraped.metrics.attempt_ended(on_time(attempt))
    text = scraped.text("application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in parse_openmetrics(text)}
    exemplars = {
        sample.labels["le"]: sample.exemplar.labels
        for sample in families["mailsonar_probe_round_trip_seconds"].samples
        if sample.exemplar
    }
    assert exemplars == {"2.5": {"token": "cafe0001"}}


@pytest.mark.parametrize(
    ("accept", "parse"), [("", parse_text), ("application/openmetrics-text; version=1.0.0", parse_openmetrics)]
)
def test_hostile_label_values_do_not_void_the_scrape(accept, parse):
    """A label value comes out as it went in, whatever it holds, and the text stays valid in both formats."""
    scraped = Scraped(make_route(HOSTILE, (("customer", HOSTILE),)), labels=["customer"])
    attempt = make_attempt(scraped.routes[0])
    scraped.metrics.attempt_started(attempt)
    scraped.metrics.attempt_ended(on_time(attempt, stages=all_stages()))
    scraped.metrics.config_reloaded(successful=True)
    families = {family.name: family for family in parse(scraped.text(accept))}
    (sample,) = families["mailsonar_probe_success"].samples
    assert sample.labels == {"route": HOSTILE, "customer": HOSTILE}
    assert sum(len(f.samples) for f in families.values() if f.name.startswith("mailsonar_")) > 80


def test_families_are_declared_once_under_valid_names():
    """Counters end in _total and nothing else does; every name is unique, has our prefix, and has its help."""
    assert len({family.name for family in FAMILIES}) == len(FAMILIES) > 40
    for family in FAMILIES:
        assert family.name.startswith("mailsonar_")
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert family.help.endswith(".")
