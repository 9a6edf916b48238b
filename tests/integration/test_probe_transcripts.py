"""What a failure tells: the sessions that explain it, in bounds, with the reason last, and nobody's mail."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import replace

import pytest
from tests.support.leaks import macs
from tests.support.probing import PASSWORD, Probing, impatient, signed_mail
from tests.support.scripted_peer import Peer, scripted_peer

from mailsonar.model.fault import Fault
from mailsonar.model.result import Outcome, Result
from mailsonar.model.route import Route
from mailsonar.model.server import Account, Timeouts
from mailsonar.model.stage import Leg, Stage
from mailsonar.model.transcript import Line, Speaker, Transcript
from mailsonar.probe import transcripts as told
from mailsonar.sandbox import faults, pop3_faults, smtp_faults
from mailsonar.sandbox.delivery import delay, lose
from mailsonar.sandbox.faults import ServerFault

PATIENT = Timeouts()
BOTH = [Leg.SUBMISSION, Leg.RETRIEVAL]
LETTER = b"From: boss@globex.example\r\nSubject: The merger\r\nX-Kanarie: do not tell\r\n\r\nNobody knows yet.\r\n"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)


def legs(result: Result) -> list[Leg]:
    """Return whose transcripts a result has."""
    return [transcript.leg for transcript in result.transcripts]


def texts(transcript: Transcript, who: Speaker) -> list[str]:
    """Return what one side said, or what happened."""
    return [line.text for line in transcript.lines if line.who is who]


def last(result: Result) -> Line:
    """Return the last line of all."""
    return result.transcripts[-1].lines[-1]


def assert_explained(result: Result, fault: Fault | None) -> None:
    """See that the last thing that is told is the fault."""
    assert fault
    line = last(result)
    assert (line.who, line.stage) == (Speaker.EVENT, fault.stage)
    assert fault.detail in line.text


async def test_a_success_tells_nothing(mail: Probing) -> None:
    """What was said when all went well is dropped."""
    assert (await mail.attempt(mail.route())).transcripts == ()


@pytest.mark.parametrize(
    "fault",
    [
        smtp_faults.TURNED_AWAY,
        smtp_faults.EHLO_REFUSED,
        smtp_faults.LOGIN_REFUSED,
        smtp_faults.SENDER_REFUSED,
        smtp_faults.RECIPIENT_REFUSED,
        smtp_faults.DATA_REFUSED,
        smtp_faults.CONTENT_REFUSED,
        smtp_faults.LITTLE_ROOM,
        *(faults.drops(moment) for moment in (faults.GREETING, "EHLO", "AUTH", "MAIL", "RCPT", "DATA")),
        *(faults.stalls(moment) for moment in (faults.CONNECTION, "EHLO", "RCPT")),
        faults.says("what?", "MAIL"),
    ],
    ids=lambda fault: fault.name,
)
async def test_a_submission_that_fails(mail: Probing, fault: ServerFault) -> None:
    """At whatever stage a submission fails, its transcript ends with the reason, and is all there is to tell."""
    mail.smtp.faults.on(fault)
    result = await mail.attempt(mail.route())
    assert legs(result) == [Leg.SUBMISSION]
    assert_explained(result, result.fault)
    [transcript] = result.transcripts
    assert transcript.server == f"127.0.0.1:{mail.smtp.port}"
    assert texts(transcript, Speaker.EVENT)[0] == f"connected to 127.0.0.1:{mail.smtp.port}"
    assert [line.milliseconds for line in transcript.lines] == sorted(line.milliseconds for line in transcript.lines)


@pytest.mark.parametrize(
    "fault",
    [
        pop3_faults.TURNED_AWAY,
        pop3_faults.LOGIN_REFUSED,
        pop3_faults.IN_USE,
        *(faults.drops(moment) for moment in (faults.GREETING, "CAPA", "AUTH", "UIDL")),
        faults.stalls("UIDL"),
        faults.says("Capabilities: all of them", "CAPA"),
    ],
    ids=lambda fault: fault.name,
)
async def test_a_look_that_fails(mail: Probing, fault: ServerFault) -> None:
    """A look that fails is told after the submission that went well, and ends with the reason."""
    mail.pop3.faults.on(fault)
    mail.mailbox.faults.on(lose)
    result = await mail.attempt(mail.route(deadline_seconds=0.15, give_up_seconds=0.2))
    assert (result.outcome, legs(result)) == (Outcome.UNOBSERVED, BOTH)
    assert_explained(result, result.fault)
    submitted, looked = result.transcripts
    assert submitted.lines[-1].text == "closed"
    assert looked.start_seconds > submitted.start_seconds


async def test_a_message_that_never_arrives(mail: Probing) -> None:
    """Its submission is told, with its size and nothing it says, and the last look, which listed the maildrop."""
    mail.mailbox.faults.on(lose)
    result = await mail.attempt(mail.route(deadline_seconds=0.2, give_up_seconds=0.5))
    assert (result.outcome, legs(result)) == (Outcome.LOST, BOTH)
    submitted, looked = result.transcripts
    said = texts(submitted, Speaker.CLIENT)
    assert said[-2:] == [f"{mail_bytes(said)} bytes of message", "QUIT"]
    assert "(0 rows)" in texts(looked, Speaker.SERVER)
    assert looked.start_seconds >= 0.5
    assert PASSWORD not in str(result.transcripts)
    assert macs(str(result.transcripts)) == []


def mail_bytes(said: list[str]) -> str:
    """Return the size that was announced."""
    [announced] = [line for line in said if line.startswith("MAIL FROM")]
    return announced.partition("SIZE=")[2]


async def test_each_try_of_a_deferred_submission(mail: Probing) -> None:
    """The last three tries are told, each with its time."""
    mail.smtp.faults.on(smtp_faults.greylisting(100))
    result = await mail.attempt(mail.route(deadline_seconds=2.0))
    assert (result.outcome, legs(result)) == (Outcome.DEFERRED, [Leg.SUBMISSION] * 3)
    starts = [transcript.start_seconds for transcript in result.transcripts]
    assert starts == sorted(starts)
    assert starts[0] > 0.05
    assert_explained(result, result.fault)


async def test_a_late_message_keeps_what_explains_its_fault(mail: Probing) -> None:
    """The look that failed at the deadline is told, not the one that shows the message."""
    mail.pop3.faults.on(pop3_faults.TURNED_AWAY)
    route = mail.route(deadline_seconds=0.3, give_up_seconds=4.0)
    _, task = await mail.begin(route)
    await mail.seen.until(lambda: bool(mail.seen.verdicts))
    mail.pop3.faults.off(pop3_faults.TURNED_AWAY)
    result = await asyncio.wait_for(task, 5.0)
    [judged] = mail.seen.verdicts
    assert result.outcome is Outcome.LATE
    assert result.transcripts == judged.transcripts
    assert_explained(result, result.fault)


async def test_a_session_that_hangs_at_the_deadline(mail: Probing) -> None:
    """The verdict tells the session that is still under way, as far as it has come."""
    mail.pop3.faults.on(faults.stalls("UIDL"))
    await mail.begin(mail.route(timeouts=PATIENT, deadline_seconds=0.3))
    await mail.seen.until(lambda: bool(mail.seen.verdicts))
    [judged] = mail.seen.verdicts
    assert legs(judged) == BOTH
    assert (last(judged).text, texts(judged.transcripts[1], Speaker.CLIENT)[-1]) == ("still under way", "UIDL")
    assert last(judged).milliseconds > 100


async def test_nobody_elses_mail_is_told(mail: Probing) -> None:
    """Of foreign mail, of our own and of another agent's, only that it was there and was asked for."""
    for content in (LETTER, signed_mail("bbbbbbbb", 1.0), LETTER):
        mail.mailbox.deliver(content)
    mail.pop3.faults.on(faults.drops("QUIT"), faults.drops("DELE"))
    mail.mailbox.faults.on(delay(0.6))
    result = await mail.attempt(mail.route(deadline_seconds=0.3))
    assert result.outcome is Outcome.LATE
    looked = result.transcripts[1]
    assert "(3 rows)" in texts(looked, Speaker.SERVER)
    text = str(result.transcripts)
    for words in ("merger", "Kanarie", "globex", "Nobody", "ms1-", "Subject"):
        assert words not in text


async def test_headers_are_asked_for_and_not_told(mail: Probing) -> None:
    """A look that reads says so: TOP and its answer's first line."""
    mail.mailbox.deliver(LETTER)
    mail.pop3.faults.on(faults.stalls("QUIT"))
    mail.mailbox.faults.on(lose)
    await mail.begin(mail.route(timeouts=PATIENT, deadline_seconds=0.3))
    await mail.seen.until(lambda: bool(mail.seen.verdicts))
    looked = mail.seen.verdicts[0].transcripts[1]
    assert "TOP 1 0" in texts(looked, Speaker.CLIENT)
    assert "(message not shown)" in texts(looked, Speaker.SERVER)
    assert "merger" not in str(looked)


@pytest.mark.parametrize("width", [200, 75, 40])
async def test_a_signature_that_is_quoted_does_not_show(mail: Probing, width: int) -> None:
    """A server may quote our Message-ID, broken over the lines of its reply: the random id shows, the HMAC never."""
    signed: list[bytes] = []

    async def quote(peer: Peer) -> None:
        peer.say(b"220 hello\r\n")
        for reply in (b"250-mx\r\n250 AUTH PLAIN\r\n", b"235 Ok\r\n", b"250 Ok\r\n", b"250 Ok\r\n", b"354 Go on\r\n"):
            await peer.hear_line()
            peer.say(reply)
        while (line := await peer.hear_line()) != b".\r\n":
            signed.extend(re.findall(rb"^Message-ID: <(ms1-[a-z0-9-]+)", line))
        said = b"<" + signed[0] + b"> is spam"
        pieces = [said[start : start + width] for start in range(0, len(said), width)]
        peer.say(b"".join(b"554-" + piece + b"\r\n" for piece in pieces) + b"554 5.7.1 no\r\n")
        await peer.hear_out()

    async with scripted_peer(quote) as port:
        result = await mail.attempt(rerouted(mail.route(), port))
    text = "".join(texts(result.transcripts[0], Speaker.SERVER)).replace("554-", "")
    secret = signed[0].decode().rpartition("-")[2]
    assert result.outcome is Outcome.REFUSED
    assert f"ms1-{result.attempt.token_id}" in text
    assert not [start for start in range(len(secret) - 7) if secret[start : start + 8] in text]


async def test_a_flood_stays_in_bounds(mail: Probing) -> None:
    """Whatever a server pours out, 60 lines of 200 characters are kept, first and last ones; the gap is named."""

    async def pour(peer: Peer) -> None:
        peer.say(b"220 hello\r\n")
        await peer.hear_line()
        peer.say(b"".join(b"250-" + b"\xf0\x9f\x8c\x8a\x1b[31m\xe2\x80\xa6" * 500 + b"\r\n" for _ in range(8)))
        peer.say(b"".join(b"250-X%d\r\n" % number for number in range(150)) + b"250 AUTH LOGIN\r\n")
        with suppress(ConnectionError):
            while await peer.hear_line():
                peer.say(b"334 " + b"QUFB" * 1000 + b"\r\n")

    async with scripted_peer(pour) as port:
        result = await mail.attempt(rerouted(mail.route(), port))
    [transcript] = result.transcripts
    assert len(transcript.lines) == 60
    assert max(len(line.text) for line in transcript.lines) <= 200
    assert all(line.text.isprintable() for line in transcript.lines)
    [gap] = [line for line in transcript.lines if "left out here" in line.text]
    assert gap.who is Speaker.EVENT
    assert transcript.lines[0].text.startswith("connected to")
    assert last(result).stage is Stage.AUTHENTICATE


async def test_many_messages_stay_in_bounds(mail: Probing) -> None:
    """A look that reads a hundred messages tells how it began and how it ended."""
    for _ in range(100):
        mail.mailbox.deliver(LETTER)
    mail.mailbox.faults.on(lose)
    mail.pop3.faults.on(faults.drops("QUIT"))
    result = await mail.attempt(mail.route(deadline_seconds=0.2, give_up_seconds=0.2))
    looked = result.transcripts[1]
    assert len(looked.lines) <= 60
    assert "merger" not in str(result.transcripts)


async def test_our_own_fault_costs_no_outcome(
    mail: Probing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be told is not told: the attempt has its outcome all the same, and the log has the bug."""

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(told, "_transcript", broken)
    mail.smtp.faults.on(smtp_faults.RECIPIENT_REFUSED)
    result = await mail.attempt(mail.route())
    assert (result.outcome, result.transcripts) == (Outcome.REFUSED, ())
    assert "by our own fault" in caplog.text


def rerouted(route: Route, port: int) -> Route:
    """Return the route with its submission at another port."""
    account: Account = route.sender.account
    server = replace(account.server, port=port)
    return replace(route, sender=replace(route.sender, account=replace(account, server=server)))
