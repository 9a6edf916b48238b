"""A visit: connect to a server and log in, without submitting or reading anything."""

from __future__ import annotations

from dataclasses import dataclass

from mailsonar.dialogue import retrieve_pop3, submit
from mailsonar.dialogue.steps import Dialogue
from mailsonar.model.fault import Fault, MailSonarError
from mailsonar.model.observer import Login
from mailsonar.model.server import Account, Protocol
from mailsonar.model.stage import Leg, StageTiming
from mailsonar.net.converse import Network, Session
from mailsonar.net.glimpse import glimpse
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.probe.admission import Tokens, have_token, hold_admitted, secrets_of
from mailsonar.probe.classify import classify
from mailsonar.probe.telling import login_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """How a visit went, and what it told of the server and the account."""

    login: Login
    fault: Fault | None
    stages: tuple[StageTiming, ...]


async def visit(account: Account, network: Network, tokens: Tokens) -> Visit:
    """Connect, log in, and leave; where the certificate does not verify, take a glimpse of it.

    Args:
        account: where, and as whom.
        network: what to work with.
        tokens: where its access token comes from.

    Returns:
        How it went; what failed is in it.
    """
    leg = Leg.SUBMISSION if account.server.protocol is Protocol.SMTP else Leg.RETRIEVAL
    await have_token(account, tokens)
    session = Session(network, account.server, Stopwatch(leg, network.clock))
    notes, fault = submit.SubmissionNotes(), None
    try:
        await hold_admitted(session, account, tokens, lambda who, name: _knock(who, name, notes))
    except MailSonarError as error:
        fault = classify(error, leg, secrets_of(account, tokens))
    tls = session.tls
    if tls and not tls.verified:
        tls = await glimpse(network, account, tls.problem or "") or tls
    login = login_of(account, notes, fault, tls, secrets_of(account, tokens))
    return Visit(login=login, fault=fault, stages=session.stopwatch.timings())


def _knock(account: Account, hello_name: str, notes: submit.SubmissionNotes) -> Dialogue[None]:
    if account.server.protocol is Protocol.SMTP:
        yield from submit.open_session(account, hello_name, notes)
        yield from submit.leave()
    else:
        yield from retrieve_pop3.open_session(account, notes)
        notes.authenticated = True
        yield from retrieve_pop3.leave()
