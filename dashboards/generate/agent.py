"""The agent itself: is it on time, does it keep its journal and its config, and what does it need."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.generate.page import Head, Row, page, several, variables_of
from dashboards.generate.palette import BLUE, ORANGE, VERMILLION, yes_no
from dashboards.generate.panels import Caption, Figure, Look, Query, Table, bars, figures, lines
from dashboards.generate.queries import SLOW_STEP, STEP, Scope, grown
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from mailsonar.observe import families as f
from mailsonar.observe.families import Family

HEAD = Head(
    name="agent",
    title="MailSonar / Agent",
    description="The agents themselves: a late agent measures wrongly, and a dead one not at all.",
    since="now-6h",
)
ACCEPTED = yes_no("accepted", "REFUSED", well=True)
ANSWERS = yes_no("answers", "SILENT", well=True)


def agent(labels: tuple[str, ...]) -> build.Dashboard:
    """Return the dashboard."""
    scope = Scope(labels=labels, agents=('job=~"$job"', 'instance=~"$instance"'))
    chosen = several("instance", f'label_values({f.BUILD_INFO.name}{{job=~"$job"}}, instance)', "The agents.")
    rows = [
        Row("Now", [*_figures(scope), _agents(scope)]),
        Row("Punctuality", [_lag(scope, f.SCHEDULE_LAG, "Starts"), _lag(scope, f.LOOP_LAG, "Event loop")]),
        Row("Work", [_work(scope), _mishaps(scope)]),
        Row("Maildrops", [_polls(scope), _maildrops(scope), _cleanup(scope)]),
        Row("Process", [_cpu(scope), _memory(scope), _files(scope)]),
    ]
    return page(HEAD, [*variables_of(scope), chosen], rows)


def _figures(scope: Scope) -> Sequence[Builder[Panel]]:
    restarts = f"sum({scope.counted(f.TASK_RESTARTS)}) or on () 0 * count({scope.of(f.BUILD_INFO)})"
    return figures(
        5,
        Figure(
            title="Agents not answering",
            expr=f"sum({scope.silence()})",
            text="Agents that were scraped within the time range, and that Prometheus cannot scrape now.",
            width=6,
        ),
        Figure(
            title="Configs refused",
            expr=f"sum({scope.of(f.RELOAD_SUCCESSFUL)} == bool 0)",
            text="Agents that refused the config when it was last read, and run on with the one before.",
            width=6,
        ),
        Figure(
            title="Journal writes that failed",
            expr=f"sum({grown(scope.of(f.JOURNAL_FAILURES))})",
            text="Within the time range. What could not be written is lost if the agent crashes.",
            width=6,
        ),
        Figure(
            title="Tasks started again",
            expr=restarts,
            text="Within the time range, after an error: a bug of ours. The agent's log has the traceback.",
            width=6,
        ),
    )


def _agents(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Agents",
        description="Each agent, its version, which shard it is (index) of how many (total), whether it answers, and "
        "whether it accepted the config when it was last read.",
        width=24,
        height=6,
    )
    by = "job, instance"
    uptime = scope.of_process("process_start_time_seconds")
    queries = [
        Query(f"max by ({by}) (1 - ({scope.silence()}))", "scrape"),
        Query(f"max by ({by}, version, revision, python) ({scope.of(f.BUILD_INFO)})"),
        Query(f"max by ({by}, index, total) ({scope.of(f.SHARD_INFO)})"),
        Query(f"min by ({by}) ({scope.of(f.RELOAD_SUCCESSFUL)})", "config"),
        Query(f"time() - max by ({by}) ({scope.of(f.RELOAD_TIMESTAMP)})", "config accepted before"),
        Query(f"time() - max by ({by}) ({uptime})", "runs for"),
    ]
    made = Table(caption, queries, ("scrape", False)).column("scrape", Look(words=ANSWERS), coloured=True)
    made.column("config", Look(words=ACCEPTED), coloured=True)
    return made.column("config accepted before", Look(unit="s")).column("runs for", Look(unit="s")).panel


def _lag(scope: Scope, family: Family, what: str) -> Builder[Panel]:
    caption = Caption(
        title=f"{what}: how late",
        description=f"{family.help} The median and 99 of 100 within each step of the graph, as far as the histogram's "
        "buckets tell, and the mean.",
        unit="s",
        step="1m",
    )
    bucket = f"sum by (le) (rate({scope.of(family, suffix='_bucket')}[{STEP}]))"
    total, count = (f"sum(rate({scope.of(family, suffix=suffix)}[{STEP}]))" for suffix in ("_sum", "_count"))
    queries = [
        Query(f"histogram_quantile(0.5, {bucket})", "median"),
        Query(f"histogram_quantile(0.99, {bucket})", "99 of 100"),
        Query(f"{total} / ({count} > 0)", "mean"),
    ]
    return lines(caption, queries, {"median": BLUE, "99 of 100": VERMILLION, "mean": ORANGE})


def _work(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Attempts started, and under way",
        description="Started within each step of the graph; under way at that moment. What is under way and grows "
        "without end means that nothing arrives.",
        decimals=0,
        step=SLOW_STEP,
    )
    queries = [
        Query(f"sum by (instance) ({grown(scope.of(f.STARTED), STEP)})", "{{instance}} started"),
        Query(f"sum by (instance) ({scope.of(f.PENDING)})", "{{instance}} under way"),
    ]
    return lines(caption, queries)


def _mishaps(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Mishaps of the agent",
        description="Journal writes that failed, and tasks that were started again, within each step of the graph.",
        decimals=0,
        step=SLOW_STEP,
    )
    queries = [
        Query(f"sum by (instance) ({grown(scope.of(f.JOURNAL_FAILURES), STEP)})", "{{instance}} journal"),
        Query(f"sum by (instance, task) ({scope.counted(f.TASK_RESTARTS, STEP)})", "{{instance}} {{task}}"),
    ]
    return bars(caption, queries)


def _polls(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Looks at maildrops, by result",
        description="Looks within each step of the graph: ok, or the reason of the fault.",
        decimals=0,
        step=SLOW_STEP,
    )
    expr = f"sum by (result) ({scope.counted(f.POLLS, STEP)})"
    return bars(caption, [Query(expr, "{{result}}")])


def _maildrops(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Maildrops, the fullest first",
        description="Messages and size when last listed, and how long ago that was.",
    )
    queries = [
        Query(f"max by (maildrop) ({scope.of(f.MESSAGES)})", "messages"),
        Query(f"max by (maildrop) ({scope.of(f.BYTES)})", "size"),
        Query(f"time() - max by (maildrop) ({scope.of(f.LAST_LISTED)})", "listed before"),
    ]
    made = Table(caption, queries, ("messages", True)).column("messages", Look(decimals=0))
    return made.column("size", Look(unit="bytes")).column("listed before", Look(unit="s")).panel


def _cleanup(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Looks that could not clean up",
        description="Looks that could not remove one of our own messages, by maildrop and reason, within each step of "
        "the graph. Empty where there was none.",
        width=24,
        decimals=0,
        step=SLOW_STEP,
    )
    expr = f"sum by (maildrop, reason) ({scope.counted(f.CLEANUP_FAILURES, STEP)}) > 0"
    return bars(caption, [Query(expr, "{{maildrop}}: {{reason}}")])


def _cpu(scope: Scope) -> Builder[Panel]:
    caption = Caption(title="Processor", description="Processor time per second.", width=8, unit="percentunit")
    seconds = scope.of_process("process_cpu_seconds_total")
    counter, joined = seconds.split(" and ", 1)
    return lines(caption, [Query(f"rate({counter}[{STEP}]) and {joined}", "{{instance}}")])


def _memory(scope: Scope) -> Builder[Panel]:
    caption = Caption(title="Memory", description="Resident memory.", width=8, unit="bytes")
    return lines(caption, [Query(scope.of_process("process_resident_memory_bytes"), "{{instance}}")])


def _files(scope: Scope) -> Builder[Panel]:
    caption = Caption(
        title="Open files",
        description="Sockets and files that are open, and how many may be.",
        width=8,
        decimals=0,
    )
    queries = [
        Query(scope.of_process("process_open_fds"), "{{instance}}"),
        Query(scope.of_process("process_max_fds"), "{{instance}} limit"),
    ]
    return lines(caption, queries)
