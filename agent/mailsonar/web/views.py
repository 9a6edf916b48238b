"""View models of a route's own page, already in words."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from mailsonar.model.result import Outcome, Result, TlsFacts
from mailsonar.model.server import Account
from mailsonar.observe.route_view import RouteView
from mailsonar.web.journey import Journey, journey
from mailsonar.web.sparkline import Sparkline, sparkline
from mailsonar.web.state import State
from mailsonar.web.transcripts import SessionView, session_view
from mailsonar.web.waterfall import Waterfall, waterfall
from mailsonar.web.wording import FaultWords, Moment, age, duration, fault_words, figure, moment, utc

_SLOTS = 60


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
class ResultRow:
    """A line of the attempts."""

    token: str
    started: Moment
    outcome: str
    state: State
    round_trip: str
    error: str
    fault: FaultWords | None
    duplicates: int
    has_transcript: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptCard:
    """One attempt in full; `sessions` are what was said if it failed."""

    row: ResultRow
    picture: Waterfall
    sessions: tuple[SessionView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteCard:
    """What a route's own page shows besides its line and its attempts.

    `trouble` says since when the route has been failing. `shown` is the attempt asked for, else the newest that got
    anywhere; `is_asked` tells that one was asked for, `is_missing` that it is not kept any more.
    """

    facts: tuple[tuple[str, str], ...]
    trouble: str
    trend: Sparkline
    shown: AttemptCard | None
    is_asked: bool
    is_missing: bool
    journey: Journey | None
    certificates: tuple[Certificate, ...]


def route_card(view: RouteView, now_wall: float, token: str | None = None) -> RouteCard:
    """Return what the page of a route shows, with the attempt of a token where one is given."""
    route = view.route
    newest = next((result for result in view.results if result.stages or result.transcripts), None)
    asked = next((result for result in view.results if result.attempt.token_id == token), None)
    shown = asked or newest
    success = view.last_success
    facts = (
        ("From", f"{route.sender.address} on {_account(route.sender.account, view)}"),
        ("To", f"{route.maildrop.address} on {_account(route.maildrop.account, view)}"),
        ("Schedule", f"every {duration(route.interval_seconds)}, in time within {duration(route.deadline_seconds)}"),
        ("Last success", age(now_wall - success.attempt.started_wall) if success else "none yet"),
    )
    return RouteCard(
        facts=facts,
        trouble=_trouble(view, now_wall),
        trend=sparkline(view, _SLOTS),
        shown=_attempt(shown, now_wall) if shown else None,
        is_asked=token is not None,
        is_missing=token is not None and asked is None,
        journey=journey(asked or next((one for one in view.results if one.round_trip_seconds is not None), None)),
        certificates=tuple(_certificate(tls, now_wall) for tls in _newest_tls(view)),
    )


def result_row(result: Result, now_wall: float) -> ResultRow:
    """Return the line of an attempt."""
    return ResultRow(
        token=result.attempt.token_id,
        started=moment(result.attempt.started_wall, now_wall),
        outcome=_outcome(result),
        state=State.WAITING if result.success is None else State.OK if result.success else State.FAILING,
        round_trip=figure(result.round_trip_seconds),
        error=figure(result.error_seconds),
        fault=None if result.fault is None else fault_words(result.fault),
        duplicates=result.duplicates,
        has_transcript=bool(result.transcripts),
    )


def _attempt(result: Result, now_wall: float) -> AttemptCard:
    return AttemptCard(
        row=result_row(result, now_wall),
        picture=waterfall(result),
        sessions=tuple(session_view(transcript) for transcript in result.transcripts),
    )


def _trouble(view: RouteView, now_wall: float) -> str:
    """Return how many attempts in a row have failed, "" for none; those without a verdict do not count."""
    failures = list(takewhile(lambda point: not point.success, reversed(view.trend.points())))
    if not failures:
        return ""
    first = age(now_wall - failures[-1].started_wall)
    return f"{len(failures)} attempts in a row, the first {first}" if len(failures) > 1 else f"1 attempt, {first}"


def _outcome(result: Result) -> str:
    if result.outcome is Outcome.PENDING and result.success is False:
        return "pending, overdue"
    return str(result.outcome).replace("_", " ")


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
