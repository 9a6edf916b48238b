"""The agent in this process: its start, its page, reloads by file and by signal, and its end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from tests.support.probing import ADDRESS, PASSWORD, Probing, impatient
from tests.support.scrape import Scrape

from mailsonar.app import agent as agents
from mailsonar.app import fleet
from mailsonar.app.agent import run_agent
from mailsonar.app.settings import Settings
from mailsonar.clock import SystemClock
from mailsonar.sandbox import faults

PATIENCE_SECONDS = 8.0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)
    monkeypatch.setattr(agents, "WATCH_SECONDS", 0.05)
    monkeypatch.setattr(fleet, "DRAIN_SECONDS", 0.3)


def config(mail: Probing, *routes: str, interval: str = "1s") -> str:
    """Return a config with these routes, all between the same two accounts."""
    account = f"username: {ADDRESS}, password: {PASSWORD}, security: plaintext, allow_plaintext_auth: true"
    listed = "".join(f"  {name}: {{from: out, to: in}}\n" for name in routes)
    return (
        f"defaults: {{interval: {interval}, deadline: 1s, give_up: 2s}}\n"
        f"senders: {{out: {{address: {ADDRESS}, smtp: {{host: 127.0.0.1, port: {mail.smtp.port}, {account}}}}}}}\n"
        f"maildrops: {{in: {{address: {ADDRESS}, pop3: {{host: 127.0.0.1, port: {mail.pop3.port}, {account}}}}}}}\n"
        f"routes:\n{listed}"
    )


@dataclass(slots=True)
class Mounted:
    """A config mounted as Kubernetes does it: links to a folder of that revision."""

    folder: Path
    revision: int = 0

    @property
    def file(self) -> Path:
        return self.folder / "mailsonar.yml"

    def write(self, text: str) -> None:
        """Exchange the revision in one step."""
        self.revision += 1
        target = self.folder / f"..{self.revision}"
        target.mkdir()
        (target / "mailsonar.yml").write_text(text)
        fresh = self.folder / "..data_tmp"
        fresh.symlink_to(target.name)
        fresh.rename(self.folder / "..data")
        if not self.file.is_symlink():
            self.file.symlink_to("..data/mailsonar.yml")


@dataclass(slots=True)
class Live:
    """An agent that runs, and its page."""

    url: str
    http: aiohttp.ClientSession
    task: asyncio.Task[None]

    async def scrape(self) -> Scrape:
        async with self.http.get(f"{self.url}metrics") as answer:
            return Scrape.parse(await answer.text())

    async def until(self, condition: Callable[[Scrape], bool]) -> Scrape:
        """Scrape until a condition holds; each scrape takes its time, so nothing spins."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition(found := await self.scrape()):
                assert not self.task.done()
        return found


@asynccontextmanager
async def agent(settings: Settings) -> AsyncIterator[Live]:
    """Run an agent for the length of a block, and see that it ends well."""
    up: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run_agent(settings.load(), settings, SystemClock(), up.set_result))
    async with aiohttp.ClientSession() as http:
        await asyncio.wait([task, up], return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_SECONDS)
        if task.done():
            await task
        try:
            yield Live(await up, http, task)
            if not task.done():
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.wait_for(asyncio.shield(task), PATIENCE_SECONDS)
        finally:
            task.cancel()
            await asyncio.wait([task])


def settings_for(file: Path, storage: Path | None = None) -> Settings:
    """Return what the command line would say."""
    return Settings(
        config_file=file,
        environ={},
        listen_address="127.0.0.1:0",
        allow_inline_secrets=True,
        enable_lifecycle=True,
        storage=storage,
    )


def succeeded(route: str, times: int = 1) -> Callable[[Scrape], bool]:
    """Return the condition that a route has had so many successes."""
    return lambda found: (found.value("mailsonar_probes_total", route=route, outcome="on_time") or 0) >= times


async def test_swap_of_the_config_is_noticed(mail: Probing, tmp_path: Path) -> None:
    """A config that Kubernetes exchanges is in force soon; a bad one changes nothing, and says so; then a good one."""
    mounted = Mounted(tmp_path)
    mounted.write(config(mail, "a", "b"))
    async with agent(settings_for(mounted.file)) as live:
        await live.until(lambda found: succeeded("a")(found) and succeeded("b")(found))
        mounted.write("routes: {c: {}}\n")
        found = await live.until(lambda found: found.value("mailsonar_config_last_reload_successful") == 0)
        assert found.value("mailsonar_probes_started_total", route="a")
        mounted.write(config(mail, "a", "c"))
        found = await live.until(succeeded("c"))
        assert found.value("mailsonar_config_last_reload_successful") == 1
        assert found.value("mailsonar_probes_started_total", route="b") is None
        assert succeeded("a")(found)


@pytest.mark.parametrize("way", ["signal", "request"])
async def test_reload_on_demand(mail: Probing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """SIGHUP and POST /-/reload take the config over at once, without a look at the clock."""
    monkeypatch.setattr(agents, "WATCH_SECONDS", 3600.0)
    mounted = Mounted(tmp_path)
    mounted.write(config(mail, "a"))
    async with agent(settings_for(mounted.file)) as live:
        mounted.write(config(mail, "a", "b"))
        if way == "signal":
            os.kill(os.getpid(), signal.SIGHUP)
        else:
            async with live.http.post(f"{live.url}-/reload") as answer:
                assert answer.status == 200
        await live.until(succeeded("b"))


async def test_bug_in_a_reload_does_not_end_the_agent(
    mail: Probing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reload on a signal that fails by our own fault is a failed reload, and the routes run on."""
    mounted = Mounted(tmp_path)
    mounted.write(config(mail, "a"))
    async with agent(settings_for(mounted.file)) as live:
        await live.until(succeeded("a"))
        monkeypatch.setattr(agents.Agent, "prepare", lambda *_: 1 / 0)
        os.kill(os.getpid(), signal.SIGHUP)
        await live.until(lambda found: found.value("mailsonar_config_last_reload_successful") == 0)
        await live.until(succeeded("a", 2))


async def test_every_attempt_is_accounted_for(mail: Probing, tmp_path: Path) -> None:
    """At every scrape, started = the sum over outcomes + pending; also while servers hang and fail."""
    mounted = Mounted(tmp_path)
    mounted.write(config(mail, "a", "b", "c"))

    def conserved(found: Scrape) -> bool:
        for route in ("a", "b", "c"):
            started = found.value("mailsonar_probes_started_total", route=route)
            pending = found.value("mailsonar_probes_pending", route=route)
            assert started is not None
            assert started == found.total("mailsonar_probes_total", route=route) + (pending or 0)
        return True

    async with agent(settings_for(mounted.file)) as live:
        await live.until(lambda found: conserved(found) and succeeded("a")(found))
        hanging = faults.stalls("RCPT")
        mail.smtp.faults.on(hanging)
        found = await live.until(
            lambda found: conserved(found) and found.value("mailsonar_probe_success", route="a") == 0
        )
        assert found.total("mailsonar_probe_fault", leg="submission", reason="timeout") >= 1


async def test_end_drains_and_second_signal_is_the_systems(mail: Probing, tmp_path: Path) -> None:
    """SIGTERM ends the agent well: the page goes last, and the signals are the system's again."""
    mounted = Mounted(tmp_path)
    mounted.write(config(mail, "a"))
    async with agent(settings_for(mounted.file)) as live:
        await live.until(succeeded("a"))
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(asyncio.shield(live.task), PATIENCE_SECONDS)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert mail.mailbox.messages == []


async def test_key_in_the_state_directory_recognises_earlier_messages(mail: Probing, tmp_path: Path) -> None:
    """With a state directory the key outlives the process, readable for its owner only."""
    mounted, storage = Mounted(tmp_path), tmp_path / "state"
    mounted.write(config(mail, "a"))
    keys: list[str] = []
    for _ in range(2):
        async with agent(settings_for(mounted.file, storage)) as live:
            await live.until(succeeded("a"))
        keys.append((storage / "signing-key").read_text())
    assert keys[0] == keys[1]
    assert (storage / "signing-key").stat().st_mode & 0o777 == 0o600
