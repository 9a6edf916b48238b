"""`mailsonar check` against real servers: what it prints, how it exits, and that its figures are true."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from tests.support.authority import Authority
from tests.support.command_line import Finished, mailsonar
from tests.support.config_text import RouteText, write_config
from tests.support.mailhost import MailHost
from tests.support.relay import Passage, relay

pytestmark = [pytest.mark.needs_calm, pytest.mark.takes_seconds(30)]

SETTINGS = {"deadline": "20s", "give_up": "40s"}
SLOW_SECONDS = 0.05
RECEIVED = ("resolve", "connect", "tls_handshake", "greeting", "hello", "starttls", "authenticate", "mail_from",
            "rcpt_to", "data")  # fmt: skip


def taken(result: dict[str, Any], leg: str, *stages: str) -> float:
    """Return the seconds that these stages of a leg took together; all of its stages if none is named."""
    timings = [one for one in result["stages"] if one["leg"] == leg]
    return float(sum(one["seconds"] for one in timings if not stages or one["stage"] in stages))


def near(told: float, measured: float) -> bool:
    """Tell whether a figure is the measured one within 2 % or 2 ms, whichever is more."""
    return abs(told - measured) <= max(0.002, 0.02 * measured)


def route(positions: Iterator[int], name: str, **keys: Any) -> RouteText:
    """Return a route between two users of its own."""
    sender, maildrop = islice(positions, 2)
    return RouteText(name=name, sender=sender, maildrop=maildrop, **{"settings": SETTINGS, **keys})


async def test_the_stages_of_each_leg_add_up_to_its_span(
    mail_host: MailHost, positions: Iterator[int], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """A relay's clock and the agent's agree on each leg, and the round trip is its submission and its transit.

    The relay holds each piece of the servers' speech back, so that 2 % of a leg are more than its own imprecision.
    """
    async with (
        relay(mail_host.ports.submission, SLOW_SECONDS) as smtp,
        relay(mail_host.ports.pop3, SLOW_SECONDS) as pop3,
    ):
        slow = route(
            positions,
            "slow",
            smtp_keys={"port": smtp.port, "ip_version": 4},
            pop3_keys={"port": pop3.port, "ip_version": 4},
        )
        finished = await mailsonar(
            "check", "--output", "json", "--config.file", write_config(mail_host, [slow], tmp_path)
        )
    assert finished.status == 0, finished.stderr
    (result,) = finished.json
    (submission,) = smtp.passages
    retrieval: Passage = pop3.passages[-1]
    figures = {
        "submission": (taken(result, "submission") - taken(result, "submission", "resolve"), submission.seconds),
        "retrieval": (taken(result, "retrieval") - taken(result, "retrieval", "resolve"), retrieval.seconds),
        "round trip": (
            taken(result, "submission", *RECEIVED) + result["transit_seconds"],
            result["round_trip_seconds"],
        ),
    }
    described = {
        name: f"{told * 1000:.2f} ms told, {true * 1000:.2f} ms measured" for name, (told, true) in figures.items()
    }
    record_property("stages", described)
    assert [name for name, (told, measured) in figures.items() if not near(told, measured)] == []
    replies = {"greeting": 1, "hello": 2, "starttls": 1, "mail_from": 1, "rcpt_to": 1, "data": 2, "quit": 1}
    quick = [stage for stage, count in replies.items() if taken(result, "submission", stage) < count * SLOW_SECONDS]
    assert quick == []
    assert submission.seconds > 10 * SLOW_SECONDS


async def test_the_three_outputs_and_the_thresholds(
    mail_host: MailHost, positions: Iterator[int], tmp_path: Path
) -> None:
    """A good route is 0 in each output; a round trip above a threshold is 1 or 2; a usage error is 3."""
    good = [route(positions, f"good-{number}") for number in range(5)]
    config = write_config(mail_host, good, tmp_path)
    text, nagios, warned, critical, unknown, misused = await asyncio.gather(
        mailsonar("check", "good-0", "--config.file", config),
        mailsonar("check", "good-1", "good-2", "--output", "nagios", "--warning", "30s", "--config.file", config),
        mailsonar("check", "good-3", "--output", "nagios", "--warning", "1ms", "--config.file", config),
        mailsonar("check", "good-4", "--warning", "1ms", "--critical", "2ms", "--config.file", config),
        mailsonar("check", "no-such-route", "--config.file", config),
        mailsonar("check", "--warning", "soon", "--config.file", config),
    )
    assert [one.status for one in (text, nagios, warned, critical)] == [0, 0, 1, 2]
    assert re.match(r"good-0 +OK +on_time: round trip \d+\.\d{3} s", text.stdout)
    assert "tls_handshake" in text.stdout
    assert "good-0: transit/arrival" in text.stderr
    assert re.match(
        r"MAILSONAR OK - 2 of 2 routes on time \| "
        r"'good-1'=\d+\.\d{3}s;30;;0 'good-2'=\d+\.\d{3}s;30;;0\ngood-1: on_time",
        nagios.stdout,
    )
    assert warned.stdout.startswith("MAILSONAR WARNING - good-3: on_time")
    assert "CRITICAL" in critical.stdout
    for refused, words in (
        (unknown, "there is no enabled route 'no-such-route'"),
        (misused, "must be a duration such as"),
    ):
        assert (refused.status, refused.stdout) == (3, "")
        assert words in refused.stderr


async def test_a_message_tells_its_hops(mail_host: MailHost, positions: Iterator[int], tmp_path: Path) -> None:
    """Postfix and Dovecot each add a hop, with what they took it by; a delivery held back for 2 s shows at its hop.

    Neither of them names a sender's verdict, so there is none, whatever server the maildrop trusts.
    """
    trusted = {"maildrop_keys": {"authserv_id": "mail.example"}}
    secured = route(positions, "secured", **trusted)
    plain = route(positions, "plain", smtp_security="plaintext", **trusted)
    config = write_config(mail_host, [secured, plain], tmp_path)
    mail_host.delay_deliveries(2.0, 2.1)
    try:
        as_json, as_text = await asyncio.gather(
            mailsonar("check", "--output", "json", "--config.file", config),
            mailsonar("check", "secured", "--config.file", config),
        )
    finally:
        mail_host.delay_deliveries(0, 0)
    assert [as_json.status, as_text.status] == [0, 0]
    for result, protocol, tls in zip(as_json.json, ("ESMTPSA", "ESMTPA"), (True, False), strict=True):
        first, *_, last = result["hops"]
        assert (first["by"], first["with"], first["tls"], first["seconds"]) == ("mail.example", protocol, tls, None)
        assert (last["with"], last["skewed"]) == ("LMTP", False)
        assert result["started"][:16] <= first["received"][:16]
        assert 1 <= last["seconds"] <= result["round_trip_seconds"] + 1
        assert result["verdicts"] == {}
    assert re.search(r"^ +2 .* LMTP +no +[123] *$", as_text.stdout, re.MULTILINE)


def told(finished: Finished) -> tuple[int, str, str | None]:
    """Return the exit status, the outcome and the fault of a check of one route."""
    (result,) = finished.json
    fault = result["fault"]
    return finished.status, result["outcome"], fault and f"{fault['leg']}/{fault['stage']}/{fault['reason']}"


async def test_faults_name_leg_stage_and_reason(mail_host: MailHost, positions: Iterator[int], tmp_path: Path) -> None:
    """Each fault of a server is exit 2 and names itself; what waiting cannot mend ends the check early.

    Where a certificate does not verify, no user name reaches the server: its log never tells of the account.
    """
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    untrusting = {"tls": {"ca_file": str(Authority(stranger).ca_file)}}
    misnamed = {"tls": {"ca_file": str(mail_host.ca_file), "server_name": "elsewhere.example"}}
    wrong = tmp_path / "wrong-password"
    wrong.write_text("not the password\n")
    wrong_password = {"password": {"file": str(wrong)}}
    unknown = {"address": "nobody@mail.example"}
    accepted, rejected = "authentication_rejected", "tls_handshake/certificate_"
    cases: dict[str, tuple[dict[str, Any], str, str]] = {
        "smtp-password": ({"smtp_keys": wrong_password}, "failed", f"submission/authenticate/{accepted}"),
        "pop3-password": ({"pop3_keys": wrong_password}, "unobserved", f"retrieval/authenticate/{accepted}"),
        "smtp-untrusted": ({"smtp_keys": untrusting}, "failed", f"submission/{rejected}untrusted"),
        "pop3-untrusted": ({"pop3_keys": untrusting}, "unobserved", f"retrieval/{rejected}untrusted"),
        "smtp-name": ({"smtp_keys": misnamed}, "failed", f"submission/{rejected}name_mismatch"),
        "pop3-name": ({"pop3_keys": misnamed}, "unobserved", f"retrieval/{rejected}name_mismatch"),
        "recipient": ({"maildrop_keys": unknown}, "refused", "submission/rcpt_to/rejected"),
    }
    routes = {name: route(positions, name, **keys) for name, (keys, _, _) in cases.items()}
    config = write_config(mail_host, list(routes.values()), tmp_path)
    checks = [mailsonar("check", name, "--output", "json", "--config.file", config) for name in cases]
    finished = dict(zip(cases, await asyncio.gather(*checks), strict=True))

    assert {name: told(one) for name, one in finished.items()} == {
        name: (2, outcome, fault) for name, (_, outcome, fault) in cases.items()
    }
    assert max(one.seconds for one in finished.values()) < 12  # of a deadline of 20 s
    (refused,) = finished["recipient"].json
    assert (refused["reply"]["code"], refused["reply"]["enhanced"]) == (550, "5.1.1")
    logs = mail_host.logs()
    for name in ("smtp-untrusted", "smtp-name"):
        assert mail_host.users[routes[name].sender].address not in logs
    for name in ("pop3-untrusted", "pop3-name"):
        assert f"pop3-login: Info: Login: user=<{mail_host.users[routes[name].maildrop].address}>" not in logs
        (result,) = finished[name].json
        assert [facts["verified"] for facts in result["tls"]] == [True, False]
    ends = {name: one.json[0]["transcript"][-1]["lines"][-1] for name, one in finished.items()}
    assert {name: (end["who"], end["stage"]) for name, end in ends.items()} == {
        name: ("event", fault.split("/")[1]) for name, (_, _, fault) in cases.items()
    }
    assert ends["smtp-untrusted"]["text"].startswith("certificate refused: ")
    assert "550 5.1.1" in ends["recipient"]["text"]
    for name, user in (
        ("smtp-password", routes["smtp-password"].sender),
        ("pop3-password", routes["pop3-password"].maildrop),
    ):
        said = [line["text"] for line in finished[name].json[0]["transcript"][-1]["lines"]]
        assert "AUTH PLAIN ***" in said
        assert any(text.startswith("TLS: TLSv1.3 ") for text in said)
        shown = finished[name].stdout
        assert "not the password" not in shown
        assert base64.b64encode(f"\0{mail_host.users[user].address}\0not the password".encode()).decode() not in shown


async def test_a_message_that_stays_away(mail_host: MailHost, positions: Iterator[int], tmp_path: Path) -> None:
    """A check gives up at the deadline with exit 2; told to wait longer, it finds the message late: exit 1."""
    impatient = [route(positions, name, settings={"deadline": "1s", "give_up": "30s"}) for name in ("gone", "late")]
    config = write_config(mail_host, impatient, tmp_path)
    mail_host.delay_deliveries(4.0, 4.1)
    try:
        gone, late = await asyncio.gather(
            mailsonar("check", "gone", "--output", "json", "--config.file", config),
            mailsonar("check", "late", "--wait", "20s", "--output", "json", "--config.file", config),
        )
    finally:
        mail_host.delay_deliveries(0, 0)
    assert told(gone) == (2, "pending", "transit/arrival/not_arrived")
    assert told(late) == (1, "late", "transit/arrival/not_arrived")
    for one in (gone, late):
        submitted, looked = ([line["text"] for line in leg["lines"]] for leg in one.json[0]["transcript"])
        assert [text for text in submitted if text.endswith(" bytes of message")]
        assert (submitted[-1], looked[-1]) == ("closed", "closed")
        assert [text for text in looked if re.fullmatch(r"\(\d+ rows?\)", text)]
    assert [one.json[0]["success"] for one in (gone, late)] == [False, False]
    assert late.json[0]["round_trip_seconds"] >= 4.0 > gone.seconds


async def test_a_stopped_postfix_refuses_the_connection(
    mail_host: MailHost, positions: Iterator[int], tmp_path: Path
) -> None:
    """Nobody on the port is submission/connect/connection_refused, and the text output says so in its first line."""
    config = write_config(mail_host, [route(positions, "stopped")], tmp_path)
    mail_host.stop_postfix()
    try:
        as_json, as_text = await asyncio.gather(
            mailsonar("check", "--output", "json", "--config.file", config),
            mailsonar("check", "--config.file", config),
        )
    finally:
        mail_host.start_postfix()
    assert told(as_json) == (2, "failed", "submission/connect/connection_refused")
    assert as_text.status == 2
    assert "CRITICAL  failed: submission/connect/connection_refused" in as_text.stdout
