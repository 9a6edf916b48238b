"""A fleet with everything that the page can show, for looking at it."""

from __future__ import annotations

from tests.support.observed import NOT_ARRIVED, WALL, all_stages, failed, make_attempt, make_route, on_time, told
from tests.support.site import Agent

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.observer import Login
from mailsonar.model.result import Outcome, TlsFacts
from mailsonar.model.server import Mechanism
from mailsonar.model.stage import Leg, Stage, StageTiming
from mailsonar.model.transcript import Line, Speaker, Transcript

DAY = 86400.0
EXPIRED = Fault(
    leg=Leg.RETRIEVAL, stage=Stage.TLS_HANDSHAKE, reason=Reason.CERTIFICATE_EXPIRED, detail="certificate has expired"
)
FULL = Fault(
    leg=Leg.SUBMISSION, stage=Stage.RCPT_TO, reason=Reason.DEFERRED,
    detail="452 4.2.2 The mailbox of probe@acme.example is full; try again when its owner has made room",
)  # fmt: skip
STAGES = (
    *(StageTiming(leg=Leg.SUBMISSION, stage=stage, seconds=0.01 + 0.03 * (stage is Stage.TLS_HANDSHAKE))
      for stage in (Stage.RESOLVE, Stage.CONNECT, Stage.GREETING, Stage.HELLO, Stage.STARTTLS, Stage.TLS_HANDSHAKE)),
    StageTiming(leg=Leg.SUBMISSION, stage=Stage.AUTHENTICATE, seconds=0.21),
    StageTiming(leg=Leg.SUBMISSION, stage=Stage.MAIL_FROM, seconds=0.02),
    StageTiming(leg=Leg.SUBMISSION, stage=Stage.RCPT_TO, seconds=0.73, failed=True),
)  # fmt: skip
SAID = Transcript(
    leg=Leg.SUBMISSION,
    server="smtp.acme.example:587",
    start_seconds=0.0,
    lines=tuple(
        Line(who=who, stage=stage, milliseconds=milliseconds, text=text)
        for who, stage, milliseconds, text in (
            (Speaker.CLIENT, Stage.AUTHENTICATE, 90, "AUTH PLAIN ***"),
            (Speaker.SERVER, Stage.AUTHENTICATE, 300, "235 2.7.0 Authentication successful"),
            (Speaker.CLIENT, Stage.RCPT_TO, 320, "RCPT TO:<probe@acme.example>"),
            (Speaker.SERVER, Stage.RCPT_TO, 1050, FULL.detail),
            (Speaker.EVENT, Stage.RCPT_TO, 1051, "the session ends"),
        )
    ),
)


def showcase() -> Agent:
    """Return an agent that has watched six routes for an hour; `acme-internal` is the one to look into."""
    agent = Agent()
    names = ("acme-internal", "acme-to-globex", "globex-internal", "globex-to-initech", "initech-internal", "new")
    routes = [make_route(name, (("customer", name.partition("-")[0]), ("site", "north"))) for name in names]
    agent.configure(*routes, labels=["customer", "site"])
    for minute in range(60):
        for number, route in enumerate(routes[:5]):
            attempt = make_attempt(route, 60.0 * minute, token=f"token{number}of{minute}")
            if route is routes[0] and (minute > 54 or 12 < minute < 15):
                agent.run(failed(attempt, Outcome.DEFERRED, FULL, stages=STAGES, transcripts=(SAID,)))
            elif route is routes[1] and minute > 57:
                agent.run(failed(attempt, fault=EXPIRED, stages=all_stages()))
            elif route is routes[2] and minute == 30:
                agent.run(failed(attempt, Outcome.LOST, NOT_ARRIVED, stages=all_stages()))
            elif not (route is routes[3] and (20 < minute < 30 or minute > 54)):
                took = 1.2 + (minute * (number + 3)) % 7 / 10
                agent.run(on_time(attempt, took, stages=all_stages(), provenance=told()))
    agent.clock.now = 60 * 60.0 - 18
    facts = {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "key": "ECDSA P-256", "issuer": "CN=Acme CA"}
    for account, left, verified in ((routes[0].sender.account, 42, True), (routes[0].maildrop.account, -1, False)):
        server = account.server
        tls = TlsFacts(
            server=server.name, protocol=server.protocol, verified=verified, names=(server.host,),
            not_after_wall=WALL + left * DAY, problem=None if verified else "certificate has expired", **facts,
        )  # fmt: skip
        agent.tell("account_used", Login(account=account, authenticated=True, mechanism=Mechanism.PLAIN, tls=tls))
    return agent
