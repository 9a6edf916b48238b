"""A visit: connect to a server and log in, without submitting or reading anything."""

from __future__ import annotations

from dataclasses import dataclass

from mailsonar.dialogue import retrieve_pop3, submit
from mailsonar.dialogue.steps import Dialogue
from mailsonar.model.fault import Fault, MailSonarError
from mailsonar.model.result import TlsFacts
from mailsonar.model.server import Account, Protocol
from mailsonar.model.stage import Leg, StageTiming
from mailsonar.net.converse import Network, Session
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.probe.admission import Tokens, have_token, hold_admitted, secrets_of
from mailsonar.probe.classify import classify


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """How a visit went."""

    account: Account
    fault: Fault | None
    stages: tuple[StageTiming, ...]
    tls: TlsFacts | None


async def visit(account: Account, network: Network, tokens: Tokens) -> Visit:
    """Connect, log in, and leave.

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
    fault = None
    try:
        await hold_admitted(session, account, tokens, _knock)
    except MailSonarError as error:
        fault = classify(error, leg, secrets_of(account, tokens))
    return Visit(account=account, fault=fault, stages=session.stopwatch.timings(), tls=session.tls)


def _knock(account: Account, hello_name: str) -> Dialogue[None]:
    if account.server.protocol is Protocol.SMTP:
        yield from submit.open_session(account, hello_name, submit.SubmissionNotes())
        yield from submit.leave()
    else:
        yield from retrieve_pop3.open_session(account)
        yield from retrieve_pop3.leave()
