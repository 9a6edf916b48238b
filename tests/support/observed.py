"""What observers are told, made short: routes, attempts and results with sensible defaults; and a clock set by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.provenance import Finding, Hop, Method, Provenance, SenderVerdict
from mailsonar.model.result import Attempt, Outcome, Result
from mailsonar.model.route import Maildrop, Route, Sender
from mailsonar.model.server import Account, Credentials, Protocol, Secret, Security, Server
from mailsonar.model.stage import STAGES_OF, Leg, Stage, StageTiming
from mailsonar.model.transcript import Line, Speaker, Transcript

WALL = 1_795_000_000.0
NOT_ARRIVED = Fault(leg=Leg.TRANSIT, stage=Stage.ARRIVAL, reason=Reason.NOT_ARRIVED, detail="not seen in time")
REJECTED = Fault(leg=Leg.SUBMISSION, stage=Stage.AUTHENTICATE, reason=Reason.AUTHENTICATION_REJECTED, detail="535 no")


@dataclass
class HandClock:
    """Shows what the test sets."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return WALL + self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def make_account(protocol: Protocol, host: str, username: str | None = "probe@acme.example") -> Account:
    """Return an account with STARTTLS on the usual port."""
    port = 587 if protocol is Protocol.SMTP else 110
    server = Server(protocol=protocol, host=host, port=port, security=Security.STARTTLS)
    secret = Secret("env:PASSWORD", lambda: "never shown")
    return Account(server=server, credentials=Credentials(username=username, password=secret) if username else None)


def make_route(name: str = "acme-internal", labels: tuple[tuple[str, str], ...] = (), **changes: Any) -> Route:
    """Return a route from acme's sender to acme's maildrop."""
    address = "probe@acme.example"
    defaults: dict[str, Any] = {
        "sender": Sender(name="acme-out", address=address, account=make_account(Protocol.SMTP, "smtp.acme.example")),
        "maildrop": Maildrop(name="acme-in", address=address, account=make_account(Protocol.POP3, "pop.acme.example")),
        "interval_seconds": 60.0,
        "deadline_seconds": 120.0,
        "give_up_seconds": 3600.0,
    }
    return Route(name=name, labels=labels, **(defaults | changes))


def make_attempt(route: Route, started: float = 0.0, token: str | None = None) -> Attempt:
    """Return an attempt; its token is made of its start, unless given."""
    return Attempt(route=route, token_id=token or f"token-{started:g}", started=started, started_wall=WALL + started)


def on_time(attempt: Attempt, round_trip: float = 1.84, **changes: Any) -> Result:
    """Return a success."""
    seen = {"success": True, "round_trip_seconds": round_trip, "error_seconds": 0.31, "transit_seconds": 1.52}
    return Result(attempt=attempt, outcome=Outcome.ON_TIME, **(seen | changes))


def failed(attempt: Attempt, outcome: Outcome = Outcome.FAILED, fault: Fault = REJECTED, **changes: Any) -> Result:
    """Return a failure; with outcome PENDING it is the verdict at the deadline."""
    return Result(attempt=attempt, outcome=outcome, success=False, fault=fault, **changes)


def transcript(*texts: str, leg: Leg = Leg.SUBMISSION, server: str = "smtp.acme.example:587") -> Transcript:
    """Return what was said on a leg: each text by a server, 10 ms after the one before."""
    lines = tuple(
        Line(who=Speaker.SERVER, stage=Stage.GREETING, milliseconds=10 * number, text=text)
        for number, text in enumerate(texts)
    )
    return Transcript(leg=leg, server=server, start_seconds=0.5, lines=lines)


def all_stages() -> tuple[StageTiming, ...]:
    """Return every stage that a round trip with STARTTLS on both legs can have."""
    legs = (Leg.SUBMISSION, Leg.TRANSIT, Leg.RETRIEVAL)
    return tuple(StageTiming(leg=leg, stage=stage, seconds=0.05) for leg in legs for stage in STAGES_OF[leg])


def told(findings: str = "pass none fail", hops: int = 3) -> Provenance:
    """Return what a message tells: findings of SPF, DKIM and DMARC, and hops two seconds apart, the last one skewed."""
    verdicts = [
        SenderVerdict(method=method, finding=Finding(finding))
        for method, finding in zip(Method, findings.split(), strict=False)
    ]
    names = ["client.acme.example", *(f"mx{number}.contoso.example" for number in range(1, hops + 1))]
    ways = [
        Hop(
            from_host=names[number],
            by_host=names[number + 1],
            protocol="ESMTPS" if number else "local",
            tls=True if number else None,
            received_wall=WALL + 2 * number - 100 * (number == hops - 1),
            seconds=(2.0 - 100 * (number == hops - 1)) if number else None,
        )
        for number in range(hops)
    ]
    return Provenance(hops=tuple(ways), verdicts=tuple(verdicts))
