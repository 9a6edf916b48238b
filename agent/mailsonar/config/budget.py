"""Whether the plan as a whole is one that servers allow: logins, submissions, and one owner for each maildrop."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction

from mailsonar.config.durations import format_duration
from mailsonar.config.problem import Place, Report
from mailsonar.config.sections import Named
from mailsonar.config.wording import listing
from mailsonar.model.limits import Counted, Rate
from mailsonar.model.route import Maildrop, Route, Sender
from mailsonar.model.server import Account, Server

_POP3_PORTS = {110, 995}
_PERIODS = {60.0: "a minute", 3600.0: "an hour", 86_400.0: "a day"}


def check_plan(senders: Named[Sender], maildrops: Named[Maildrop], routes: Iterable[Route], report: Report) -> None:
    """Report what asks too much of a server."""
    outgoing: dict[str, list[Route]] = defaultdict(list)
    incoming: dict[str, list[Route]] = defaultdict(list)
    for route in routes:
        if route.enabled:
            outgoing[route.sender.account.key].append(route)
            incoming[route.maildrop.name].append(route)
    for name, sender in senders.values.items():
        _check_attempts(outgoing[sender.account.key], sender.account, senders.places[name], report)
    for name, maildrop in maildrops.values.items():
        _check_attempts(incoming[name], maildrop.account, maildrops.places[name], report)
        _check_poll(maildrop, incoming[name], maildrops.places[name] / "poll", report)
    _check_owners(maildrops, report)


def _check_attempts(routes: Sequence[Route], account: Account, place: Place, report: Report) -> None:
    """Report routes whose attempts alone, one login and one submission for each, are beyond the account's budget."""
    for rate in account.limits.rates:
        counted = counted_in(rate, routes)
        needed = math.ceil(needed_by(routes, rate))
        if needed > rate.count:
            report.wrong(_to_blame(rate, account.server, place), _beyond(rate, counted, needed))


def needed_by(routes: Iterable[Route], rate: Rate) -> Fraction:
    """Return how many attempts on routes count in a rate, within its time; exactly, since a plan may need all of it."""
    seconds = Fraction(rate.seconds)
    return sum((seconds / Fraction(route.interval_seconds) for route in counted_in(rate, routes)), Fraction())


def counted_in(rate: Rate, routes: Iterable[Route]) -> Sequence[Route]:
    """Return those of an account's routes whose attempts count in a rate; it may send from several addresses."""
    if rate.counted is not Counted.EXTERNAL_SUBMISSION:
        return list(routes)
    return [
        route
        for route in routes
        if route.leaves_the_organisation and rate.counted in {one.counted for one in route.sender.account.limits.rates}
    ]


def _to_blame(rate: Rate, server: Server, place: Place) -> Place:
    """Return the key that a rate follows from, of an account's at a place."""
    match rate.counted:
        case Counted.LOGIN:
            return place / server.protocol / "limits" / "logins_per_hour"
        case Counted.SUBMISSION:
            return place / server.protocol / "provider"
        case Counted.EXTERNAL_SUBMISSION:
            return place / "address"


def _beyond(rate: Rate, routes: Sequence[Route], needed: int) -> str:
    """Return what is wrong with routes that need more than a rate."""
    fitting = format_duration(math.ceil(rate.seconds * len(routes) / rate.count))
    which = f"its {len(routes)} routes need" if len(routes) > 1 else f"the route {routes[0].name} needs"
    return (
        f"{which} at least {needed} {rate.counted} {_PERIODS[rate.seconds]}, one for each attempt, "
        f"but {rate.count} are allowed: an interval of {fitting} or more fits"
    )


def _check_poll(maildrop: Maildrop, routes: Sequence[Route], place: Place, report: Report) -> None:
    """Report a fixed gap between looks that is beyond the budget, or too long to see a probe in time."""
    gap, budget = maildrop.poll_seconds, maildrop.account.limits.logins_per_hour
    if gap is None:
        return
    if budget is not None and 3600 / gap > budget:
        report.wrong(
            place,
            f"a look every {format_duration(gap)} is {math.ceil(3600 / gap)} logins an hour, "
            f"but limits.logins_per_hour allows {budget}: {format_duration(math.ceil(3600 / budget))} or more fits",
        )
    hasty = [route.name for route in routes if route.deadline_seconds < gap]
    if hasty:
        report.odd(place, f"looks are {format_duration(gap)} apart, longer than the deadline of: {listing(hasty)}")


def _check_owners(maildrops: Named[Maildrop], report: Report) -> None:
    """Report two maildrops that log in to the same one: POP3 locks it for one session (RFC 1939 section 4)."""
    owners: dict[tuple[str, int, str], str] = {}
    for maildrop in maildrops.values.values():
        account = maildrop.account
        owner = owners.setdefault((*_identity(account.server), account.name), maildrop.name)
        if owner != maildrop.name:
            report.wrong(
                maildrops.places[maildrop.name],
                f"{maildrop.name} and {owner} log in to the same account of {account.server.name}; "
                "a maildrop has one owner: let all routes use one of the two",
            )


def _identity(server: Server) -> tuple[str, int]:
    """Return what two ways to one server have in common: both of POP3's usual ports lead to the same maildrop."""
    return server.host.rstrip("."), 0 if server.port in _POP3_PORTS else server.port
