"""Many reloads under load, by signal, request and change on disk in turn, one in three of them of a broken config.

No attempt is lost, no descriptor is left open, memory stays flat, and what does not change is not disturbed.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.agent_process import AgentProcess
from tests.support.busy_sandbox import BusySandbox, busy_sandbox, user
from tests.support.command_line import assert_no_bug_shows
from tests.support.scrape import Scrape
from tests.support.soak import scaled
from tests.support.tallies import assert_all_accounted_for, assert_nothing_taken_back, outcomes_of, tallies

pytestmark = pytest.mark.takes_seconds(40)

RELOADS = scaled(30, 500)
WARM_UP = scaled(12, 150)
WAYS = ("POST", "SIGHUP", "disk")
MAILBOXES = 16
STAYING = {f"stays{number}": number for number in range(6)}
MARKER = {"marker": MAILBOXES - 1}  # its deadline tells which config is in force
STEADY = dict.fromkeys(("stays0", "stays1", "stays2"), "interval: 4s")
INTERVAL_SECONDS = 4.0
SETTINGS = {"deadline": "4s", "give_up": "8s"}
MOST_MAIL_BETWEEN = 12
STEP_SECONDS = 1.6
LEAST_IN_STEP = 0.75  # a submission that takes long puts the next start off; a schedule begun anew would give 0.4
# Two are usual, while histories fill. A soak whose every reload held on to one config, 105 KiB, would take 24 more.
FURTHER_MIB = 12

Spoil = Callable[[str], str]
BROKEN: dict[str, Spoil] = {
    "is not YAML": lambda text: text + "\n  - [",
    "nobody": lambda text: text + "\n  dangles: {from: nobody, to: in0}",
    "no such file": lambda text: text.replace("{file: password}", "{file: missing}", 1),
    "at most 65535": lambda text: text.replace("port: ", "port: 9", 1),
    "interval": lambda text: text.replace("interval: 1s", "interval: 1", 1),
    "give_up": lambda text: text.replace("give_up: 8s", "give_up: 1s", 1),
    "no certificate": lambda text: text.replace("ca_file: ca.pem", "ca_file: password", 1),
    "is empty": lambda _: "",
}


@dataclass(slots=True)
class Course:
    """What the scrapes on the way showed; `starts` of routes whose interval leaves room for slow submissions."""

    starts: dict[str, set[float]] = field(default_factory=lambda: {name: set() for name in STEADY})
    memory: list[float] = field(default_factory=list)
    last: Scrape | None = None

    def note(self, scrape: Scrape) -> None:
        """Check what holds at every scrape, and remember when routes that stay started last."""
        assert_all_accounted_for(tallies(scrape))
        if self.last:
            staying = {name: tally for name, tally in tallies(self.last).items() if name in STAYING}
            assert_nothing_taken_back(staying, tallies(scrape))
        for name, starts in self.starts.items():
            if started := scrape.value("mailsonar_probe_last_start_timestamp_seconds", route=name):
                starts.add(started)
        self.memory.append(scrape.value("process_resident_memory_bytes") or 0.0)
        self.last = scrape


class Rig:
    """A running agent, and the config that is changed under it."""

    def __init__(self, agent: AgentProcess, sandbox: BusySandbox, config_file: Path) -> None:
        self.course = Course()
        self._agent = agent
        self._sandbox = sandbox
        self._config_file = config_file
        self._chances = random.Random(11)  # noqa: S311 - chance needs no secrecy
        self._routes: dict[str, int] = {}

    async def idle(self) -> Scrape:
        """Let every mailbox have a route that starts only when asked to, ask once, and wait for the end of it all."""
        routes = {f"rests{number}": number for number in range(MAILBOXES)}
        self._write(self._sandbox.config(routes, interval="24h", **SETTINGS))
        assert await self._agent.post("/-/reload") == (200, "Reloaded.\n")
        for name in routes:
            assert (await self._agent.post(f"/api/v1/routes/{name}/probe"))[0] < 300
        return await self._agent.until(lambda scrape: _has_ended(scrape, routes), 30, "all attempts to end")

    async def reload(self, number: int) -> None:
        """Change the config, insist that it is taken over, or refused, as a whole, and wait for some more mail."""
        # Each way gets its share of the broken ones.
        way = WAYS[(number + number // 3) % 3]
        if number % 3 == 2:
            await self._refused(number, way)
        else:
            await self._accepted(number, way)
        mail = self._sandbox.sent + self._chances.randrange(1, MOST_MAIL_BETWEEN)
        await self._agent.until(lambda _: self._sandbox.sent >= mail, 20, "more mail")

    async def _accepted(self, number: int, way: str) -> None:
        routes = STAYING | self._varying(number) | MARKER
        deadline = 5 + number / 1000
        own = STEADY | {"marker": f"interval: 1h, deadline: {round(deadline * 1000)}ms"}
        own |= {name: f"interval: {1000 + number}ms" for name in routes if name.startswith("changes")}
        self._write(self._sandbox.config(routes, own, interval="1s", **SETTINGS))
        self._routes = routes
        if (answer := await self._set_off(way)) is not None:
            assert answer == (200, "Reloaded.\n")

        def is_in_force(scrape: Scrape) -> bool:
            return scrape.value("mailsonar_probe_deadline_seconds", route="marker") == pytest.approx(deadline)

        await self._judge(is_in_force, f"reload {number} by {way}", successful=1)

    async def _refused(self, number: int, way: str) -> None:
        complaint, spoil = list(BROKEN.items())[number // 3 % len(BROKEN)]
        text = self._sandbox.config(STAYING | MARKER, interval="1s", **SETTINGS)
        assert spoil(text) != text
        self._write(spoil(text))
        if answer := await self._set_off(way):
            assert answer[0] == 500
            assert complaint in answer[1]
        await self._judge(lambda scrape: _reloaded(scrape) == 0, f"refusal {number} by {way}", successful=0)

    async def _judge(self, condition: Callable[[Scrape], bool], what: str, *, successful: int) -> None:
        scrape = await self._agent.until(condition, 15, what)
        assert _reloaded(scrape) == successful, what
        assert _named(scrape, "route") == self._routes.keys(), what
        assert _named(scrape, "maildrop") == {f"in{mailbox}" for mailbox in self._routes.values()}, what
        assert _named(scrape, "account") == {user(mailbox) for mailbox in self._routes.values()}, what
        self.course.note(scrape)

    async def _set_off(self, way: str) -> tuple[int, str] | None:
        if way == "POST":
            return await self._agent.post("/-/reload")
        if way == "SIGHUP":
            self._agent.process.send_signal(signal.SIGHUP)
        return None

    def _varying(self, number: int) -> dict[str, int]:
        """Return routes that come, change or go with this reload; one has a name that no other reload gives."""
        free = range(len(STAYING), MAILBOXES - 2)
        coming = {f"comes{mailbox}": mailbox for mailbox in free if self._chances.random() < 0.4}
        return {"changes": MAILBOXES - 2, f"new{number}": free[number % len(free)]} | coming

    def _write(self, text: str) -> None:
        """Replace the config in one move, as editors and orchestrators do."""
        fresh = self._config_file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self._config_file)


def _has_ended(scrape: Scrape, routes: dict[str, int]) -> bool:
    """Tell whether each route has made an attempt, and none is under way."""
    now = tallies(scrape)
    return now.keys() == routes.keys() and all(tally.started and not tally.pending for tally in now.values())


def _reloaded(scrape: Scrape) -> float | None:
    return scrape.value("mailsonar_config_last_reload_successful")


def _named(scrape: Scrape, label: str) -> set[str]:
    """Return the values of a label over all series."""
    return {sample.labels[label] for sample in scrape.samples if label in sample.labels}


def _on_grid(starts: set[float]) -> float:
    """Return the share of a route's starts that keep step: those in the best fitting part of the interval."""
    phases = [start % INTERVAL_SECONDS for start in starts]
    return max(
        sum((phase - first) % INTERVAL_SECONDS < STEP_SECONDS for phase in phases) / len(phases) for first in phases
    )


async def test_reloads_under_load(tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    """All or nothing each time, every attempt accounted for, grids kept, descriptors and memory as before."""
    config_file = tmp_path / "mailsonar.yml"
    async with busy_sandbox(MAILBOXES, tmp_path, seed=5) as sandbox:
        config_file.write_text(sandbox.config(STAYING, interval="24h", **SETTINGS))
        arguments = ["--storage.path", tmp_path / "state", "--web.enable-lifecycle"]
        async with AgentProcess(config_file, tmp_path, arguments) as agent:
            rig = Rig(agent, sandbox, config_file)
            open_before = (await rig.idle()).value("process_open_fds") or 0.0
            for number in range(RELOADS):
                await rig.reload(number)
            await sandbox.calm()
            rested = await rig.idle()
            rested = await agent.until(
                lambda scrape: (scrape.value("process_open_fds") or 0) <= open_before, 20, "descriptors to be closed"
            )
            await agent.stop()
        assert_no_bug_shows(agent.stderr)
    course = rig.course
    further = (course.memory[-1] - course.memory[WARM_UP]) / 2**20
    in_step = min(map(_on_grid, course.starts.values()))
    record_property("share of starts that kept step, on the worst route", round(in_step, 3))
    record_property(
        f"memory in MiB after {WARM_UP} and {RELOADS} reloads",
        [round(course.memory[at] / 2**20, 1) for at in (WARM_UP, -1)],
    )
    record_property("outcomes on the routes that were left", outcomes_of(course.last or rested))
    sandbox.assert_foreign_mail_is_untouched()
    assert max(sandbox.submitted.values()) == 1
    assert in_step >= LEAST_IN_STEP
    assert further < FURTHER_MIB
