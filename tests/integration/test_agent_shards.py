"""An agent that is one shard of several, in this process: what it runs, what it shows, and what it leaves to others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.test_agent_life import Live, agent, config, settings_for, succeeded
from tests.support.probing import ADDRESS, Probing, account_at, impatient

from mailsonar.app import agent as agents
from mailsonar.app import fleet
from mailsonar.journal.folder import JOURNAL_FILE
from mailsonar.model.route import Maildrop
from mailsonar.model.server import Protocol
from mailsonar.model.shard import Shard, owner_of
from mailsonar.sandbox.delivery import Parcel


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)
    monkeypatch.setattr(agents, "WATCH_SECONDS", 0.05)
    monkeypatch.setattr(fleet, "DRAIN_SECONDS", 0.3)


@pytest.fixture
def owner(mail: Probing) -> Shard:
    """Return which of two shards has the mailbox of that world."""
    maildrop = Maildrop(name="in", address=ADDRESS, account=account_at(Protocol.POP3, mail.pop3.port))
    return Shard(index=owner_of(maildrop, 2), total=2)


def other_than(shard: Shard) -> Shard:
    """Return the other one of two shards."""
    return replace(shard, index=1 - shard.index)


async def page(live: Live, path: str) -> tuple[int, str]:
    """Return the status and the text of a page."""
    async with live.http.get(live.url + path) as answer:
        return answer.status, await answer.text()


async def test_shards_run_what_is_theirs_and_say_so(mail: Probing, owner: Shard, tmp_path: Path) -> None:
    """The owner runs the routes; the other has none of their series, and is ready all the same."""
    (tmp_path / "mailsonar.yml").write_text(config(mail, "a", "b"))
    settings = settings_for(tmp_path / "mailsonar.yml")
    async with agent(replace(settings, shard=owner)) as live:
        found = await live.until(lambda found: succeeded("a")(found) and succeeded("b")(found))
        words = f"shard {owner.index} of 2 with 2 of 2 routes"
        assert found.value("mailsonar_shard_info", index=str(owner.index), total="2") == 1
        assert words in (await page(live, ""))[1]
        assert await page(live, "-/ready") == (200, f"Ready.\nThis is {words}.\n")
    async with agent(replace(settings, shard=other_than(owner))) as live:
        found = await live.scrape()
        words = f"shard {1 - owner.index} of 2 with none of 2 routes"
        assert found.value("mailsonar_shard_info", index=str(1 - owner.index), total="2") == 1
        assert [one for one in found.samples if {"route", "server", "maildrop"} & one.labels.keys()] == []
        assert words in (await page(live, ""))[1]
        assert "No routes are configured" not in (await page(live, ""))[1]
        assert await page(live, "-/ready") == (200, f"Ready.\nThis is {words}.\n")
        assert (await page(live, "routes/a"))[0] == 404


async def test_agent_without_others_is_shard_0_of_1(mail: Probing, tmp_path: Path) -> None:
    """Who knows nothing of shards finds one metric, and no word of them elsewhere."""
    (tmp_path / "mailsonar.yml").write_text(config(mail, "a"))
    async with agent(settings_for(tmp_path / "mailsonar.yml")) as live:
        assert (await live.scrape()).value("mailsonar_shard_info", index="0", total="1") == 1
        assert "shard" not in (await page(live, ""))[1]
        assert await page(live, "-/ready") == (200, "Ready.\n")


async def test_reload_keeps_to_the_shard(
    mail: Probing, owner: Shard, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A new config brings what is the shard's own, and nothing else; a bad one is refused wherever it is bad."""
    file = tmp_path / "mailsonar.yml"
    file.write_text(config(mail, "a"))
    async with agent(replace(settings_for(file), shard=owner)) as live:
        await live.until(succeeded("a"))
        file.write_text(config(mail, "a", "b"))
        await live.until(succeeded("b"))
    caplog.set_level("INFO")
    async with agent(replace(settings_for(file), shard=other_than(owner))) as live:
        file.write_text(config(mail, "a", "b", "c"))
        await live.until(lambda _: "with none of 3 routes" in caplog.text)
        file.write_text(config(mail, "a", "b", "c").replace("from: out", "from: nobody"))
        found = await live.until(lambda found: found.value("mailsonar_config_last_reload_successful") == 0)
        assert found.value("mailsonar_probes_started_total", route="c") is None
    assert "2 shards and no signing_key" in caplog.text


class Held:
    """Keeps messages back."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    def __call__(self, parcel: Parcel) -> list[Parcel]:
        self.contents.append(parcel.content)
        return []


async def test_attempt_whose_maildrop_moved_away_ends_as_unobserved(
    mail: Probing, owner: Shard, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What an agent left under way on a maildrop that is another shard's now has its outcome in the journal, once."""
    file = tmp_path / "mailsonar.yml"
    patient = config(mail, "a", interval="1h").replace("deadline: 1s, give_up: 2s", "deadline: 20s, give_up: 30s")
    file.write_text(patient)
    settings = settings_for(file, tmp_path / "state")
    held = Held()
    mail.mailbox.faults.on(held)
    async with agent(settings) as live:
        async with live.http.post(f"{live.url}api/v1/routes/a/probe") as answer:
            assert answer.status == 202
        await live.until(lambda found: found.value("mailsonar_probes_pending", route="a") == 1 and bool(held.contents))
    async with agent(replace(settings, shard=other_than(owner))) as live:
        assert (await live.scrape()).value("mailsonar_probes_pending", route="a") is None
    assert "attempts of routes that do not run here any more end as unobserved: 1" in caplog.text
    with closing(sqlite3.connect(tmp_path / "state" / JOURNAL_FILE)) as journal:
        assert journal.execute("SELECT route, outcome FROM attempts").fetchall() == [("a", "unobserved")]
        assert journal.execute("SELECT what, times FROM counts WHERE route = 'a' ORDER BY what").fetchall() == [
            ("started", 1),
            ("unobserved", 1),
        ]
