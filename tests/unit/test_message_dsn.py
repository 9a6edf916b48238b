"""Delivery status notifications: whose they are, and what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsonar.message.compose import TOKEN_FIELD
from mailsonar.message.dsn import ReportScan
from mailsonar.message.token import Token, route_digest
from mailsonar.model.server import Secret

KEY = Secret("test", lambda: "k" * 32)
OTHER_KEY = Secret("test", lambda: "o" * 32)
TOKEN = Token(id="a" * 20, route=route_digest("acme"), instance="b" * 8, started_ms=1_800_000_000_000)


def scanned(*, action: str = "failed", part: str = "text/rfc822-headers", field: str | None = None) -> ReportScan:
    """Return the scan of a report in the shape that Postfix gives it."""
    field = f"{TOKEN_FIELD}: {TOKEN.signed(KEY)}" if field is None else field
    text = f"""Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

Action: failed
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; gone@mail.example
Action: {action}
Status: 5.1.1
Diagnostic-Code: smtp; 550 no such user
--x
Content-Type: {part}

{field}

--x--"""
    scan = ReportScan()
    for line in text.encode().split(b"\n"):
        scan.take(line)
    return scan


@pytest.mark.parametrize("part", ["text/rfc822-headers", "message/rfc822", "MESSAGE/GLOBAL; charset=utf-8"])
def test_report_on_our_message_tells_why_it_failed(part: str) -> None:
    """The enhanced code, the reporting MTA and its words are kept for people."""
    report = scanned(part=part).report(KEY)
    assert report
    assert report.token == TOKEN
    assert (report.failed, report.enhanced, report.reporting_mta) == (True, "5.1.1", "mx.example")
    assert report.diagnostic == "550 no such user"


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded", ""])
def test_only_a_failure_is_a_bounce(action: str) -> None:
    """`Action: delayed` is no bounce, nor is any other action but `failed`."""
    report = scanned(action=action).report(KEY)
    assert report
    assert not report.failed


@pytest.mark.parametrize("field", ["", "Subject: hello", f"{TOKEN_FIELD}: {TOKEN.signed(OTHER_KEY)}"])
def test_report_on_another_message_is_foreign(field: str) -> None:
    """A report counts only if the header that it returns verifies."""
    assert scanned(field=field).report(KEY) is None


def test_token_outside_the_returned_header_does_not_count() -> None:
    """People and their programs quote what they like in the readable part."""
    assert scanned(part="text/plain").report(KEY) is None


@given(st.lists(st.binary(max_size=80), max_size=60))
def test_arbitrary_lines_do_no_harm(lines: list[bytes]) -> None:
    """Foreign mail never raises anything here, and never passes for ours."""
    scan = ReportScan()
    for line in lines:
        scan.take(line)
    assert scan.report(KEY) is None


@pytest.mark.parametrize(("status", "enhanced"), [("5.1.1 (gone)", "5.1.1"), ("5.7.1\x1b[2J", "5.7.1"), ("no", None)])
def test_enhanced_status_code_is_one_or_nothing(status: str, enhanced: str | None) -> None:
    """What stands there comes from anywhere; only digits and dots get out."""
    scan = ReportScan()
    text = f"--x\nContent-Type: message/delivery-status\n\nAction: failed\nStatus: {status}\n"
    text += f"--x\nContent-Type: text/rfc822-headers\n\n{TOKEN_FIELD}: {TOKEN.signed(KEY)}\n\n--x--"
    for line in text.encode().split(b"\n"):
        scan.take(line)
    report = scan.report(KEY)
    assert report
    assert report.enhanced == enhanced
