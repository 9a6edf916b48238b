"""Faults while the agent runs: each names leg, stage and reason, touches no other route, and goes with its cause."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tests.support.agent_process import AgentProcess
from tests.support.authority import Authority
from tests.support.command_line import assert_no_bug_shows
from tests.support.config_text import RouteText, write_config
from tests.support.mailhost import MailHost
from tests.support.ports import PortReservation
from tests.support.scrape import Scrape

SETTINGS = {"interval": "1s", "deadline": "3s", "give_up": "6s"}
GOOD = ("good-starttls", "good-implicit")


def faults_of(scrape: Scrape) -> dict[str, str]:
    """Return the standing fault of each route that has one."""
    samples = list(scrape.matching("mailsonar_probe_fault"))
    assert {sample.value for sample in samples} <= {1.0}
    faults = {one.labels["route"]: "{leg}/{stage}/{reason}".format(**one.labels) for one in samples}
    assert len(faults) == len(samples), "two faults stand on one route"
    return faults


def successes_of(scrape: Scrape) -> dict[str, float]:
    """Return the verdict of each route that has one."""
    return {one.labels["route"]: one.value for one in scrape.matching("mailsonar_probe_success")}


async def test_faults_stay_on_their_routes_and_end_with_their_cause(
    mail_host: MailHost, positions: Iterator[int], tmp_path: Path
) -> None:
    """Six routes are broken in six ways and two are green; a stopped Postfix breaks those, a started one heals them."""
    wrong = tmp_path / "wrong-password"
    wrong.write_text("not the password\n")
    wrong_password: dict[str, Any] = {"password": {"file": str(wrong)}}
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    untrusting: dict[str, Any] = {"tls": {"ca_file": str(Authority(stranger).ca_file)}}
    with PortReservation() as reservation:
        closed: dict[str, Any] = {"port": reservation.reserve()}
        broken = {
            "smtp-password": ({"smtp_keys": wrong_password}, "submission/authenticate/authentication_rejected"),
            "pop3-password": ({"pop3_keys": wrong_password}, "retrieval/authenticate/authentication_rejected"),
            "smtp-closed": ({"smtp_keys": closed}, "submission/connect/connection_refused"),
            "pop3-closed": ({"pop3_keys": closed}, "retrieval/connect/connection_refused"),
            "smtp-untrusted": ({"smtp_keys": untrusting}, "submission/tls_handshake/certificate_untrusted"),
            "pop3-untrusted": ({"pop3_keys": untrusting}, "retrieval/tls_handshake/certificate_untrusted"),
        }
        kinds: dict[str, dict[str, Any]] = {
            GOOD[0]: {},
            GOOD[1]: {"smtp_security": "implicit_tls", "pop3_security": "implicit_tls"},
            **{name: keys for name, (keys, _) in broken.items()},
        }
        routes = [
            RouteText(name=name, sender=next(positions), maildrop=next(positions), settings=SETTINGS, **keys)
            for name, keys in kinds.items()
        ]
        expected = {name: fault for name, (_, fault) in broken.items()}
        green = dict.fromkeys(GOOD, 1.0)
        async with AgentProcess(write_config(mail_host, routes, tmp_path), tmp_path) as agent:
            scrape = await agent.until(
                lambda one: faults_of(one) == expected and successes_of(one).keys() == kinds.keys(), 20, "six faults"
            )
            assert successes_of(scrape) == green | dict.fromkeys(broken, 0.0)
            mail_host.stop_postfix()
            try:
                refused = {name: "submission/connect/connection_refused" for name in GOOD}
                scrape = await agent.until(
                    lambda one: {name: faults_of(one).get(name) for name in GOOD} == refused, 10, "red"
                )
                assert [successes_of(scrape)[name] for name in GOOD] == [0.0, 0.0]
            finally:
                mail_host.start_postfix()
            scrape = await agent.until(lambda one: green.items() <= successes_of(one).items(), 15, "green again")
            assert faults_of(scrape).keys().isdisjoint(GOOD)
            for name in kinds:
                counted = scrape.total("mailsonar_probes_total", route=name)
                pending = scrape.total("mailsonar_probes_pending", route=name)
                assert scrape.value("mailsonar_probes_started_total", route=name) == counted + pending
            await agent.stop()
        assert_no_bug_shows(agent.stderr)
    failures = {
        one.labels["account"]: one.labels["reason"]
        for one in scrape.matching("mailsonar_account_authentication_failures_total")
        if one.value
    }
    assert failures == {
        mail_host.users[routes[2].sender].address: "authentication_rejected",
        mail_host.users[routes[3].maildrop].address: "authentication_rejected",
    }
    assert scrape.total("mailsonar_probe_faults_total", reason="internal") == 0


async def test_a_message_that_stays_away_is_red_at_the_deadline(
    mail_host: MailHost, positions: Iterator[int], tmp_path: Path
) -> None:
    """A late message is red from its deadline on, and late when it comes: never lost, and no second verdict."""
    sender, maildrop = islice(positions, 2)
    settings = {"interval": "24h", "deadline": "1s", "give_up": "20s"}
    route = RouteText(name="slow", sender=sender, maildrop=maildrop, settings=settings)
    config = write_config(mail_host, [route], tmp_path)
    mail_host.delay_deliveries(3.0, 3.1)
    try:
        async with AgentProcess(config, tmp_path, ["--web.enable-lifecycle"]) as agent:
            await agent.post("/api/v1/routes/slow/probe")
            scrape = await agent.until(lambda one: successes_of(one) == {"slow": 0.0}, 5, "the verdict")
            assert faults_of(scrape) == {"slow": "transit/arrival/not_arrived"}
            assert scrape.value("mailsonar_probes_pending", route="slow") == 1
            scrape = await agent.until(lambda one: one.total("mailsonar_probes_pending") == 0, 10, "the outcome")
            await agent.stop()
    finally:
        mail_host.delay_deliveries(0.0, 0.0)
    assert scrape.value("mailsonar_probes_total", route="slow", outcome="late") == 1
    assert successes_of(scrape) == {"slow": 0.0}
    assert faults_of(scrape) == {"slow": "transit/arrival/not_arrived"}
    assert scrape.value("mailsonar_probe_round_trip_seconds_count", route="slow") == 1
    assert 3.0 <= (scrape.value("mailsonar_probe_last_round_trip_seconds", route="slow") or 0) < 6.0
