"""What the chart holds of the rest of the project is the same, and reaches Prometheus and Grafana as it is."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from helm.generate.__main__ import leftovers, texts
from tests.support import alerting
from tests.support.chart import CHART, case, helm, template, the
from tests.support.processes import require_program

RUNBOOKS = "https://github.com/mailsonar/mailsonar/blob/main/dashboards/runbooks"
GRAFANA = "https://grafana.example.com"
GROUPS = [group for path in alerting.RULE_FILES for group in yaml.safe_load(path.read_text())["groups"]]


def test_the_copies_and_the_table_are_what_is_written() -> None:
    """There is one source: byte for byte, what is committed is what `make chart` writes."""
    for path, text in texts().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run `make chart`"
    assert not leftovers()


def test_the_dashboards_come_as_they_are() -> None:
    """Each in a ConfigMap of its own that Grafana's sidecar finds."""
    found = [made for made in template(case("monitoring-operator")) if "-dashboard-" in made["metadata"]["name"]]
    assert {made["metadata"]["labels"]["grafana_dashboard"] for made in found} == {"1"}
    assert {made["metadata"]["annotations"]["grafana_folder"] for made in found} == {"MailSonar"}
    shown = {name: text for made in found for name, text in made["data"].items()}
    sources = (path for path in alerting.DASHBOARDS.glob("*.json"))
    assert shown == {f"mailsonar-{path.name}": path.read_text(encoding="utf-8") for path in sources}


@pytest.mark.parametrize(
    ("name", "runbooks", "grafana"),
    [
        ("monitoring-operator", "https://wiki.acme.example/mailsonar", "https://grafana.acme.example"),
        ("everything", RUNBOOKS, GRAFANA),
    ],
)
def test_the_rules_come_as_they_are_but_for_the_addresses(name: str, runbooks: str, grafana: str) -> None:
    """What was tested in `dashboards/rules` is what the operator evaluates."""
    made = yaml.safe_dump(the("PrometheusRule", template(case(name)))["spec"]["groups"])
    assert yaml.safe_load(made.replace(runbooks, RUNBOOKS).replace(grafana, GRAFANA)) == GROUPS
    assert f"runbook_url: {runbooks}/RouteDown.md" in made


def test_a_package_renders_the_same(tmp_path: Path) -> None:
    """What is published holds all that the templates read, and nothing that is for tests."""
    assert helm("package", CHART, "-d", tmp_path).returncode == 0
    [package] = tmp_path.glob("mailsonar-*.tgz")
    done = helm("template", "ours", package, "-f", case("everything"), "-n", "mail", "--kube-version", "1.34.0")
    assert [made for made in yaml.safe_load_all(done.stdout) if made] == template(case("everything"))
    with tarfile.open(package) as files:
        assert not [name for name in files.getnames() if "/ci/" in name]


def test_promtool_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    """As a PrometheusRule and as files to mount."""
    rules = tmp_path / "operator.yml"
    rules.write_text(yaml.safe_dump(the("PrometheusRule", template(case("everything")))["spec"]))
    mounted = the("ConfigMap", template(case("no-operator")), "-rules")["data"]
    assert mounted == {path.name: path.read_text(encoding="utf-8") for path in alerting.RULE_FILES}
    for name, text in mounted.items():
        (tmp_path / name).write_text(text)
    promtool = require_program("promtool", "prometheus")
    for files in ([rules], [tmp_path / name for name in mounted]):
        done = subprocess.run([promtool, "check", "rules", *files], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
