"""`mailsonar check`: one live attempt on each route, and an exit code that monitoring can rely on."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.probing import ADDRESS, PASSWORD, Probing, impatient, probing

from mailsonar.cli import check
from mailsonar.cli.flags import build_parser
from mailsonar.sandbox import pop3_faults, smtp_faults
from mailsonar.sandbox.delivery import delay, lose


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Give the log back as it was: the command takes it over."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
async def mail() -> AsyncIterator[Probing]:
    """A world of mail."""
    async with probing() as made:
        yield made


@pytest.fixture
def config_file(mail: Probing, tmp_path: Path) -> Path:
    """A config with two routes between the same accounts, and one that is not enabled."""
    account = f"username: {ADDRESS}, password: {PASSWORD}, security: plaintext, allow_plaintext_auth: true"
    file = tmp_path / "mailsonar.yml"
    file.write_text(
        "defaults: {interval: 1m, deadline: 1s, give_up: 2s}\n"
        f"senders: {{out: {{address: {ADDRESS}, smtp: {{host: 127.0.0.1, port: {mail.smtp.port}, {account}}}}}}}\n"
        f"maildrops: {{in: {{address: {ADDRESS}, pop3: {{host: 127.0.0.1, port: {mail.pop3.port}, {account}}}}}}}\n"
        "routes: {a: {from: out, to: in}, b: {from: out, to: in}, rests: {from: out, to: in, enabled: false}}\n"
    )
    return file


async def run(config_file: Path, *words: str) -> int:
    """Run the command and return its exit code; nothing of it goes on afterwards."""
    common = ["--config.file", str(config_file), "--config.allow-inline-secrets"]
    before = asyncio.all_tasks()
    code = await asyncio.wait_for(check.command(build_parser({}).parse_args(["check", *words, *common])), 8)
    await asyncio.sleep(0)
    left = {task.get_name() for task in asyncio.all_tasks() - before if "mailsonar.sandbox" not in repr(task)}
    assert {name for name in left if name.startswith("judge")} == set()
    return code


def results(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return what was printed as JSON."""
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


async def test_all_routes_by_default(mail: Probing, config_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without names every enabled route is checked, in the order of the config; on time is 0, and nothing is left."""
    assert await run(config_file, "--output", "json") == 0
    assert [(one["route"], one["outcome"], one["success"]) for one in results(capsys)] == [
        ("a", "on_time", True),
        ("b", "on_time", True),
    ]
    assert mail.mailbox.messages == []


async def test_late_within_wait_is_a_warning(
    mail: Probing, config_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--wait` a message may come after the deadline: late is 1."""
    mail.mailbox.faults.on(delay(1.2))
    assert await run(config_file, "a", "--wait", "2s", "--output", "json") == 1
    assert [one["outcome"] for one in results(capsys)] == ["late"]


async def test_message_that_does_not_come_is_critical(
    mail: Probing, config_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the deadline the check ends with what is wrong then, though the outcome is still open: 2."""
    mail.mailbox.faults.on(lose)
    assert await run(config_file, "a", "--output", "json") == 2
    [found] = results(capsys)
    assert (found["outcome"], found["success"], found["fault"]["reason"]) == ("pending", False, "not_arrived")


@pytest.mark.parametrize("leg", ["submission", "retrieval"])
async def test_refused_login_ends_the_check_early(
    mail: Probing, config_file: Path, capsys: pytest.CaptureFixture[str], leg: str
) -> None:
    """Waiting does not mend a wrong password: 2, long before the deadline, and without knocking twice."""
    (mail.smtp if leg == "submission" else mail.pop3).faults.on(
        smtp_faults.LOGIN_REFUSED if leg == "submission" else pop3_faults.LOGIN_REFUSED
    )
    assert await asyncio.wait_for(run(config_file, "a", "--wait", "1m", "--output", "nagios"), 3) == 2
    printed = capsys.readouterr().out
    assert f"{leg}/authenticate/authentication_rejected" in printed
    assert PASSWORD not in printed


@pytest.mark.parametrize(("words", "told"), [(["c"], "there are: a, b"), (["rests"], "no enabled route 'rests'")])
async def test_unknown_route_is_bad_usage(
    config_file: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    """A route that is not there is 3, and those that are there are named."""
    assert await run(config_file, *words) == 3
    assert told in capsys.readouterr().err


async def test_bad_config_is_unknown(config_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What keeps the check from being made is 3: nobody knows about mail."""
    assert await run(config_file.parent / "missing.yml") == 3
    assert "missing.yml" in capsys.readouterr().err


async def test_bug_is_unknown(
    config_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own bug is 3, not the 1 with which Python ends, which would say that mail is slow."""
    monkeypatch.setattr(check, "watching", lambda _: 1 / 0)
    assert await run(config_file) == 3
    assert "the check failed by our own fault" in capsys.readouterr().err


async def test_progress_goes_to_standard_error(config_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is going on is told beside the data, never within it."""
    assert await run(config_file, "a", "--output", "json") == 0
    printed = capsys.readouterr()
    json.loads(printed.out)
    assert "a: " in printed.err
