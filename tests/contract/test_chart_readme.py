"""The chart's README leads from nothing to a release: its commands are run, in their order, as they stand there."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import textwrap
from pathlib import Path

import yaml
from tests.support.chart import CHART, HELM, the

README = (CHART / "README.md").read_text(encoding="utf-8")
NEEDS_A_CLUSTER = "helm test "


def blocks(language: str) -> list[str]:
    """Return the code of a language, in its order."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", README, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(text) for _, text in found]


def commands(block: str) -> str:
    """Return what is typed; `helm template` stands for an installation, with the same words behind it."""
    typed = re.sub(r"^\$ ", "", block, flags=re.MULTILINE).splitlines()
    kept = [line for line in typed if not line.startswith(NEEDS_A_CLUSTER)]
    return "\n".join(kept).replace("helm install ", "helm template ")


def test_the_first_five_minutes_lead_to_a_release(tmp_path: Path) -> None:
    """Values, Secret and release fit each other: what the pod mounts is what the Secret has."""
    [values, *_] = blocks("yaml")
    (tmp_path / "values.yaml").write_text(values)
    (tmp_path / "helm").symlink_to(CHART.parent)
    secrets, install = blocks("console")
    path = {**os.environ, "PATH": f"{HELM.parent}{os.pathsep}{os.environ['PATH']}"}

    def run(block: str) -> str:
        typed = ["bash", "-euo", "pipefail", "-c", commands(block)]
        done = subprocess.run(
            typed, input="the password\n", cwd=tmp_path, env=path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    [secret] = yaml.safe_load_all(run(secrets))
    assert base64.b64decode(secret["data"]["acme"]) == b"the password"
    assert len(base64.b64decode(secret["data"]["signing-key"])) >= 32
    assert not (tmp_path / "mailsonar-secrets" / "files").exists()
    linted, _, rendered = run(install).partition("---\n")
    assert "0 chart(s) failed" in linted
    pod = the("StatefulSet", [made for made in yaml.safe_load_all(rendered) if made])["spec"]["template"]["spec"]
    [mounted] = (volume["projected"]["sources"] for volume in pod["volumes"] if "projected" in volume)
    wanted = {(one["secret"]["name"], item["key"]) for one in mounted for item in one["secret"]["items"]}
    assert wanted == {(secret["metadata"]["name"], key) for key in secret["data"]}


def test_what_it_says_of_values_can_be_said() -> None:
    """Every value that the text names is one that the chart has."""
    table = set(re.findall(r"^\| `([\w.]+)` \|", README, re.MULTILINE))
    text = README.partition("## Values")[0]
    sections = {path.rsplit(".", depth)[0] for path in table for depth in range(1, path.count(".") + 1)}
    named = set(re.findall(r"`([a-z]\w*(?:\.\w+)+)`", text)) - {"values.yaml", "web.yml"}
    assert "monitoring.rules.as" in table
    assert {name for name in named if not name.startswith("app.kubernetes")} <= table | sections
