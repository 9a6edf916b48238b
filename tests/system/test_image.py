"""The container image, as the Dockerfile makes it: what is in it, what is not, and that it works with the least."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.support.agent_process import AgentProcess, Place
from tests.support.command_line import assert_no_bug_shows, warnings_in
from tests.support.image import Image, built_image, files_of

from mailsonar.model.server import Security
from mailsonar.sandbox.world import Sandbox

pytestmark = pytest.mark.takes_seconds(75)

USER = 65532
REVISION = "0123456789abcdef0123456789abcdef01234567"
LARGEST_BYTES = 120_000_000
ADDRESS = "probe@acme.example"
STATE = "var/lib/mailsonar"
INSTALLER = re.compile(r"(pip|ensurepip|setuptools)(-\d.*)?|pip3.*")
LEFTOVER = re.compile(r"(hatchling|gcc|cc|make|tests?)(-\d.*)?|pyproject\.toml|.*\.(whl|deb)|\.git|\.cache")


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """Build the image once."""
    with built_image(REVISION) as made:
        yield made
        storage = made.root.parents[3]
    assert not storage.exists()
    assert str(storage) not in Path("/proc/self/mountinfo").read_text()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Make the folders of config and state, which user 65532 can use as a container's volumes."""
    config, state = tmp_path / "config", tmp_path / "state"
    config.mkdir()
    state.mkdir()
    os.chown(state, USER, USER)
    return config, state


def said(image: Image, folders: tuple[Path, Path], *arguments: str) -> str:
    """Return what the image's entrypoint prints in a container of its own."""
    command = [*image.program(*folders), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def told_of(process: int) -> tuple[dict[str, str], dict[str, str]]:
    """Return what the kernel tells of a process by key, and for each of its mounts if that can be written to."""
    status = (line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    mounts = (line.split()[4:6] for line in Path(f"/proc/{process}/mountinfo").read_text().splitlines())
    return {key: value.strip() for key, value in status}, {place: options[:2] for place, options in mounts}


def write_config(folder: Path, servers: Sequence[str]) -> None:
    """Write a config of one route, its secrets readable to the container's user alone."""
    for name, secret in (("password", "secret of the sandbox"), ("signing-key", "k" * 40)):
        (folder / name).touch(mode=0o400)
        (folder / name).write_text(secret)
        os.chown(folder / name, USER, USER)
    login = f"host: 127.0.0.1, username: {ADDRESS}, password: {{file: password}}, tls: {{ca_file: ca.pem}}"
    (folder / "mailsonar.yml").write_text(
        "signing_key: {file: signing-key}\n"
        "defaults: {interval: 1s, deadline: 30s, give_up: 1m}\n"
        f"senders: {{out: {{address: {ADDRESS}, smtp: {{{login}, {servers[0]}}}}}}}\n"
        f"maildrops: {{in: {{address: {ADDRESS}, pop3: {{{login}, {servers[1]}}}}}}}\n"
        "routes: {a: {from: out, to: in}}\n"
    )


async def test_round_trips_as_nobody_on_a_read_only_root(image: Image, folders: tuple[Path, Path]) -> None:
    """As user 65532, with no power left and only its state to write to, the agent probes, and ends with 0."""
    config, state = folders
    async with Sandbox() as world:
        world.mailbox(ADDRESS, "secret of the sandbox")
        smtp, pop3 = await world.smtp(Security.STARTTLS), await world.pop3(Security.IMPLICIT_TLS)
        world.authority.write_root(config / "ca.pem")
        write_config(config, [f"port: {smtp.port}, security: starttls", f"port: {pop3.port}, security: implicit_tls"])
        place = Place(program=image.program(config, state))
        async with AgentProcess(Path("/etc/mailsonar/mailsonar.yml"), config.parent, place=place) as agent:
            scrape = await agent.until(lambda s: s.total("mailsonar_probes_total", outcome="on_time") >= 2, 60)
            status, mounts = told_of(agent.process.pid)
            await agent.stop()
    assert scrape.value("mailsonar_probe_success", route="a") == 1
    assert scrape.value("mailsonar_build_info", version=version("mailsonar"), revision=REVISION) == 1
    assert status["Uid"].split() == status["Gid"].split() == [str(USER)] * 4
    assert status["Groups"] == ""
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert mounts["/"] == mounts["/etc/mailsonar"] == "ro"
    assert mounts[f"/{STATE}"] == "rw"
    assert (state / "journal.sqlite3").stat().st_uid == USER
    assert warnings_in(agent.stderr) == []
    assert_no_bug_shows(agent.stderr)


def test_the_entrypoint_is_the_command(image: Image, folders: tuple[Path, Path]) -> None:
    """What follows the image's name is for `mailsonar`; the version tells the revision."""
    assert said(image, folders, "--version") == f"mailsonar {version('mailsonar')}+{REVISION}\n"
    assert said(image, folders, "--help").startswith("usage: mailsonar ")
    assert '"senders"' in said(image, folders, "schema")


def test_runtimes_are_told_what_they_need(image: Image) -> None:
    """No shell stands between signals and the agent, and the user is a number, which Kubernetes can tell from root."""
    config = image.config
    assert (config["Entrypoint"], config["Cmd"], config["User"]) == (["mailsonar"], ["run"], f"{USER}:{USER}")
    assert config["ExposedPorts"].keys() == {"9525/tcp"}
    assert config["Volumes"].keys() == {f"/{STATE}"}
    prefix = "org.opencontainers.image."
    labels = {name.removeprefix(prefix): value for name, value in config["Labels"].items() if name.startswith(prefix)}
    assert labels.pop("description")
    assert labels.pop("base.name")
    assert labels == {
        "title": "MailSonar",
        "source": "https://github.com/mailsonar/mailsonar",
        "licenses": "Apache-2.0",
        "version": version("mailsonar"),
        "revision": REVISION,
    }


def test_the_user_can_write_to_its_state_only(image: Image) -> None:
    """Whoever gets hold of the agent cannot change it for those that are started later."""
    assert writable(image.root) - writable(image.base) == {STATE}
    assert (image.root / STATE).stat().st_mode & 0o7777 == 0o750


def writable(root: Path) -> set[str]:
    """Return what the image's user may write to below a root."""
    paths = (Path(folder, name) for folder, folders, files in os.walk(root) for name in (*folders, *files))
    return {str(path.relative_to(root)) for path in paths if may_write(path.lstat())}


def may_write(status: os.stat_result) -> bool:
    """Tell whether the image's user may; a link is as good as what it leads to."""
    owns = status.st_uid == USER and status.st_mode & stat.S_IWUSR
    shares = status.st_gid == USER and status.st_mode & stat.S_IWGRP
    return not stat.S_ISLNK(status.st_mode) and bool(owns or shares or status.st_mode & stat.S_IWOTH)


def test_nothing_is_left_of_the_building(image: Image) -> None:
    """No compiler, cache, source or test is added, and no installer is left, not even the base's; ours is a wheel."""
    whole = [file.relative_to(image.root) for file in files_of(image.root)]
    assert [str(file) for file in whole if any(map(INSTALLER.fullmatch, file.parts))] == []
    added = [file.relative_to(image.root) for file in image.added()]
    assert {file.parts[0] for file in added if file != Path("etc/hosts")} == {"opt", "usr"}  # buildah lays it over one
    assert {file.parent.name for file in added if file.parts[0] == "usr"} == {"__pycache__"}
    ours = [file for file in added if file.parts[0] == "opt"]
    assert [str(file) for file in ours if any(map(LEFTOVER.fullmatch, file.parts))] == []
    [_] = (file for file in ours if file.match(f"mailsonar-*+{REVISION}.dist-info/WHEEL"))


def test_every_module_is_compiled(image: Image) -> None:
    """A root file system that is read-only keeps no bytecode: what is not compiled here slows down each start."""
    python = next((image.root / "opt/mailsonar/lib").iterdir()).name
    folders = [image.root / "opt/mailsonar/lib" / python / "site-packages", image.root / "usr/lib" / python]
    modules = [file for folder in folders for file in files_of(folder) if file.suffix == ".py"]
    assert len(modules) > 1000
    tag = python.replace("python", "cpython-").replace(".", "")
    bare = [
        file for file in modules
        if file.stat().st_size and not (file.parent / "__pycache__" / f"{file.stem}.{tag}.pyc").exists()
    ]  # fmt: skip
    assert bare == []


def test_the_image_is_small(image: Image, record_property: Callable[[str, object], None]) -> None:
    """Beyond its base it takes less than 120 MB."""
    size = sum(file.lstat().st_size for file in image.added())
    record_property("image", f"{size / 1e6:.0f} MB beyond its base")
    assert size < LARGEST_BYTES
