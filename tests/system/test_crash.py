"""An agent that is killed again and again loses no attempt, submits nothing twice, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from tests.support.agent_process import AgentProcess
from tests.support.busy_sandbox import BusySandbox, busy_sandbox
from tests.support.scrape import Scrape
from tests.support.soak import scaled
from tests.support.tallies import Tally, assert_all_accounted_for, assert_nothing_taken_back, outcomes_of, tallies

from mailsonar.sandbox.faults import ACCEPTANCE, CONNECTION, CREDENTIALS, FINAL_DOT, ServerFault

pytestmark = pytest.mark.takes_seconds(70)

ROUTES = {f"route{number}": number for number in range(50)}
KILLS = scaled(20, 200)
SMTP_MOMENTS = (
    CONNECTION,
    "EHLO",
    "STARTTLS",
    "AUTH",
    CREDENTIALS,
    "MAIL",
    "RCPT",
    "DATA",
    FINAL_DOT,
    ACCEPTANCE,
    "QUIT",
)
POP3_MOMENTS = (CONNECTION, "CAPA", "AUTH", CREDENTIALS, "STAT", "LIST", "UIDL", "TOP", "DELE", "QUIT")
MOST_MOMENTS = scaled(1_000, 4_000)  # of all routes together; an attempt that goes well has about twenty
SCRAPE_SECONDS = 0.2
LONGEST_BURN_SECONDS = 60.0
SETTINGS = {"deadline": "5s", "give_up": "10s"}


class Fuse:
    """Kills the agent in the middle of a session, when so many moments of any session have passed."""

    def __init__(self, agent: AgentProcess, sandbox: BusySandbox) -> None:
        self.struck: Counter[str] = Counter()
        self._agent = agent
        self._left = 0
        self._blown = asyncio.Event()
        for server, protocol, moments in ((sandbox.smtp, "smtp", SMTP_MOMENTS), (sandbox.pop3, "pop3", POP3_MOMENTS)):
            server.faults.on(*(self._lit_by(f"{protocol} {moment}", moment) for moment in moments))

    def _lit_by(self, name: str, moment: str) -> ServerFault:
        async def pass_on(_transport: asyncio.Transport) -> None:
            self._left -= 1
            if self._left == 0:
                self._agent.process.kill()
                self.struck[name] += 1
                self._blown.set()

        return ServerFault(name=name, moments=frozenset({moment}), act=pass_on)

    async def burn(self, moments: int) -> dict[str, Tally]:
        """Wait for the kill, and return what the last scrape before it showed."""
        _, text = await self._agent.get("/metrics")
        self._blown.clear()
        self._left = moments
        async with asyncio.timeout(LONGEST_BURN_SECONDS):
            while not self._blown.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._blown.wait(), SCRAPE_SECONDS)
                text = await self._scraped() or text
        await self._agent.process.wait()
        return tallies(Scrape.parse(text))

    async def _scraped(self) -> str | None:
        try:
            return (await self._agent.get("/metrics"))[1]
        except aiohttp.ClientError:  # the kill came in between
            return None


async def settled(agent: AgentProcess) -> Scrape:
    """Make one more attempt on each route, and return the scrape after the end of all that were under way."""
    for name in ROUTES:
        status, _ = await agent.post(f"/api/v1/routes/{name}/probe")
        assert status < 300
    return await agent.until(lambda scrape: scrape.total("mailsonar_probes_pending") == 0, 30, "all attempts to end")


async def test_kill_at_random_moments(tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    """Wherever it is killed: started = outcomes + pending on every route, no token twice, no message of ours left."""
    moments = random.Random(20261123)  # noqa: S311 - moments to kill at need no secrecy
    async with busy_sandbox(len(ROUTES), tmp_path, seed=7) as sandbox:
        config_file = tmp_path / "mailsonar.yml"
        config_file.write_text(sandbox.config(ROUTES, interval="1s", **SETTINGS))
        arguments = ["--storage.path", tmp_path / "state", "--web.enable-lifecycle"]
        async with AgentProcess(config_file, tmp_path, arguments) as agent:
            fuse = Fuse(agent, sandbox)
            for _ in range(KILLS):
                before = await fuse.burn(moments.randrange(1, MOST_MOMENTS))
                await agent.start()
                after = tallies(await agent.metrics())
                assert_all_accounted_for(before)
                assert_all_accounted_for(after)
                assert_nothing_taken_back(before, after)
            await sandbox.calm()
            config_file.write_text(sandbox.config(ROUTES, interval="1h", **SETTINGS))
            assert (await agent.post("/-/reload"))[0] == 200
            scrape = await settled(agent)
            await agent.stop()
        assert_all_accounted_for(tallies(scrape))
        sandbox.assert_only_foreign_mail_is_left()
        submitted = sandbox.submitted
    record_property(f"attempts over {KILLS} kills", scrape.total("mailsonar_probes_started_total"))
    record_property("their outcomes", outcomes_of(scrape))
    record_property("killed at", dict(fuse.struck))
    assert max(submitted.values()) == 1
    assert len(submitted) <= scrape.total("mailsonar_probes_started_total")
    assert scrape.total("mailsonar_probes_total", outcome="lost") == 0, "nothing is ever lost in this world"
