"""What a scrape shows of a route after what observers were told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.observed import (
    NOT_ARRIVED,
    WALL,
    all_stages,
    failed,
    make_account,
    make_attempt,
    make_route,
    on_time,
    told,
)
from tests.support.scraped import Scraped

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.limits import Provider
from mailsonar.model.oauth2 import ClientCredentials, ClientSecret, OAuth2, TokenNews, TokenResult
from mailsonar.model.observer import Login, Look
from mailsonar.model.result import Outcome
from mailsonar.model.route import Sender
from mailsonar.model.server import Protocol, Secret, TokenCredentials
from mailsonar.model.stage import Leg, Stage, StageTiming

SMTP = {"server": "smtp.acme.example:587", "protocol": "smtp"}
ACCOUNT = {**SMTP, "account": "probe@acme.example"}


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


def of_provider(account, provider):
    """Return the account at a server of a provider's."""
    return replace(account, server=replace(account.server, provider=provider))


@pytest.mark.parametrize(
    ("submission", "retrieval", "shown"),
    [
        (Provider.GOOGLE, Provider.OVH, "ovh"),
        (Provider.GOOGLE, None, "google"),
        (None, Provider.MICROSOFT365, "microsoft365"),
        (None, None, ""),
    ],
)
def test_provider_is_the_maildrops_else_the_senders(submission, retrieval, shown):
    """An outage of a provider shows on the routes that end there, or that start there and end with nobody known."""
    route = make_route()
    sender = replace(route.sender, account=of_provider(route.sender.account, submission))
    maildrop = replace(route.maildrop, account=of_provider(route.maildrop.account, retrieval))
    scraped = Scraped(replace(route, sender=sender, maildrop=maildrop))
    (labels,) = [labels for name, labels in scraped.samples() if name == "mailsonar_route_info"]
    assert labels["provider"] == shown


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
    """An attempt that is reported twice, or ends without a start, cannot break the balance."""
    attempt = make_attempt(route)
    scraped.metrics.attempt_ended(on_time(attempt))
    assert scraped.of_route("probes_total", outcome="on_time") == 0
    scraped.metrics.attempt_started(attempt)
    scraped.metrics.attempt_started(attempt)
    scraped.metrics.attempt_ended(on_time(attempt))
    scraped.metrics.attempt_ended(failed(attempt))
    assert scraped.of_route("probes_started_total") == 1
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


def run(scraped, *results):
    """Tell of attempts that start and end one after another."""
    for result in results:
        scraped.metrics.attempt_started(result.attempt)
        scraped.metrics.attempt_ended(result)


def verdicts(scraped):
    """Return the verdicts that a scrape shows."""
    return {(s["method"], s["result"]) for name, s in scraped.samples() if name == "mailsonar_probe_sender_verdict"}


def test_sender_verdicts_are_those_of_the_last_message(scraped, route):
    """What the last message told replaces all that those before it told; what was not seen tells nothing."""
    run(scraped, on_time(make_attempt(route, 0.0), provenance=told("pass none fail")))
    assert scraped.of_route("probe_sender_verdict", method="spf", result="pass") == 1
    assert verdicts(scraped) == {("spf", "pass"), ("dkim", "none"), ("dmarc", "fail")}
    run(
        scraped,
        on_time(make_attempt(route, 60.0), provenance=told("softfail unknown")),
        failed(make_attempt(route, 90.0)),
    )
    assert verdicts(scraped) == {("spf", "softfail"), ("dkim", "unknown")}
    run(scraped, on_time(make_attempt(route, 120.0)))
    assert verdicts(scraped) == set()


def test_hops_show_where_the_route_asks_for_them():
    """With `hops` the first ten hops are series; the first of all has no time, and skew is shown as it is."""
    plain, asked = make_route("plain"), make_route("asked", hops=True)
    scraped = Scraped(plain, asked)
    run(scraped, *(on_time(make_attempt(route, token=route.name), provenance=told(hops=3)) for route in (plain, asked)))
    assert {name for name, _ in scraped.samples(route="plain")}.isdisjoint({"mailsonar_probe_hop_seconds"})
    shown = [scraped.value("probe_hop_seconds", route="asked", hop=str(number)) for number in range(1, 4)]
    assert shown == [None, 2.0, -98.0]
    run(scraped, on_time(make_attempt(asked, 60.0), provenance=told(hops=30)))
    hops = [labels["hop"] for name, labels in scraped.samples(route="asked") if name == "mailsonar_probe_hop_seconds"]
    assert hops == [str(number) for number in range(2, 11)]


@pytest.mark.parametrize("first", [True, False])
def test_verdict_that_turns_turns_the_run_of_failures(scraped, route, first):
    """What was blocked at the deadline may come late, and what could not be seen may turn out well."""
    attempt = make_attempt(route)
    scraped.metrics.attempt_started(attempt)
    at_deadline = failed(attempt, Outcome.PENDING, NOT_ARRIVED)
    scraped.metrics.verdict_fell(replace(at_deadline, success=first, fault=None if first else NOT_ARRIVED))
    assert scraped.of_route("probe_consecutive_failures") == 1 - first
    end = failed(attempt, Outcome.LATE, NOT_ARRIVED) if first else on_time(attempt)
    scraped.metrics.attempt_ended(end)
    assert scraped.of_route("probe_success") == 1 - first
    assert scraped.of_route("probe_consecutive_failures") == first


def test_access_tokens_of_the_accounts_that_have_them():
    """Each result counts from the first scrape; the end is shown once it is known, and goes with the account."""
    oauth2 = OAuth2(
        token_endpoint="https://login.example/token",
        grant=ClientCredentials(client_id="probe", proof=ClientSecret(secret=Secret("test", lambda: "never shown"))),
    )
    smtp = make_account(Protocol.SMTP, "smtp.acme.example")
    with_token = replace(smtp, credentials=TokenCredentials(username="token@acme.example", oauth2=oauth2))
    route = make_route(sender=Sender(name="out", address="token@acme.example", account=with_token))
    scraped = Scraped(route)
    mine = {"account": "token@acme.example"}
    assert [scraped.value("oauth_refreshes_total", result=one, **mine) for one in TokenResult] == [0, 0, 0]
    assert scraped.value("oauth_token_expiry_timestamp_seconds", **mine) is None
    scraped.metrics.token_changed(TokenNews(username=mine["account"], result=TokenResult.OK, expires_wall=WALL))
    scraped.metrics.token_changed(TokenNews(username=mine["account"], result=TokenResult.REFUSED, expires_wall=WALL))
    scraped.metrics.token_changed(TokenNews(username=mine["account"], expires_wall=WALL + 60))
    scraped.metrics.token_changed(TokenNews(username="another@acme.example", result=TokenResult.OK))
    assert [scraped.value("oauth_refreshes_total", result=one, **mine) for one in TokenResult] == [1, 1, 0]
    assert scraped.value("oauth_token_expiry_timestamp_seconds", **mine) == WALL + 60
    assert not [labels for name, labels in scraped.samples(account="another@acme.example") if "oauth" in name]
    assert not [labels for name, labels in scraped.samples(account="probe@acme.example") if "oauth" in name]
    scraped.metrics.set_routes([], [])
    assert not scraped.samples(**mine)
