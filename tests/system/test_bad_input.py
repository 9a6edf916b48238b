"""Bad input, as a process meets it: refused with exit 1 (`check` 3), one line for each error, and no traceback."""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.command_line import Finished, mailsonar

GOOD = """\
signing_key: {file: key}
senders:
  out: {address: a@acme.example, smtp: {host: localhost, security: starttls, username: a, password: {file: password}}}
maildrops:
  in: {address: b@acme.example, pop3: {host: localhost, security: starttls, username: b, password: {file: password}}}
routes:
  one: {from: out, to: in}
"""
AT_A_TIME = asyncio.Semaphore(3)
SEVERAL = "several errors at once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A bad config: what of the good one is replaced by what, further files, and the FILE:LINE: PATH of each error."""

    old: str = ""
    new: str = ""
    files: dict[str, str] = field(default_factory=dict)
    errors: tuple[str, ...]

    def write(self, folder: Path) -> Path:
        """Write it with what belongs to it; return the config's path."""
        secrets = {"key": "k" * 40, "password": "pw", "empty": ""}
        assert self.old in GOOD
        folder.mkdir(exist_ok=True)
        for name, content in {**secrets, "mailsonar.yml": GOOD.replace(self.old, self.new), **self.files}.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(content)
        return folder / "mailsonar.yml"


CASES = {
    "broken YAML": Case(old="to: in}", new="to: [in", errors=("mailsonar.yml:8: (file)",)),
    "an unknown key": Case(
        old="to: in", new="to: in, intervall: 5m", errors=("mailsonar.yml:7: routes.one.intervall",)
    ),
    "a wrong type": Case(old="to: in", new="to: in, size: big", errors=("mailsonar.yml:7: routes.one.size",)),
    "a dangling reference": Case(old="to: in", new="to: out", errors=("mailsonar.yml:7: routes.one.to",)),
    "an unreadable secret": Case(
        old="b, password: {file: password}",
        new="b, password: {file: nope}",
        errors=("mailsonar.yml:5: maildrops.in.pop3.password",),
    ),
    "an inline secret": Case(
        old="b, password: {file: password}",
        new="b, password: Gh3imn1s",
        errors=("mailsonar.yml:5: maildrops.in.pop3.password",),
    ),
    "an empty signing key": Case(old="file: key", new="file: empty", errors=("mailsonar.yml:1: signing_key",)),
    "a deadline above give_up": Case(
        old="to: in", new="to: in, deadline: 2h", errors=("mailsonar.yml:7: routes.one.deadline",)
    ),
    "duplicate names over includes": Case(
        old="routes:",
        new="include: [conf.d/*.yml]\nroutes:",
        files={"conf.d/acme.yml": "routes:\n  one: {from: out, to: in}\n"},
        errors=("conf.d/acme.yml:2: routes.one",),
    ),
    SEVERAL: Case(
        old="{from: out, to: in}",
        new="{from: nobody, to: nowhere, deadline: soon}\n  two: {}",
        errors=(
            "mailsonar.yml:7: routes.one.deadline",
            "mailsonar.yml:7: routes.one.from",
            "mailsonar.yml:7: routes.one.to",
            "mailsonar.yml:8: routes.two.from",
            "mailsonar.yml:8: routes.two.to",
        ),
    ),
}


async def run(*arguments: str | Path) -> Finished:
    """Run a command, not too many of them at a time."""
    async with AT_A_TIME:
        return await mailsonar(*arguments)


def places(finished: Finished, folder: Path) -> list[str]:
    """Return the FILE:LINE: PATH of each line of standard error, the files relative to the folder."""
    lines = finished.stderr.splitlines()
    found = [re.fullmatch(r"([^:]+:[0-9]+: [^ :]+): \S.*", line.removeprefix(f"{folder}/")) for line in lines]
    assert None not in found, finished.stderr
    return sorted(one[1] for one in found if one)


async def test_a_bad_config_is_refused_line_by_line(tmp_path: Path) -> None:
    """Each error says where it stands, nothing goes to standard output, and no secret shows; `check` says the same."""
    configs = {name: case.write(tmp_path / str(number)) for number, (name, case) in enumerate(CASES.items())}
    runs = [run("run", "--config.file", config, "--web.listen-address", "127.0.0.1:0") for config in configs.values()]
    as_check, *finished = await asyncio.gather(run("check", "--config.file", configs[SEVERAL]), *runs)
    by_name = dict(zip(CASES, finished, strict=True))
    told = {name: tuple(places(one, configs[name].parent)) for name, one in by_name.items()}
    assert told == {name: tuple(sorted(case.errors)) for name, case in CASES.items()}
    assert {(one.status, one.stdout) for one in finished} == {(1, "")}
    assert [one for one in finished if "Gh3imn1s" in one.stderr] == []
    assert (as_check.status, as_check.stdout, as_check.stderr) == (3, "", by_name[SEVERAL].stderr)


async def test_a_missing_config_file_is_refused(tmp_path: Path) -> None:
    """A config that is not there, or is a folder, is told like any other error."""
    missing = tmp_path / "nope.yml"
    as_agent, as_check, of_folder = await asyncio.gather(
        run("run", "--config.file", missing),
        run("check", "--config.file", missing),
        run("run", "--config.file", tmp_path),
    )
    assert [(one.status, one.stdout) for one in (as_agent, as_check, of_folder)] == [(1, ""), (3, ""), (1, "")]
    assert places(as_agent, tmp_path) == ["nope.yml:1: (file)"]
    assert of_folder.stderr.startswith(f"{tmp_path}:1: (file): ")


async def test_a_taken_port_and_a_bad_address_are_refused(tmp_path: Path) -> None:
    """An agent that cannot listen ends with one line that says where, before it probes anything."""
    config = Case(errors=()).write(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        in_use, senseless, usage = await asyncio.gather(
            run("run", "--config.file", config, "--web.listen-address", address),
            run("run", "--config.file", config, "--web.listen-address", "localhost"),
            run("run", "--config-file", config),
        )
    assert [(one.status, one.stdout) for one in (in_use, senseless)] == [(1, ""), (1, "")]
    assert re.fullmatch(rf"cannot listen on {re.escape(address)}: .*address already in use\n", in_use.stderr)
    assert re.fullmatch(r"cannot listen on localhost: not HOST:PORT.*\n", senseless.stderr)
    assert (usage.status, usage.stdout) == (2, "")
    assert "unrecognized arguments: --config-file" in usage.stderr
