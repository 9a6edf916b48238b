"""Attempts and looks of accounts with access tokens: when the token is got, and which fault it is if there is none."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from tests.support.probing import ADDRESS, PASSWORD, PATIENCE_SECONDS, Probing, account_at, at, impatient, probing
from tests.support.scripted_peer import Peer, scripted_peer
from tests.support.token_endpoint import TokenEndpoint, page, refusal, token_endpoint

from mailsonar.clock import SystemClock
from mailsonar.model.fault import Reason
from mailsonar.model.oauth2 import ClientCredentials, ClientSecret, OAuth2, TokenResult
from mailsonar.model.result import Outcome, Result
from mailsonar.model.route import Maildrop, Route, Sender
from mailsonar.model.server import Account, Protocol, Secret, Timeouts, TokenCredentials
from mailsonar.model.stage import Leg, Stage
from mailsonar.net.tokens import TokenSource
from mailsonar.probe.telling import tell

TOKEN_UNAVAILABLE = Reason.TOKEN_UNAVAILABLE
PATIENT = Timeouts(connect=2.0, tls=2.0, greeting=2.0, command=2.0, data=2.0, session=10.0)


def refused(status: str) -> bytes:
    """Return the challenge that refuses a token."""
    return b"334 " + base64.b64encode(b'{"status":"' + status.encode() + b'"}') + b"\r\n"


class Submission:
    """An SMTP server that knows XOAUTH2, and refuses the first so many tokens with a status."""

    def __init__(self, refusals: int = 0, status: str = "401") -> None:
        self.refusals = refusals
        self.status = status
        self.shown: list[str] = []
        self.connected_at: list[float] = []

    async def play(self, peer: Peer) -> None:
        """Serve one session."""
        self.connected_at.append(SystemClock().monotonic())
        peer.say(b"220 mx.example\r\n")
        await peer.hear_line()
        peer.say(b"250-mx.example\r\n250 AUTH XOAUTH2\r\n")
        response = base64.b64decode((await peer.hear_line()).split()[-1]).decode()
        self.shown.append(response.partition("Bearer ")[2].rstrip("\x01"))
        if len(self.shown) <= self.refusals:
            peer.say(refused(self.status))
            assert await peer.hear_line() == b"\r\n"
            peer.say(f"535 5.7.8 {self.shown[-1]} is no good\r\n".encode())
            await peer.hear_out()
            return
        peer.say(b"235 2.7.0 Welcome\r\n")
        for reply in (b"250 Ok\r\n", b"550 5.1.1 No such user\r\n", b"221 Bye\r\n"):
            await peer.hear_line()
            peer.say(reply)


@asynccontextmanager
async def world() -> AsyncIterator[tuple[Probing, TokenEndpoint]]:
    """Provide a world of mail, and tokens for its accounts."""
    async with token_endpoint() as endpoint, probing() as made:
        network = made.workshop.network
        source = TokenSource(
            network.clock,
            network.resolver,
            lambda: 0.5,
            lambda news: tell([made.seen], lambda observer: observer.token_changed(news)),
        )
        made.workshop = replace(made.workshop, tokens=source)
        try:
            yield made, endpoint
        finally:
            source.close()


def with_token(account: Account, endpoint: TokenEndpoint) -> Account:
    """Return the account with access tokens in place of its password."""
    secret = Secret("test", lambda: PASSWORD)
    grant = ClientCredentials(client_id="probe", proof=ClientSecret(secret=secret))
    oauth2 = OAuth2(token_endpoint=endpoint.token_url, grant=grant)
    return replace(account, credentials=TokenCredentials(username=ADDRESS, oauth2=oauth2))


def submitting_to(port: int, mail: Probing, endpoint: TokenEndpoint) -> Route:
    """Return a route whose sender has tokens."""
    account = with_token(account_at(Protocol.SMTP, port, PATIENT), endpoint)
    return replace(mail.route(), sender=Sender(name="out", address=ADDRESS, account=account))


async def attempted(submission: Submission, mail: Probing, endpoint: TokenEndpoint) -> Result:
    """Return how an attempt at the server ends."""
    async with scripted_peer(submission.play) as port:
        return await mail.attempt(submitting_to(port, mail, endpoint))


async def test_the_token_is_got_before_the_attempt_starts() -> None:
    """However long the endpoint takes, no stage and no round trip has any of it."""
    submission = Submission()
    async with world() as (mail, endpoint):
        endpoint.gate.clear()
        attempt = asyncio.create_task(attempted(submission, mail, endpoint))
        await asyncio.wait_for(endpoint.is_asked.wait(), PATIENCE_SECONDS)
        assert mail.seen.started == []
        assert submission.connected_at == []
        opened = SystemClock().monotonic()
        endpoint.gate.set()
        result = await attempt
    assert result.attempt.started >= opened
    assert result.outcome is Outcome.REFUSED
    assert submission.shown == endpoint.ever


async def test_a_submission_without_a_token() -> None:
    """It fails at authenticate, before anything was said to the server, and opens no breaker; the next one may work."""
    submission = Submission()
    async with world() as (mail, endpoint):
        endpoint.instead = refusal("invalid_client", f"AADSTS7000215: {PASSWORD} is wrong", 401)
        result = await attempted(submission, mail, endpoint)
        assert (result.outcome, result.success) == (Outcome.FAILED, False)
        assert at(result.fault) == (Leg.SUBMISSION, Stage.AUTHENTICATE, TOKEN_UNAVAILABLE)
        assert result.fault
        assert "127.0.0.1: invalid_client: AADSTS7000215: *** is wrong; asked again in " in result.fault.detail
        assert [line.text for transcript in result.transcripts for line in transcript.lines] == [result.fault.detail]
        assert result.stages == ()
        assert submission.connected_at == []
        assert len(endpoint.asked) == 1
        [login] = mail.seen.logins
        assert (login.authenticated, login.held_back) == (None, False)
        assert [news.result for news in mail.seen.token_news] == [TokenResult.REFUSED]


async def test_a_look_without_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that was accepted is not lost for it: nobody can say, and the maildrop's fault tells why."""
    impatient(monkeypatch)
    async with world() as (mail, endpoint):
        endpoint.instead = page("<html>Sign in</html>")
        account = with_token(account_at(Protocol.POP3, mail.pop3.port), endpoint)
        maildrop = Maildrop(name="in", address=ADDRESS, account=account)
        route = mail.route(deadline_seconds=0.4, give_up_seconds=0.8)
        result = await mail.attempt(replace(route, maildrop=maildrop))
        assert result.outcome is Outcome.UNOBSERVED
        assert at(result.fault) == (Leg.RETRIEVAL, Stage.AUTHENTICATE, TOKEN_UNAVAILABLE)
        assert {look.fault.reason for look in mail.seen.looks if look.fault} == {TOKEN_UNAVAILABLE}
        assert not mail.pop3.commands
        assert len(endpoint.asked) == 1
        assert not any(login.held_back for login in mail.seen.logins)


async def test_a_token_that_has_expired_is_replaced_once() -> None:
    """Status 401 gets another token and another session, and the attempt goes on; no server sees the old one again."""
    submission = Submission(refusals=1)
    async with world() as (mail, endpoint):
        result = await attempted(submission, mail, endpoint)
        assert (result.outcome, at(result.fault)) == (
            Outcome.REFUSED,
            (Leg.SUBMISSION, Stage.RCPT_TO, Reason.REJECTED),
        )
        assert submission.shown == endpoint.ever
        assert len(endpoint.asked) == 2
        assert [login.authenticated for login in mail.seen.logins] == [True]
        assert not any(timing.failed for timing in result.stages if timing.stage is Stage.AUTHENTICATE)


async def test_a_second_token_that_is_refused_is_final() -> None:
    """Two tokens that are refused are a credential problem: the breaker opens, and none of them shows."""
    submission = Submission(refusals=9)
    async with world() as (mail, endpoint):
        result = await attempted(submission, mail, endpoint)
        assert at(result.fault) == (Leg.SUBMISSION, Stage.AUTHENTICATE, Reason.AUTHENTICATION_REJECTED)
        assert len(submission.shown) == len(endpoint.asked) == 2
        assert result.fault
        assert result.fault.detail == "535 5.7.8 *** is no good (status 401)"
        assert mail.seen.logins[-1].held_back
        assert result.reply
        assert not [token for token in endpoint.ever if token in result.reply.text]


async def test_another_status_is_final_at_once() -> None:
    """Only an expired token is worth another one: providers lock accounts that knock again."""
    submission = Submission(refusals=9, status="400")
    async with world() as (mail, endpoint):
        result = await attempted(submission, mail, endpoint)
        assert at(result.fault) == (Leg.SUBMISSION, Stage.AUTHENTICATE, Reason.AUTHENTICATION_REJECTED)
        assert len(submission.shown) == len(endpoint.asked) == 1


async def test_no_token_in_place_of_a_revoked_one() -> None:
    """Where the endpoint fails just then, that is the fault, and the revoked token is shown to nobody again."""
    submission = Submission(refusals=1)
    async with world() as (mail, endpoint):
        endpoint.answers += [lambda: endpoint.grant("probe"), page("<html>", 502)]
        result = await attempted(submission, mail, endpoint)
        assert at(result.fault) == (Leg.SUBMISSION, Stage.AUTHENTICATE, TOKEN_UNAVAILABLE)
        again = await attempted(submission, mail, endpoint)
        assert at(again.fault) == (Leg.SUBMISSION, Stage.AUTHENTICATE, TOKEN_UNAVAILABLE)
        assert len(submission.shown) == 1
        assert not any(login.held_back for login in mail.seen.logins)
