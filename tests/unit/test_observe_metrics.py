"""What a scrape shows after what observers were told."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from tests.support.observed import (
    NOT_ARRIVED,
    REJECTED,
    WALL,
    HandClock,
    all_stages,
    failed,
    make_attempt,
    make_route,
    on_time,
)

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.observer import Login, Look
from mailsonar.model.result import Outcome, TlsFacts
from mailsonar.model.stage import Leg, Stage, StageTiming
from mailsonar.observe.families import FAMILIES
from mailsonar.observe.metrics import Metrics

SMTP = {"server": "smtp.acme.example:587", "protocol": "smtp"}
ACCOUNT = {**SMTP, "account": "probe@acme.example"}
HOSTILE = 'a\\b"c\nd\u2028e\x1b[31m'


class Scraped:
    """Metrics on a registry of their own, with one route, and what a scrape shows of them."""

    def __init__(self, *routes, labels=()):
        self.clock = HandClock()
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry, self.clock)
        self.routes = routes or (make_route(),)
        self.metrics.set_routes(self.routes, labels)

    def value(self, name, /, **labels):
        return self.registry.get_sample_value(f"mailsonar_{name}", labels)

    def of_route(self, name, /, **labels):
        return self.value(name, route=self.routes[0].name, **labels)

    def samples(self, **labels):
        """Return (name, labels) of our samples that have all these labels."""
        found = [sample for family in self.registry.collect() for sample in family.samples]
        return [(s.name, s.labels) for s in found if labels.items() <= s.labels.items()]

    def text(self, accept=""):
        render, _ = choose_encoder(accept)
        return render(self.registry).decode()


@pytest.fixture
def scraped():
    """Give metrics with one route."""
    return Scraped()


@pytest.fixture
def route(scraped):
    """Give the one route."""
    return scraped.routes[0]


def test_first_scrape_has_counters_and_no_verdict(scraped):
    """Before the first attempt every outcome counts 0, and what is not known is absent rather than 0."""
    outcomes = {labels["outcome"] for name, labels in scraped.samples() if name == "mailsonar_probes_total"}
    assert outcomes == {str(outcome) for outcome in Outcome} - {"pending"}
    assert scraped.of_route("probes_total", outcome="lost") == 0
    assert scraped.of_route("probes_started_total") == 0
    assert scraped.of_route("probes_pending") == 0
    assert scraped.of_route("probe_duplicates_total") == 0
    assert scraped.of_route("probe_consecutive_failures") == 0
    assert scraped.of_route("probe_round_trip_seconds_count") == 0
    names = {name for name, _ in scraped.samples(route="acme-internal")}
    absent = ("success", "fault", "faults_total", "last_round_trip_seconds", "last_stage_seconds")
    assert names.isdisjoint({f"mailsonar_probe_{name}" for name in absent})
    assert names.isdisjoint({f"mailsonar_probe_last_{what}_timestamp_seconds" for what in ("start", "success")})


def test_config_shows_before_the_first_attempt(scraped):
    """Deadline, interval, parts and servers of a route are known from the config alone."""
    assert scraped.of_route("probe_deadline_seconds") == 120
    assert scraped.of_route("probe_interval_seconds") == 60
    parts = {"sender": "acme-out", "maildrop": "acme-in", "provider": ""}
    servers = {"submission_server": "smtp.acme.example:587", "retrieval_server": "pop.acme.example:110"}
    assert scraped.of_route("route_info", **parts, **servers) == 1
    assert scraped.of_route("route_server_info", leg="submission", **ACCOUNT) == 1
    pop3 = ACCOUNT | {"server": "pop.acme.example:110", "protocol": "pop3"}
    assert scraped.of_route("route_server_info", leg="retrieval", **pop3) == 1
    assert scraped.value("account_held_back", **ACCOUNT) == 0
    assert scraped.value("maildrop_polls_total", maildrop="acme-in", result="ok") == 0


def test_on_time(scraped, route):
    """A message in time is a success with a round trip, an error, stages and no fault."""
    attempt = make_attempt(route, started=5.0)
    scraped.metrics.attempt_started(attempt)
    assert scraped.of_route("probes_pending") == 1
    scraped.clock.now = 7.0
    scraped.metrics.attempt_ended(on_time(attempt, stages=all_stages()))
    assert scraped.of_route("probe_success") == 1
    assert scraped.of_route("probes_pending") == 0
    assert scraped.of_route("probes_total", outcome="on_time") == 1
    assert scraped.of_route("probe_last_round_trip_seconds") == 1.84
    assert scraped.of_route("probe_last_round_trip_error_seconds") == 0.31
    assert scraped.of_route("probe_round_trip_seconds_sum") == 1.84
    assert scraped.of_route("probe_last_stage_seconds", leg="submission", stage="data") == 0.05
    assert scraped.of_route("probe_last_start_timestamp_seconds") == WALL + 5
    assert scraped.of_route("probe_last_success_timestamp_seconds") == WALL + 7
    assert not [name for name, _ in scraped.samples() if "fault" in name]


def test_late(scraped, route):
    """A late message failed at its deadline, keeps that fault, and its round trip is counted all the same."""
    attempt = make_attempt(route)
    fault = {"leg": "transit", "stage": "arrival", "reason": "not_arrived"}
    scraped.metrics.attempt_started(attempt)
    scraped.metrics.verdict_fell(failed(attempt, Outcome.PENDING, NOT_ARRIVED))
    assert scraped.of_route("probe_success") == 0
    assert scraped.of_route("probe_fault", **fault) == 1
    assert scraped.of_route("probes_pending") == 1
    assert scraped.of_route("probe_faults_total", **fault) is None
    scraped.metrics.attempt_ended(failed(attempt, Outcome.LATE, NOT_ARRIVED, round_trip_seconds=184.0))
    assert scraped.of_route("probe_fault", **fault) == 1
    assert scraped.of_route("probe_faults_total", **fault) == 1
    assert scraped.of_route("probe_consecutive_failures") == 1
    assert scraped.of_route("probe_round_trip_seconds_bucket", le="120.0") == 0
    assert scraped.of_route("probe_round_trip_seconds_bucket", le="600.0") == 1


@pytest.mark.parametrize("outcome", [o for o in Outcome if o not in {Outcome.ON_TIME, Outcome.LATE, Outcome.PENDING}])
def test_what_was_not_seen_stays_out_of_the_histogram(scraped, route, outcome):
    """A timeout is never observed as a latency."""
    attempt = make_attempt(route)
    scraped.metrics.attempt_started(attempt)
    scraped.metrics.attempt_ended(failed(attempt, outcome))
    assert scraped.of_route("probes_total", outcome=str(outcome)) == 1
    assert scraped.of_route("probe_round_trip_seconds_count") == 0
    assert scraped.of_route("probe_last_round_trip_seconds") is None


def test_arrival_on_a_blocked_route_stays_out_of_the_histogram(scraped, route):
    """A message that should have been blocked says nothing about latency."""
    attempt = make_attempt(route)
    fault = Fault(leg=Leg.TRANSIT, stage=Stage.ARRIVAL, reason=Reason.NOT_BLOCKED)
    scraped.metrics.attempt_started(attempt)
    scraped.metrics.attempt_ended(on_time(attempt, success=False, fault=fault))
    assert scraped.of_route("probe_success") == 0
    assert scraped.of_route("probe_round_trip_seconds_count") == 0


def test_fault_goes_with_the_verdict_that_gave_it(scraped, route):
    """A success takes the standing fault away; its count stays."""
    first, second = make_attempt(route, 0.0), make_attempt(route, 60.0)
    for attempt, result in ((first, failed(first)), (second, on_time(second))):
        scraped.metrics.attempt_started(attempt)
        scraped.metrics.attempt_ended(result)
    assert "mailsonar_probe_fault" not in {name for name, _ in scraped.samples()}
    fault = {"leg": "submission", "stage": "authenticate", "reason": "authentication_rejected"}
    assert scraped.of_route("probe_faults_total", **fault) == 1
    assert scraped.of_route("probe_consecutive_failures") == 0


def test_older_verdict_never_overwrites_a_newer_one(scraped, route):
    """With attempts that overlap, the one that was started last has the say, whoever ends last."""
    old, new = make_attempt(route, 0.0), make_attempt(route, 60.0)
    scraped.metrics.attempt_started(old)
    scraped.metrics.attempt_started(new)
    scraped.metrics.attempt_ended(failed(new, stages=(StageTiming(leg=Leg.SUBMISSION, stage=Stage.HELLO, seconds=9),)))
    scraped.metrics.attempt_ended(on_time(old, stages=all_stages()))
    assert scraped.of_route("probe_success") == 0
    assert scraped.of_route("probe_consecutive_failures") == 1
    assert scraped.of_route("probe_last_stage_seconds", leg="submission", stage="hello") == 9
    assert scraped.of_route("probe_last_stage_seconds", leg="submission", stage="data") is None
    assert scraped.of_route("probes_total", outcome="on_time") == 1


def test_older_success_shortens_the_run_of_failures(scraped, route):
    """Consecutive failures are counted in the order of starts: those older than a success do not count."""
    attempts = [make_attempt(route, start) for start in (0.0, 60.0, 120.0, 180.0)]
    for attempt in attempts:
        scraped.metrics.attempt_started(attempt)
    scraped.metrics.attempt_ended(failed(attempts[0]))
    scraped.metrics.attempt_ended(failed(attempts[2]))
    scraped.metrics.attempt_ended(failed(attempts[3]))
    assert scraped.of_route("probe_consecutive_failures") == 3
    scraped.metrics.attempt_ended(on_time(attempts[1]))
    assert scraped.of_route("probe_consecutive_failures") == 2


def test_an_attempt_counts_once(scraped, route):
    """An attempt that is reported as ended twice, or was never started, cannot break the balance."""
    attempt = make_attempt(route)
    scraped.metrics.attempt_ended(on_time(attempt))
    assert scraped.of_route("probes_total", outcome="on_time") == 0
    scraped.metrics.attempt_started(attempt)
    scraped.metrics.attempt_ended(on_time(attempt))
    scraped.metrics.attempt_ended(failed(attempt))
    assert scraped.of_route("probes_total", outcome="failed") == 0
    assert scraped.of_route("probe_success") == 1


def test_a_stage_that_ran_twice_is_one_series(scraped, route):
    """Two samples of one series would void the whole scrape."""
    attempt = make_attempt(route)
    hello = StageTiming(leg=Leg.SUBMISSION, stage=Stage.HELLO, seconds=0.25)
    scraped.metrics.attempt_started(attempt)
    scraped.metrics.attempt_ended(on_time(attempt, stages=(hello, hello)))
    assert scraped.of_route("probe_last_stage_seconds", leg="submission", stage="hello") == 0.5
    assert len([name for name, _ in scraped.samples(stage="hello")]) == 1


def test_duplicates(scraped, route):
    """A further copy is counted, and is no second success."""
    scraped.metrics.duplicate_seen(make_attempt(route))
    assert scraped.of_route("probe_duplicates_total") == 1
    assert scraped.of_route("probe_success") is None


def test_plain_route_stays_within_sixty_series(scraped, route):
    """A healthy route with STARTTLS on both legs, and one fault in its past, has at most 60 series."""
    first, second = make_attempt(route, 0.0), make_attempt(route, 60.0)
    for attempt, result in ((first, failed(first)), (second, on_time(second, stages=all_stages()))):
        scraped.metrics.attempt_started(attempt)
        scraped.metrics.attempt_ended(result)
    assert 50 < len(scraped.samples(route="acme-internal")) <= 60


def test_removed_route_takes_its_series_with_it(scraped, route):
    """Of a route that left the config no series is left, nor of its server, account and maildrop; late news is lost."""
    attempt = make_attempt(route)
    scraped.metrics.attempt_started(attempt)
    scraped.metrics.account_used(Login(account=route.sender.account, authenticated=True))
    scraped.metrics.set_routes([], [])
    scraped.metrics.attempt_ended(on_time(attempt))
    scraped.metrics.verdict_fell(failed(attempt, Outcome.PENDING))
    scraped.metrics.duplicate_seen(attempt)
    scraped.metrics.maildrop_looked(Look(maildrop=route.maildrop))
    scraped.metrics.account_used(Login(account=route.sender.account, authenticated=True))
    assert not [labels for _, labels in scraped.samples() if labels.keys() & {"route", "server", "maildrop"}]


def test_route_that_stays_keeps_its_numbers(scraped, route):
    """A reload that changes a route's interval and labels keeps its counts."""
    attempt = make_attempt(route)
    scraped.metrics.attempt_started(attempt)
    changed = make_route(labels=(("customer", "acme"),), interval_seconds=300.0)
    scraped.metrics.set_routes([changed, make_route("other", (("customer", ""),))], ["customer"])
    scraped.metrics.attempt_ended(on_time(attempt))
    assert scraped.of_route("probes_total", outcome="on_time", customer="acme") == 1
    assert scraped.of_route("probe_interval_seconds", customer="acme") == 300
    assert scraped.value("probes_started_total", route="other", customer="") == 0


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
        assert family.empty(["customer"]).name == family.name.removesuffix("_total")


def test_two_metrics_cannot_share_a_registry(scraped):
    """Two writers of one series are refused at the start, not at the first scrape."""
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        Metrics(scraped.registry, scraped.clock)
