"""View models: what the templates show, already in words."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from mailsonar.model.fault import Fault
from mailsonar.model.result import Outcome, Result, TlsFacts
from mailsonar.model.server import Account
from mailsonar.observe.history import RouteView
from mailsonar.web.journey import Journey, journey
from mailsonar.web.state import State, state_of
from mailsonar.web.transcripts import SessionView, session_view
from mailsonar.web.waterfall import Bar, waterfall
from mailsonar.web.wording import age, duration, fault_words, utc


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultWords:
    """A fault as people read it, and with the names that metrics use."""

    words: str
    names: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRow:
    """A line of the overview."""

    name: str
    href: str
    state: State
    labels: tuple[tuple[str, str], ...]
    path: tuple[str, str]
    round_trip: str
    error: str
    fault: FaultWords | None
    last_attempt: str
    pending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What the last handshake with a server told; `problem` is why it did not verify, `first_end` of the chain."""

    server: str
    protocol: str
    tls: str
    verified: bool
    problem: str
    subject: str
    ends: str
    left: str
    first_end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteCard:
    """The rest of what a route's own page shows."""

    facts: tuple[tuple[str, str], ...]
    bars: tuple[Bar, ...]
    bars_of: str
    journey: Journey | None
    certificates: tuple[Certificate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """A line of the recent attempts."""

    token: str
    started: str
    age: str
    outcome: str
    state: State
    round_trip: str
    error: str
    fault: FaultWords | None
    duplicates: int
    sessions: tuple[SessionView, ...]


def route_row(view: RouteView, now_wall: float) -> RouteRow:
    """Return the line of a route."""
    latest, last = view.latest, view.last_attempt
    return RouteRow(
        name=view.route.name,
        href=f"/routes/{quote(view.route.name, safe='')}",
        state=state_of(view, now_wall),
        labels=tuple((name, value) for name, value in view.route.labels if value),
        path=(view.route.sender.name, view.route.maildrop.name),
        round_trip=_seconds(view.seen.round_trip_seconds if view.seen else None),
        error=_seconds(view.seen.error_seconds if view.seen else None),
        fault=_fault(latest.fault) if latest and not latest.success else None,
        last_attempt=age(now_wall - last.started_wall) if last else "",
        pending=len(view.pending),
    )


def route_card(view: RouteView, now_wall: float) -> RouteCard:
    """Return what the page of a route shows besides its line."""
    route = view.route
    timed = next((result for result in view.results if result.stages), None)
    success = view.last_success
    facts = (
        ("From", f"{route.sender.address} on {_account(route.sender.account, view)}"),
        ("To", f"{route.maildrop.address} on {_account(route.maildrop.account, view)}"),
        ("Schedule", f"every {duration(route.interval_seconds)}, in time within {duration(route.deadline_seconds)}"),
        ("Last success", age(now_wall - success.attempt.started_wall) if success else "none yet"),
    )
    return RouteCard(
        facts=facts,
        bars=waterfall(timed) if timed else (),
        bars_of=utc(timed.attempt.started_wall) if timed else "",
        journey=journey(view.seen),
        certificates=tuple(_certificate(tls, now_wall) for tls in _newest_tls(view)),
    )


def result_row(result: Result, now_wall: float) -> ResultRow:
    """Return the line of an attempt."""
    started_wall = result.attempt.started_wall
    return ResultRow(
        token=result.attempt.token_id,
        started=utc(started_wall),
        age=age(now_wall - started_wall),
        outcome=_outcome(result),
        state=State.WAITING if result.success is None else State.OK if result.success else State.FAILING,
        round_trip=_seconds(result.round_trip_seconds),
        error=_seconds(result.error_seconds),
        fault=_fault(result.fault),
        duplicates=result.duplicates,
        sessions=tuple(session_view(transcript) for transcript in result.transcripts),
    )


def _outcome(result: Result) -> str:
    if result.outcome is Outcome.PENDING and result.success is False:
        return "pending, overdue"
    return str(result.outcome).replace("_", " ")


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else duration(seconds)


def _fault(fault: Fault | None) -> FaultWords | None:
    return None if fault is None else FaultWords(words=fault_words(fault), names=str(fault), detail=fault.detail)


def _newest_tls(view: RouteView) -> tuple[TlsFacts, ...]:
    """Return the newest facts of each server: those of its last session, else of an earlier process' results."""
    newest: dict[tuple[str, str], TlsFacts] = {}
    told = [login.tls for login in view.logins if login.tls]
    for tls in (*told, *(tls for result in view.results for tls in result.tls)):
        newest.setdefault((tls.server, tls.protocol), tls)
    return tuple(newest.values())


def _certificate(tls: TlsFacts, now_wall: float) -> Certificate:
    ends, first_end = tls.not_after_wall, tls.not_after_earliest_wall
    issued = f"issued by {tls.issuer}" if tls.issuer else ""
    return Certificate(
        server=tls.server,
        protocol=tls.protocol,
        tls=" ".join(part for part in (tls.version, tls.cipher) if part),
        verified=tls.verified,
        problem=tls.problem or "",
        subject="; ".join(filter(None, (", ".join(tls.names), tls.key, issued))),
        ends="" if ends is None else utc(ends),
        left="" if ends is None else _left(ends, now_wall),
        first_end="" if first_end in (None, ends) else f"{utc(first_end)}, {_left(first_end, now_wall)}",
    )


def _left(ends: float, now_wall: float) -> str:
    return f"{duration(ends - now_wall)} left" if ends > now_wall else "ended"


def _account(account: Account, view: RouteView) -> str:
    """Return a server's name, and how the account last logged in there."""
    login = next((one for one in view.logins if one.account.key == account.key), None)
    if login is None or login.mechanism is None:
        return account.server.name
    verdict = {True: "", False: ", which was refused", None: ", unanswered"}[login.authenticated]
    return f"{account.server.name}, login by {login.mechanism}{verdict}"
