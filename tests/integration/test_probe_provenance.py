"""What a message tells of its way reaches its result, and nothing rests on it."""

from __future__ import annotations

import pytest
from tests.support.probing import PASSWORD, Probing, impatient

from mailsonar.model.provenance import NOTHING_TOLD, Finding, Hop, Method, SenderVerdict
from mailsonar.model.result import Outcome
from mailsonar.sandbox.delivery import duplicate, lose, mangle

GATEWAY = (
    b"Received: from mx.contoso.example by store.contoso.example with ESMTPS; Tue, 24 Nov 2026 09:00:01 +0000\r\n"
    b"Authentication-Results: mx.contoso.example; spf=pass smtp.mailfrom=acme.example;\r\n"
    b"\tdkim=fail; dmarc=splendid\r\n"
    b"Received: from out.acme.example by mx.contoso.example with ESMTP; Tue, 24 Nov 2030 09:00:00 +0000\r\n"
)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)


async def test_hops_and_verdicts_come_with_the_result(mail: Probing) -> None:
    """The sandbox's own trace field comes first, then the gateway's; a clock of 2030 changes no figure."""
    mail.mailbox.faults.on(mangle(lambda header: GATEWAY + header))
    result = await mail.attempt(mail.route(maildrop_authserv_id="mx.contoso.example"))
    first, second, third = result.provenance.hops
    assert (first.protocol, first.tls, first.seconds) == ("ESMTPA", False, None)
    assert first.received_wall == pytest.approx(result.attempt.started_wall, abs=5)
    assert (second.by_host, second.is_skewed) == ("mx.contoso.example", False)
    assert (third.tls, third.is_skewed) == (True, True)
    assert result.provenance.verdicts == (
        SenderVerdict(method=Method.SPF, finding=Finding.PASS),
        SenderVerdict(method=Method.DKIM, finding=Finding.FAIL),
        SenderVerdict(method=Method.DMARC, finding=Finding.UNKNOWN),
    )
    assert (result.outcome, result.fault) == (Outcome.ON_TIME, None)
    assert result.round_trip_seconds is not None
    assert result.round_trip_seconds < 2


async def test_nobody_is_believed_unasked(mail: Probing) -> None:
    """Without an `authserv_id` there are hops, but no verdicts."""
    mail.mailbox.faults.on(mangle(lambda header: GATEWAY + header))
    result = await mail.attempt(mail.route())
    assert len(result.provenance.hops) == 3
    assert result.provenance.verdicts == ()


async def test_the_first_copy_tells(mail: Probing) -> None:
    """A copy that comes by another way changes nothing of what the first one told."""
    copies = iter((b"first", b"second"))
    mail.mailbox.faults.on(
        duplicate(2), mangle(lambda header: b"Received: by %s.example with SMTP; 1\r\n" % next(copies) + header)
    )
    result = await mail.attempt(mail.route())
    assert result.provenance.hops[-1] in (
        Hop(by_host="first.example", protocol="SMTP", tls=False),
        Hop(by_host="second.example", protocol="SMTP", tls=False),
    )
    assert len(result.provenance.hops) == 2


async def test_a_message_that_was_not_seen_tells_nothing(mail: Probing) -> None:
    """Neither the verdict at the deadline nor a loss has hops."""
    mail.mailbox.faults.on(lose)
    result = await mail.attempt(mail.route(deadline_seconds=0.2, give_up_seconds=0.3))
    assert result.outcome is Outcome.LOST
    assert [one.provenance for one in (*mail.seen.verdicts, result)] == [NOTHING_TOLD] * 2


async def test_secrets_in_trace_fields_are_struck_out(mail: Probing) -> None:
    """A server that writes the password, or our signature, into the header shows neither to anybody."""

    def quoting(header: bytes) -> bytes:
        token = header.split(b"X-MailSonar-Token: ")[1].split(b"\r\n")[0]
        return b"Received: from %s by %s with %s; 1\r\n" % (PASSWORD.encode(), token, PASSWORD.encode()) + header

    mail.mailbox.faults.on(mangle(quoting))
    result = await mail.attempt(mail.route())
    (_, content), told = mail.mailbox.arrived[0], repr(result)
    token = content.split(b"X-MailSonar-Token: ")[1].split(b"\r\n")[0].decode()
    assert PASSWORD not in told
    assert token.rpartition("-")[2] not in told
    hop = result.provenance.hops[-1]
    assert (hop.from_host, hop.protocol) == ("***", "***")
    assert hop.by_host.endswith("-***")
