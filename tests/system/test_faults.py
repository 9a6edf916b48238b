"""Faults while the agent runs: each names leg, stage and reason, touches no other route, and goes with its cause."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from tests.support.agent_process import AgentProcess
from tests.support.authority import Authority
from tests.support.command_line import assert_no_bug_shows
from tests.support.config_text import RouteText, write_config
from tests.support.mailhost import MailHost
from tests.support.ports import PortReservation
from tests.support.verdicts import faults_of, successes_of

pytestmark = [pytest.mark.needs_calm, pytest.mark.takes_seconds(25)]

SETTINGS = {"interval": "1s", "deadline": "3s", "give_up": "6s"}
GOOD = ("good-starttls", "good-implicit")


def broken_routes(positions: Iterator[int], folder: Path, closed_port: int) -> tuple[list[RouteText], dict[str, str]]:
    """Return six routes, each broken in its own way, and the fault that each must show."""
    wrong = folder / "wrong-password"
    wrong.write_text("not the password\n")
    stranger = folder / "stranger"
    stranger.mkdir()
    causes: dict[str, tuple[dict[str, Any], str]] = {
        "password": ({"password": {"file": str(wrong)}}, "authenticate/authentication_rejected"),
        "closed": ({"port": closed_port}, "connect/connection_refused"),
        "untrusted": ({"tls": {"ca_file": str(Authority(stranger).ca_file)}}, "tls_handshake/certificate_untrusted"),
    }
    routes, faults = [], {}
    for cause, (keys, fault) in causes.items():
        for protocol, leg in (("smtp", "submission"), ("pop3", "retrieval")):
            broken: dict[str, Any] = {f"{protocol}_keys": keys}
            routes.append(route(positions, f"{protocol}-{cause}", **broken))
            faults[f"{protocol}-{cause}"] = f"{leg}/{fault}"
    return routes, faults


def route(positions: Iterator[int], name: str, **keys: Any) -> RouteText:
    """Return a route between two users of its own."""
    return RouteText(name=name, sender=next(positions), maildrop=next(positions), settings=SETTINGS, **keys)


async def test_faults_stay_on_their_routes_and_end_with_their_cause(
    mail_host: MailHost, positions: Iterator[int], tmp_path: Path
) -> None:
    """Six routes are broken in six ways and two are green; a stopped Postfix breaks those, a started one heals them."""
    with PortReservation() as reservation:
        broken, expected = broken_routes(positions, tmp_path, reservation.reserve())
        good = [
            route(positions, GOOD[0]),
            route(positions, GOOD[1], smtp_security="implicit_tls", pop3_security="implicit_tls"),
        ]
        green = dict.fromkeys(GOOD, 1.0)
        verdicts = green | dict.fromkeys(expected, 0.0)
        async with AgentProcess(write_config(mail_host, [*good, *broken], tmp_path), tmp_path) as agent:
            await agent.until(
                lambda one: (faults_of(one), successes_of(one)) == (expected, verdicts), 20, "six faults, two successes"
            )
            mail_host.stop_postfix()
            try:
                refused = dict.fromkeys(GOOD, "submission/connect/connection_refused")
                scrape = await agent.until(lambda one: refused.items() <= faults_of(one).items(), 10, "red")
                assert [successes_of(scrape)[name] for name in GOOD] == [0.0, 0.0]
            finally:
                mail_host.start_postfix()
            scrape = await agent.until(
                lambda one: (faults_of(one), successes_of(one)) == (expected, verdicts), 20, "the state of before"
            )
            await agent.stop()
        assert_no_bug_shows(agent.stderr)
    for name in verdicts:
        accounted = [scrape.total(f"mailsonar_probes_{what}", route=name) for what in ("total", "pending")]
        assert scrape.value("mailsonar_probes_started_total", route=name) == sum(accounted)
    assert scrape.total("mailsonar_probe_faults_total", reason="internal") == 0


async def test_a_refused_password_is_not_hammered_and_a_new_one_is_used(
    mail_host: MailHost, positions: Iterator[int], tmp_path: Path
) -> None:
    """One login with a wrong password is all, until the secret's file changes: then the routes are green at once."""
    routes, passwords = [], {}
    for protocol in ("smtp", "pop3"):
        file = tmp_path / f"{protocol}-password"
        file.write_text("not the password")
        keys: dict[str, Any] = {f"{protocol}_keys": {"password": {"file": str(file)}}}
        routes.append(route(positions, protocol, **keys))
        user = mail_host.users[routes[-1].sender if protocol == "smtp" else routes[-1].maildrop]
        passwords[file] = user
    async with AgentProcess(write_config(mail_host, routes, tmp_path), tmp_path) as agent:
        scrape = await agent.until(
            lambda one: all((one.value("mailsonar_probes_started_total", route=name) or 0) >= 4
                            for name in ("smtp", "pop3")) and successes_of(one) == {"smtp": 0.0, "pop3": 0.0}, 20
        )  # fmt: skip
        for user in passwords.values():
            failures = list(scrape.matching("mailsonar_account_authentication_failures_total", account=user.address))
            assert {one.labels["reason"]: one.value for one in failures if one.value} == {
                "authentication_rejected": 1.0
            }
            assert scrape.value("mailsonar_account_held_back", account=user.address) == 1.0
        for file, user in passwords.items():
            file.write_text(user.password)
        scrape = await agent.until(lambda one: successes_of(one) == {"smtp": 1.0, "pop3": 1.0}, 15, "green")
        await agent.stop()
    assert faults_of(scrape) == {}
    for user in passwords.values():
        assert scrape.value("mailsonar_account_held_back", account=user.address) == 0.0


async def test_a_message_that_stays_away_is_red_at_the_deadline(
    mail_host: MailHost, positions: Iterator[int], tmp_path: Path
) -> None:
    """A late message is red from its deadline on, and late when it comes: never lost, and no second verdict."""
    sender, maildrop = islice(positions, 2)
    settings = {"interval": "24h", "deadline": "2s", "give_up": "20s"}
    route = RouteText(name="slow", sender=sender, maildrop=maildrop, settings=settings)
    config = write_config(mail_host, [route], tmp_path)
    mail_host.delay_deliveries(4.0, 4.1)
    try:
        async with AgentProcess(config, tmp_path, ["--web.enable-lifecycle"]) as agent:
            await agent.post("/api/v1/routes/slow/probe")
            scrape = await agent.until(lambda one: successes_of(one) == {"slow": 0.0}, 10, "the verdict")
            assert faults_of(scrape) == {"slow": "transit/arrival/not_arrived"}
            assert scrape.value("mailsonar_probes_pending", route="slow") == 1
            scrape = await agent.until(lambda one: one.total("mailsonar_probes_pending") == 0, 20, "the outcome")
            await agent.stop()
    finally:
        mail_host.delay_deliveries(0.0, 0.0)
    assert scrape.value("mailsonar_probes_total", route="slow", outcome="late") == 1
    assert successes_of(scrape) == {"slow": 0.0}
    assert faults_of(scrape) == {"slow": "transit/arrival/not_arrived"}
    assert scrape.value("mailsonar_probe_round_trip_seconds_count", route="slow") == 1
    assert 4.0 <= (scrape.value("mailsonar_probe_last_round_trip_seconds", route="slow") or 0) < 8.0
