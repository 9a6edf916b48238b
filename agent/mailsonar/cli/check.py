"""`mailsonar check`: one live attempt on each route, with live progress and a stage waterfall."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from mailsonar.app.signing import signing_key
from mailsonar.app.tools import opened_tools
from mailsonar.cli.flags import Arguments, settings_of
from mailsonar.cli.live import watching
from mailsonar.cli.report import FORMATS
from mailsonar.cli.server_report import as_servers
from mailsonar.cli.severity import UNKNOWN, Thresholds, worst
from mailsonar.clock import SystemClock
from mailsonar.config.load import Config, ConfigInvalid
from mailsonar.journal.folder import StateUnusable
from mailsonar.model.fault import Reason, TlsFailed
from mailsonar.model.observer import Login
from mailsonar.model.result import Result
from mailsonar.model.route import Expectation, Route, maildrops_of
from mailsonar.observe.history import History
from mailsonar.observe.log_format import configure_logging
from mailsonar.probe.maildrop import MaildropOwner
from mailsonar.probe.prober import Prober
from mailsonar.probe.roundtrip import RoundTrip
from mailsonar.probe.workshop import Workshop

GLANCE_SECONDS = 0.1
GLIMPSE_PATIENCE_SECONDS = 5.0

log = logging.getLogger(__name__)

# Waiting does not mend these.
_HOPELESS = frozenset(
    {
        Reason.AUTHENTICATION_REJECTED,
        Reason.AUTHENTICATION_UNAVAILABLE,
        Reason.CERTIFICATE_EXPIRED,
        Reason.CERTIFICATE_NOT_YET_VALID,
        Reason.CERTIFICATE_NAME_MISMATCH,
        Reason.CERTIFICATE_UNTRUSTED,
        Reason.CERTIFICATE_WEAK,
    }
)


class NoSuchRoute(Exception):
    """A route was named that the config does not have; the message lists those that it has."""


class _Finished(Exception):
    """All results are there: ends what still looks after them."""


async def command(arguments: Arguments) -> int:
    """Check the named routes; return the exit code."""
    configure_logging(arguments.log_level, arguments.log_format, sys.stderr)
    settings = settings_of(arguments)
    clock = SystemClock()
    try:
        config = settings.load()
        routes = _chosen(config, arguments.routes)
        key, _ = signing_key(config.signing_key, settings.storage)
        history = History()
        history.set_routes(routes)
        with opened_tools(clock, (history,)) as tools:
            results = await check(routes, tools.workshop(config, (key,)), arguments.wait)
    except (ConfigInvalid, NoSuchRoute, StateUnusable, TlsFailed) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command line speaks to people
        return UNKNOWN
    except Exception:
        log.exception("the check failed by our own fault")
        return UNKNOWN
    thresholds = Thresholds(arguments.warning, arguments.critical)
    logins = {login.account.key: login for view in history.routes() for login in view.logins}
    results = [_with_newest_tls(result, logins.values()) for result in results]
    print(FORMATS[arguments.output](results, thresholds), end="")  # noqa: T201 - this is the command's output
    if arguments.output == "text":
        print(as_servers(logins.values(), clock.wall()), end="")  # noqa: T201 - this is the command's output
    return worst(results, thresholds)


def _with_newest_tls(result: Result, logins: Iterable[Login]) -> Result:
    """Return the result with what a glimpse of a server showed after its handshake had failed."""
    newest = {(login.tls.server, login.tls.protocol): login.tls for login in logins if login.tls}
    return replace(result, tls=tuple(newest.get((tls.server, tls.protocol), tls) for tls in result.tls))


def _chosen(config: Config, names: Sequence[str]) -> list[Route]:
    enabled = {route.name: route for route in config.routes if route.enabled}
    for name in names:
        if name not in enabled:
            known = ", ".join(enabled) or "none"
            raise NoSuchRoute(f"there is no enabled route {name!r} in the config; there are: {known}")
    if not enabled:
        raise NoSuchRoute("the config has no enabled route: nothing can be checked")
    return [enabled[name] for name in dict.fromkeys(names)] if names else list(enabled.values())


async def check(routes: Sequence[Route], workshop: Workshop, wait_seconds: float | None) -> list[Result]:
    """Make one attempt on each route, all at once.

    Args:
        routes: which routes.
        workshop: what to work with.
        wait_seconds: how long to wait for each message; None for its route's deadline.

    Returns:
        A result for each route, in their order; pending where the message was not seen in time.
    """
    results: list[Result] = []
    try:
        async with asyncio.TaskGroup() as group:
            maildrops = {maildrop.name: maildrop for maildrop in maildrops_of(routes)}
            owners = {name: MaildropOwner(maildrop, workshop) for name, maildrop in maildrops.items()}
            for owner in owners.values():
                group.create_task(owner.run())
            prober = Prober(workshop, owners, group.create_task)
            with watching(routes) as screen:
                probes = [_probe(route, prober, wait_seconds, screen.show) for route in routes]
                results += await asyncio.gather(*probes)
            await workshop.glimpses.settled(GLIMPSE_PATIENCE_SECONDS)
            raise _Finished  # noqa: TRY301 - the one way to end a task group from within
    except* _Finished:
        pass
    return results


async def _probe(route: Route, prober: Prober, wait_seconds: float | None, show: Callable[[RoundTrip], None]) -> Result:
    roundtrip, task = await prober.begin(route)
    clock = SystemClock()
    wait = wait_seconds or route.deadline_seconds
    if route.expect is Expectation.BLOCKED:  # nothing can be said of it before
        wait = max(wait, route.deadline_seconds)
    ends = roundtrip.attempt.started + wait + GLANCE_SECONDS
    while not task.done():
        show(roundtrip)
        if _is_hopeless(roundtrip):
            roundtrip.give_up()
        elif clock.monotonic() > ends:
            return roundtrip.state()
        await asyncio.wait([task], timeout=GLANCE_SECONDS)
    show(roundtrip)
    return task.result()


def _is_hopeless(roundtrip: RoundTrip) -> bool:
    """Tell whether the maildrop cannot be looked into, and no waiting will change that."""
    since, last = roundtrip.awaited.sought_since, roundtrip.owner.last_look
    fault = roundtrip.owner.last_fate.fault
    return bool(since and last and last.started >= since and fault and fault.reason in _HOPELESS)
