"""What the chart renders runs: real agents, with the rendered config and arguments, complete round trips."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.agent_process import AgentProcess, Place
from tests.support.chart import CASES, Object, case, name_of, template, the
from tests.support.chart_pod import Pod, pods

from mailsonar.model.server import Security
from mailsonar.sandbox.world import Sandbox

PASSWORD = "secret-of-the-sandbox"
PATIENCE_SECONDS = 30.0
ADDRESSES = [f"probe@{customer}.example" for customer in ("acme", "contoso", "fabrikam", "initech")]
GIVEN = {name_of(path): yaml.safe_load(path.read_text()) for path in CASES}


class World:
    """The sandbox as a cluster's values and Secrets see it."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self._authority = folder / "ca.pem"
        sandbox.authority.write_root(self._authority)
        for address in ADDRESSES:
            sandbox.mailbox(address, PASSWORD)
        self.trust = ssl.create_default_context(cafile=str(self._authority))

    async def open(self) -> None:
        """Open the servers."""
        self._smtp = await self._sandbox.smtp(Security.STARTTLS)
        self._pop3 = await self._sandbox.pop3(Security.IMPLICIT_TLS)

    def here(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values that have the servers of other values here, and their routes due every second."""
        tls = {"ca_file": str(self._authority)}

        def servers(config: Mapping[str, Any]) -> dict[str, Any]:
            smtp = {"smtp": {"host": "127.0.0.1", "port": self._smtp.port, "tls": tls}}
            pop3 = {"pop3": {"host": "127.0.0.1", "port": self._pop3.port, "tls": tls}}
            return {
                "senders": dict.fromkeys(config["senders"], smtp),
                "maildrops": dict.fromkeys(config["maildrops"], pop3),
            }

        files = values.get("configFiles", {})
        often = {"interval": "1s", "deadline": "5s", "give_up": "10s"}
        return {
            "config": {**servers(values["config"]), "defaults": often},
            "configFiles": {name: servers(file) for name, file in files.items()},
            "networkPolicy": {"mailPorts": [self._smtp.port, self._pop3.port]},
        }

    def secrets_of(self, name: str) -> Mapping[str, str]:
        """Return what a Secret holds that a file of values names."""
        if name.endswith("-web"):
            leaf = self._sandbox.authority.server_pem("127.0.0.1").decode()
            return {"web.yml": "tls_server_config: {cert_file: tls.pem, key_file: tls.pem}\n", "tls.pem": leaf}
        if name == "passwords-of-contoso":
            return {"contoso": PASSWORD}
        if name == "more-passwords":
            return {"unused": PASSWORD}
        return {"signing-key": "k" * 40, **dict.fromkeys(("acme", "contoso", "fabrikam", "password"), PASSWORD)}


def routes_of(values: Mapping[str, Any]) -> set[str]:
    """Return the names of all routes of a file of values."""
    parts = [values["config"], *values.get("configFiles", {}).values()]
    named = {name for part in parts for name in part.get("routes", ())}
    matrix = [row for part in parts for row in part.get("matrix", ())]
    return named | {f"{sender}--{drop}" for row in matrix for sender in row["from"] for drop in row["to"]}


def agent_of(pod: Pod, world: World, folder: Path) -> AgentProcess:
    """Return the agent that a pod would run."""
    with_tls = any(argument.startswith("--web.config.file=") for argument in pod.arguments)
    place = Place(tls=world.trust if with_tls else None)
    return AgentProcess(pod.config_file, folder, pod.arguments, {"POD_NAME": pod.name}, place)


def ask(objects: list[Object], agent: AgentProcess) -> subprocess.CompletedProcess[str]:
    """Run what the chart's own test runs, on one agent."""
    [container] = the("Pod", objects)["spec"]["containers"]
    assert container["command"] == ["python", "-c"]
    program, *urls = container["args"]
    assert all(url.startswith(agent.url.partition("/")[0]) and url.endswith(":9525/-/ready") for url in urls)
    command = [sys.executable, "-c", program, f"{agent.url}/-/ready"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("name", [name for name, values in GIVEN.items() if "config" in values])
async def test_every_route_completes_round_trips(name: str, tmp_path: Path) -> None:
    """From values to a verdict: nothing of the config, the secrets' files or the arguments is missing or misplaced."""
    async with Sandbox() as sandbox, AsyncExitStack() as stack:
        world = World(sandbox, tmp_path)
        await world.open()
        objects = template(case(name), given=world.here(GIVEN[name]))
        agents = []
        for pod in pods(objects, tmp_path):
            pod.mount(world.secrets_of)
            agents.append(await stack.enter_async_context(agent_of(pod, world, pod.root)))
        ours = set()
        for index, agent in enumerate(agents):
            scrape = await agent.metrics()
            owned = {sample.labels["route"] for sample in scrape.matching("mailsonar_probe_interval_seconds")}
            assert not owned & ours, "a route has one owner"
            ours |= owned
            done = await agent.until(
                lambda scrape, owned=owned: all(
                    scrape.value("mailsonar_probes_total", route=route, outcome="on_time") for route in owned
                ),
                PATIENCE_SECONDS,
                "a round trip on each route",
            )
            shard = {"index": str(index), "total": str(len(agents))}
            assert done.value("mailsonar_shard_info", **shard) == 1
        assert ours == routes_of(GIVEN[name])
        asked = ask(objects, agents[-1])
        assert (asked.returncode, asked.stderr) == (0, ""), asked.stderr
        for agent in agents:
            await agent.stop()


async def test_a_route_that_is_added_is_run_without_a_restart(tmp_path: Path) -> None:
    """The kubelet exchanges one link, and the agent has read the new config."""
    more = {"routes": {"again": {"from": "acme-out", "to": "acme-in"}}}
    async with Sandbox() as sandbox:
        world = World(sandbox, tmp_path)
        await world.open()
        here = world.here(GIVEN["minimal"])
        [pod] = pods(template(case("minimal"), given=here), tmp_path)
        pod.mount(world.secrets_of)
        async with agent_of(pod, world, pod.root) as agent:
            here["config"] |= more
            [changed] = pods(template(case("minimal"), given=here), tmp_path)
            assert changed.arguments == pod.arguments
            changed.mount(world.secrets_of, "second")
            await agent.until(
                lambda scrape: bool(scrape.value("mailsonar_probes_total", route="again", outcome="on_time")),
                PATIENCE_SECONDS,
                "the new route",
            )
            await agent.stop()
