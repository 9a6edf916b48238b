"""The guides to providers and to the cluster hold configs and commands that can be used as they stand there."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import trustme
import yaml
from tests.support.chart import CHART, case, pod_specs, template
from tests.support.processes import require_program

from mailsonar.config.load import load_config

ROOT = CHART.parents[1]
MOUNTED = "/run/secrets/mailsonar/"


def blocks(file: Path, language: str) -> list[str]:
    """Return the code of a language in a guide, in its order."""
    return re.findall(rf"^```{language}\n(.*?)^```", file.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """Return a folder with the secrets that the guides name."""
    key = trustme.CA().issue_cert("probe.example", key_type=trustme.KeyType.RSA).private_key_pem.bytes().decode()
    account = json.dumps({"client_email": "mailsonar-probe@initech.example", "private_key": key})
    for name, text in (("acme", "secret"), ("contoso", "secret"), ("google.json", account)):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("guide", "routes"), [("microsoft365", {"contoso"}), ("google", {"into-initech", "out-of-initech"})]
)
def test_the_config_of_a_guide_is_valid(guide: str, routes: set[str], secrets: Path) -> None:
    """Who followed a guide to its end has a config that the agent takes, within the provider's limits."""
    text = blocks(ROOT / "docs" / f"{guide}.md", "yaml")[0].replace(MOUNTED, f"{secrets}/")
    (secrets / "mailsonar.yml").write_text(text)
    config = load_config(secrets / "mailsonar.yml", environ={})
    assert {route.name for route in config.routes} == routes


@pytest.mark.parametrize("guide", ["microsoft365", "google"])
def test_the_commands_of_a_guide_can_be_read_by_a_shell(guide: str) -> None:
    """A quote that is not closed is found here, not by whoever pastes it."""
    typed = "\n".join(blocks(ROOT / "docs" / f"{guide}.md", "sh"))
    assert typed
    done = subprocess.run(["bash", "-n"], input=typed, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_token_of_the_pods_identity_is_where_the_config_looks_for_it() -> None:
    """Values and config of the guide to Microsoft 365 agree with each other and with the subject that it registers."""
    guide = ROOT / "docs" / "microsoft365.md"
    values = yaml.safe_load(blocks(guide, "yaml")[1])
    pod = next(pod_specs(template(case("minimal"), given=values)))
    [container] = pod["containers"]
    [folder] = (mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "azure-token")
    [volume] = (volume for volume in pod["volumes"] if volume["name"] == "azure-token")
    [source] = volume["projected"]["sources"]
    text = guide.read_text(encoding="utf-8")
    assert f"federated_token_file: {folder}/{source['serviceAccountToken']['path']}" in text
    assert f'"audiences": ["{source["serviceAccountToken"]["audience"]}"]' in text
    assert f'"subject": "system:serviceaccount:mail:{pod["serviceAccountName"]}"' in text


def test_a_prometheus_without_the_operator_takes_the_scrape_config(tmp_path: Path) -> None:
    """It finds pods by the labels and the port that the chart gives them."""
    [text] = (block for block in blocks(CHART / "README.md", "yaml") if block.startswith("# prometheus.yml"))
    [job] = yaml.safe_load(text)["scrape_configs"]
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod", "namespaces": {"names": ["mail"]}}]
    checked = {**yaml.safe_load(text), "scrape_configs": [job]}  # Debian's Prometheus is built without Kubernetes
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(checked))
    promtool = require_program("promtool", "prometheus")
    done = subprocess.run(
        [promtool, "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [kept] = (rule for rule in job["relabel_configs"] if rule.get("action") == "keep")
    [stateful] = (made for made in template(case("no-operator")) if made["kind"] == "StatefulSet")
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    [port] = stateful["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert kept["regex"] == f"{labels['app.kubernetes.io/component']};{port['name']}"
