"""Several agents as processes that share one config: who runs what, and what a change of their number moves."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import pytest
from tests.support.agent_process import AgentProcess
from tests.support.command_line import mailsonar, warnings_in
from tests.support.quiet_sandbox import QuietSandbox, quiet_sandbox, token_of
from tests.support.scrape import Scrape
from tests.support.tallies import tallies

from mailsonar.config.load import load_config
from mailsonar.journal.folder import JOURNAL_FILE
from mailsonar.model.shard import owner_of
from mailsonar.sandbox import faults

ROUTES = 300
SETTINGS = "interval: 720h, deadline: 5m, give_up: 10m"


@asynccontextmanager
async def fleet(config_file: Path, folder: Path, total: int) -> AsyncIterator[Sequence[AgentProcess]]:
    """Run so many agents as the pods of a StatefulSet, each with a state folder that outlives it; end them well."""
    async with AsyncExitStack() as stack:
        agents = []
        for index in range(total):
            pod = folder / f"mailsonar-{index}"
            pod.mkdir(exist_ok=True)
            arguments = ["--storage.path", pod / "state", "--web.enable-lifecycle"]
            variables = {"MAILSONAR_SHARD_TOTAL": str(total), "POD_NAME": pod.name}
            agents.append(AgentProcess(config_file, pod, arguments, variables))
        await asyncio.gather(*map(stack.enter_async_context, agents))
        yield agents
        await asyncio.gather(*(agent.stop() for agent in agents))
        for agent in agents:
            assert [line for line in warnings_in(agent.stderr) if "end as unobserved" not in line] == []


def routes_in(scrape: Scrape) -> set[str]:
    """Return the routes that an agent runs."""
    return {sample.labels["route"] for sample in scrape.matching("mailsonar_probe_interval_seconds")}


async def shares_of(agents: Sequence[AgentProcess]) -> list[set[str]]:
    """Return what each agent runs, after it was seen that it says so of itself."""
    scrapes = await asyncio.gather(*(agent.metrics() for agent in agents))
    for index, scrape in enumerate(scrapes):
        assert [one.labels for one in scrape.matching("mailsonar_shard_info")] == [
            {"index": str(index), "total": str(len(agents))}
        ]
        maildrops = {sample.labels["maildrop"] for sample in scrape.matching("mailsonar_route_info")}
        assert {f"in{route.removeprefix('route')}" for route in routes_in(scrape)} == maildrops
    return [routes_in(scrape) for scrape in scrapes]


async def probe(agent: AgentProcess, routes: Iterable[str]) -> None:
    """Start an attempt on each route."""
    for route in routes:
        assert (await agent.post(f"/api/v1/routes/{route}/probe"))[0] == 202


async def settled(agent: AgentProcess) -> None:
    """Wait for the end of all that is under way."""
    await agent.until(lambda found: found.total("mailsonar_probes_pending") == 0, 30, "all attempts to end")


def journal_of(folder: Path, index: int) -> dict[str, list[tuple[str, str | None]]]:
    """Return the attempts in an agent's journal by route, each with its token's id and its outcome."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    with closing(sqlite3.connect(folder / f"mailsonar-{index}" / "state" / JOURNAL_FILE)) as journal:
        for route, token, outcome in journal.execute("SELECT route, token, outcome FROM attempts ORDER BY started"):
            found.setdefault(route, []).append((token, outcome))
    return found


def mailbox_of(sandbox: QuietSandbox, route: str) -> list[bytes]:
    """Return the messages in the mailbox that a route leads to."""
    return [stored.content for stored in sandbox.gates[int(route.removeprefix("route"))].mailbox.messages]


async def test_three_shards_become_four(tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    """Each maildrop has one owner; a fourth takes at most a third; what stays goes on, what moves is unobserved."""
    every = {f"route{number}" for number in range(ROUTES)}
    async with quiet_sandbox(ROUTES) as sandbox:
        config_file = sandbox.config(tmp_path, SETTINGS, maildrops=", poll: 4s")
        for gate in sandbox.gates:
            gate.is_open = False
        async with fleet(config_file, tmp_path, 3) as agents:
            before = await shares_of(agents)
            assert (set().union(*before), sum(map(len, before))) == (every, ROUTES)
            await asyncio.gather(*map(probe, agents, before))
            async with asyncio.timeout(30):
                await asyncio.gather(*(gate.came.wait() for gate in sandbox.gates))
        sent = {f"route{number}": gate.sent for number, gate in enumerate(sandbox.gates)}
        assert {len(contents) for contents in sent.values()} == {1}, "every route was probed once, by one agent"
        first = [journal_of(tmp_path, index) for index in range(3)]
        assert all(outcome is None for journal in first for [(_, outcome)] in journal.values()), "all are under way"
        for gate in sandbox.gates:
            gate.open()

        async with fleet(config_file, tmp_path, 4) as agents:
            after = await shares_of(agents)
            assert (set().union(*after), sum(map(len, after))) == (every, ROUTES)
            moved = after[3]
            assert [old - new for old, new in zip(before, after, strict=False)] == [old & moved for old in before]
            assert 0 < len(moved) <= ROUTES / 3
            await asyncio.gather(*map(settled, agents))
            assert_stayed(tallies(await agents[0].metrics()), after[0])
            assert_nothing_left(sandbox, every - moved)
            await probe(agents[3], moved)
            await settled(agents[3])
            assert_stayed(tallies(await agents[3].metrics()), moved)

        for index in range(3):
            journal = journal_of(tmp_path, index)
            for route in before[index]:
                [(token, outcome)] = journal[route]
                assert outcome == ("unobserved" if route in moved else "on_time"), route
                assert [(token, None)] == first[index][route], "it is the same attempt"
        for route in moved:
            assert mailbox_of(sandbox, route) == sent[route][:1], "another agent's message is left until it is old"
    record_property("routes of three shards", [len(one) for one in before])
    record_property("and of four", [len(one) for one in after])


def assert_stayed(found: Mapping[str, object], routes: Iterable[str]) -> None:
    """Insist that each of these routes had one attempt, and that it ended on time."""
    for route in routes:
        tally = found[route]
        assert (tally.started, tally.pending, tally.outcomes["on_time"]) == (1, 0, 1), route


def assert_nothing_left(sandbox: QuietSandbox, routes: Iterable[str]) -> None:
    """Insist that no message lies in the mailboxes of these routes."""
    assert [route for route in routes if mailbox_of(sandbox, route)] == []


async def test_two_agents_in_one_maildrop_do_no_harm(tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    """While the number changes two agents own a maildrop: each takes its own messages, and leaves the other's alone."""
    rounds = 3
    async with quiet_sandbox(1) as sandbox:
        [gate] = sandbox.gates
        sandbox.pop3.faults.on(faults.late("QUIT", 0.2))  # so that they find each other's lock now and then
        config_file = sandbox.config(tmp_path, SETTINGS)
        [maildrop] = load_config(config_file, environ={}).maildrops.values()
        async with AsyncExitStack() as stack:
            agents = []
            for total in (1, 2):
                folder = tmp_path / f"of{total}"
                folder.mkdir()
                shard = ["--shard.index", str(owner_of(maildrop, total)), "--shard.total", str(total)]
                agents.append(AgentProcess(config_file, folder, ["--web.enable-lifecycle", *shard]))
            await asyncio.gather(*map(stack.enter_async_context, agents))
            for _ in range(rounds):
                gate.is_open = False
                for agent in agents:
                    gate.came.clear()
                    await probe(agent, ["route0"])
                    await asyncio.wait_for(gate.came.wait(), 30)
                assert len(gate.held) == len(agents), "the messages of both lie in the maildrop together"
                gate.open()
                await asyncio.gather(*map(settled, agents))
            scrapes = await asyncio.gather(*(agent.metrics() for agent in agents))
            await asyncio.gather(*(agent.stop() for agent in agents))
        assert gate.mailbox.messages == []
        assert len({token_of(content) for content in gate.sent}) == len(gate.sent) == rounds * len(agents)
    for scrape in scrapes:
        assert scrape.total("mailsonar_probes_total") == rounds
        assert scrape.total("mailsonar_probes_total", outcome="on_time") == rounds
        assert scrape.total("mailsonar_probe_duplicates_total") == 0
        assert scrape.total("mailsonar_maildrop_cleanup_failures_total") == 0
    locked = sum(one.total("mailsonar_maildrop_polls_total", result="maildrop_in_use") for one in scrapes)
    record_property("two agents in one maildrop", f"{locked:.0f} looks found it locked by the other")


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        (["--shard.total", "0"], {}, "--shard.total: '0': must be 1 or more"),
        (
            [],
            {"MAILSONAR_SHARD_TOTAL": "3", "POD_NAME": "mailsonar-3"},
            "POD_NAME is 'mailsonar-3', its ordinal 3, but --shard.total is 3",
        ),
        (
            ["--shard.total", "3"],
            {"POD_NAME": "mailsonar"},
            "without an ordinal such as -0 at its end; give --shard.index",
        ),
    ],
)
async def test_shard_that_cannot_be_does_not_start(
    arguments: list[str], variables: dict[str, str], told: str, tmp_path: Path
) -> None:
    """A wrong number or name ends `run` as bad usage does, with a remedy, before it reads or sends anything."""
    ended = await mailsonar("run", "--config.file", tmp_path / "no-such", *arguments, environment=variables)
    assert ended.status == 2
    assert told in ended.stderr
    assert "no-such" not in ended.stderr


async def test_validate_warns_of_what_shards_leave_out(tmp_path: Path) -> None:
    """`validate` takes the number from the pod's environment, and sees the whole config whichever pod it runs in."""
    async with quiet_sandbox(12) as sandbox:
        config_file = sandbox.config(tmp_path, SETTINGS)
        config_file.write_text(config_file.read_text().replace("senders: {out: {", "senders: {out: {bounces: in0, "))
        pod = {"MAILSONAR_SHARD_TOTAL": "3", "POD_NAME": "mailsonar-9"}
        sharded = await mailsonar("validate", "--config.file", config_file, environment=pod)
        alone = await mailsonar("validate", "--config.file", config_file)
    assert (alone.status, alone.stderr) == (0, "")
    assert (sharded.status, sharded.stdout) == (0, f"{config_file}: valid: 12 routes, 1 senders, 12 maildrops\n")
    [warning] = sharded.stderr.splitlines()
    assert warning.startswith("warning: the bounces of out come back to maildrop in0 of shard ")
