"""PromQL from the declarations of the metrics: what is selected, and the expressions that several dashboards share.

Slow probes set the tone: at an interval of five minutes a counter stands still for most windows, so counts are
increases over the range or over steps of ten minutes and more, never rates per second over four scrapes.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailsonar.observe import families as f
from mailsonar.observe.families import Family

RANGE = "$__range"
STEP = "$__rate_interval"
SLOW_STEP = "10m"
STALE_AFTER_INTERVALS = 3
SERVER = "job, instance, server, protocol"
ACCOUNT = f"{SERVER}, account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a dashboard's variables select.

    Args:
        labels: the label names that the agents' config declares for routes. A variable whose label no agent declares
            has no values but All, which is `.*` and matches series without the label, too.
        agents: matchers of every family.
        routes: further matchers of the families of routes.
        servers: further matchers of the families that name a server.
    """

    labels: tuple[str, ...]
    agents: tuple[str, ...] = ('job=~"$job"',)
    routes: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()

    @property
    def by(self) -> str:
        """Return the labels that name a route to its reader."""
        return ", ".join((*self.labels, "route"))

    @property
    def owner(self) -> str:
        """Return the first declared label: whom a route belongs to."""
        return self.labels[0]

    def of(self, family: Family, *matchers: str, suffix: str = "") -> str:
        """Return the selector of a family's series within the scope."""
        declared = tuple(f'{name}=~"${name}"' for name in self.labels)
        of_route = (*declared, *self.routes) if family.of_route else ()
        of_server = self.servers if "server" in family.labels else ()
        chosen = (*self.agents, *of_route, *of_server, *matchers)
        return f"{family.name}{suffix}{{{','.join(chosen)}}}"

    def of_process(self, name: str) -> str:
        """Return the series of a family that is not ours, of processes that are."""
        return f"{name}{{{','.join(self.agents)}}} and on (job, instance) {self.of(f.BUILD_INFO)}"

    def states(self, by: str) -> str:
        """Return 0 for what is down, 1 where nobody can say, 2 for what is up; the worst of each group.

        Nobody can say where there is no verdict, or an old one, of a route that was known within the range: an agent
        that died takes its series with it, and must not take its routes off the wall.
        """
        late = f"{STALE_AFTER_INTERVALS} * {self.of(f.INTERVAL)}"
        stale = f"time() - {self.of(f.LAST_START)} > {late}"
        known = f"last_over_time({self.of(f.ROUTE_INFO)}[{RANGE}] @ end())"
        state = f"2 * min by ({self.by}) ({self.of(f.SUCCESS)} unless ({stale})) or max by ({self.by}) ({known})"
        return f"({state})" if by == self.by else f"min by ({by}) ({state})"

    def ever_down(self, by: str) -> str:
        """Return the groups in which a verdict was bad within the range."""
        return f"min by ({by}) (min_over_time({self.of(f.SUCCESS)}[{RANGE}] @ end())) == 0"

    def counted(self, family: Family, window: str = RANGE) -> str:
        """Return by how much counters grew that appear with their first count, which `increase` alone would miss.

        What appeared within the window counts whole where the agent was there, or started, without it. After a gap in
        the scrapes nobody knows when it appeared: there it is the growth that was seen.
        """
        counter, before = self.of(family), f"offset {window}"
        witness = f"{self.of(f.BUILD_INFO)} {before}"
        if window == RANGE:
            witness = f"({witness} or process_start_time_seconds{{{','.join(self.agents)}}} > time() - $__range_s)"
        appeared = f"max_over_time({counter}[{window}]) and on (job, instance) {witness}"
        return f"({grown(counter, window)} and {counter} {before} or {appeared} or {grown(counter, window)})"

    def silence(self) -> str:
        """Return 1 for each agent that was scraped within the range and cannot be scraped now, 0 for those that can."""
        known = f"last_over_time({self.of(f.BUILD_INFO)}[{RANGE}] @ end())"
        return f"(1 - up{{{','.join(self.agents)}}}) and on (job, instance) {known}"

    def owned(self, vector: str, on: str = SERVER, carried: str = "") -> str:
        """Return the figures of servers or accounts, once for each declared label set whose routes use them."""
        names = ", ".join((*self.labels, on))
        owners = f"group by ({names}) ({self.of(f.ROUTE_SERVER_INFO)})"
        return f"{owners} * on ({on}) group_left ({carried}) ({vector})"

    def used(self, vector: str, on: str = SERVER) -> str:
        """Return the figures of those servers or accounts only that routes of the scope use."""
        return f"({vector}) and on ({on}) {self.of(f.ROUTE_SERVER_INFO)}"


def grown(counter: str, window: str = RANGE) -> str:
    """Return by how much a counter grew that is there from the first scrape."""
    return f"increase({counter}[{window}])"
