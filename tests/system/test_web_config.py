"""Prometheus scrapes an agent that wants TLS, a client certificate and a password, as its users configure both."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bcrypt
from tests.support.agent_process import AgentProcess, Place
from tests.support.authority import Authority
from tests.support.command_line import mailsonar
from tests.support.prometheus import Prometheus, PrometheusSetup

PASSWORD = "correct: horse"
CLIENT = "prometheus.acme.example"
WEB_CONFIG = """\
tls_server_config:
  cert_file: agent.pem
  key_file: agent.pem
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
  client_allowed_sans: [{client}]
basic_auth_users:
  prometheus: {hashed}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedSetup(PrometheusSetup):
    """Scrapes by TLS; `keys` are the further keys of each job."""

    keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def config(self) -> dict[str, Any]:
        """Return the config file's content."""
        config = PrometheusSetup.config(self)
        for job in config["scrape_configs"]:
            job |= {"scheme": "https", **self.keys[job["job_name"]]}
        return config


def written(folder: Path) -> tuple[Path, Path]:
    """Write a config, a web config and all that it names; return the paths of both."""
    authority = Authority(folder)
    authority.issue("agent.pem")
    authority.issue("client.pem", (CLIENT,))
    authority.issue("stranger.pem", ("stranger.acme.example",))
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()
    files = folder / "mailsonar.yml", folder / "web.yml"
    files[0].write_text("labels: []\n")
    files[1].write_text(WEB_CONFIG.format(client=CLIENT, hashed=hashed))
    return files


def job(folder: Path, pair: str = "client.pem", password: str = PASSWORD) -> dict[str, Any]:
    """Return what a scrape config says of TLS and the password."""
    files = {"ca_file": "ca.pem", "cert_file": pair, "key_file": pair}
    return {
        "tls_config": {key: str(folder / name) for key, name in files.items()},
        "basic_auth": {"username": "prometheus", "password": password},
    }


async def test_prometheus_scrapes_with_certificate_and_password(tmp_path: Path) -> None:
    """With both it scrapes; without the right password, or as somebody else, it does not, and health still answers."""
    config_file, web_file = written(tmp_path)
    found = await mailsonar("validate", "--config.file", config_file, "--web.config.file", web_file)
    assert found.status == 0
    assert f"{web_file}: valid: TLS is on, 1 users" in found.stdout
    context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    context.load_cert_chain(tmp_path / "client.pem")
    flags = ("--web.config.file", web_file)
    async with AgentProcess(config_file, tmp_path, flags, place=Place(tls=context)) as agent:
        jobs = {
            "right": job(tmp_path),
            "password": job(tmp_path, password="wrong"),
            "certificate": job(tmp_path, pair="stranger.pem"),
        }
        target = [agent.address]
        setup = LockedSetup(folder=tmp_path, jobs=dict.fromkeys(jobs, target), keys=jobs)
        async with Prometheus(setup) as prometheus:
            ups = await prometheus.until("up", lambda series: len(series) == len(jobs))
            assert {one.labels["job"]: one.value for one in ups} == {"right": 1, "password": 0, "certificate": 0}
            assert await prometheus.until('mailsonar_build_info{job="right"}')
        assert (await agent.get("/-/healthy"))[0] == 200
        assert (await agent.get("/metrics"))[0] == 401
        await agent.stop()
    assert PASSWORD not in agent.stderr


async def test_a_mistake_in_the_web_config_is_told_before_anything_starts(tmp_path: Path) -> None:
    """`validate` and `run` name file, line and key, and never listen without what the operator asked for."""
    config_file, web_file = written(tmp_path)
    web_file.write_text("basic_auth_users:\n  prometheus: secret-in-plaintext\n")
    arguments = "--config.file", config_file, "--web.config.file", web_file
    for command in ("validate", "run"):
        found = await mailsonar(command, *arguments)
        assert found.status == 1
        assert f"{web_file}:2: basic_auth_users.prometheus: must be a bcrypt hash" in found.stderr
        assert "secret-in-plaintext" not in found.stderr + found.stdout
