"""Each value does what its comment says: how agents start, share, keep, end, and are asked."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm.generate.values import Undocumented, values_of
from tests.support.chart import CHART, case, helm, pod_specs, template, the

ROOT = CHART.parents[1]


def leaves(schema: Any, path: str = "") -> set[str]:
    """Return the paths of all values that a schema has, but for those of the cluster's own types."""
    if "properties" not in schema:
        return {path}
    return {leaf for key, part in schema["properties"].items() for leaf in leaves(part, f"{path}.{key}".lstrip("."))}


def test_the_config_is_what_was_given() -> None:
    """No figure, word or order of a list is changed on the way through Helm's templates."""
    given = yaml.safe_load(case("everything").read_text())
    data = the("ConfigMap", template(case("everything")), "-config")["data"]
    assert yaml.safe_load(data.pop("mailsonar.yml")) == given["config"]
    assert {name: yaml.safe_load(text) for name, text in data.items()} == given["configFiles"]


def test_a_change_of_config_restarts_nothing() -> None:
    """The kubelet brings the new files, and the agent reloads: the pods' template is the same before and after."""
    routes = {"again": {"from": "acme-out", "to": "acme-in"}}
    before, after = template(case("minimal")), template(case("minimal"), given={"config": {"routes": routes}})
    assert the("ConfigMap", before) != the("ConfigMap", after)
    assert the("StatefulSet", before) == the("StatefulSet", after)
    [container] = the("StatefulSet", after)["spec"]["template"]["spec"]["containers"]
    assert not any("subPath" in mount for mount in container["volumeMounts"]), "a subPath is never brought up to date"


def test_shards_are_replicas_that_start_and_end_in_the_right_order() -> None:
    """All start at once; none is replaced before it has ended, with time for its drain."""
    spec = the("StatefulSet", template(case("sharded")))["spec"]
    [container] = spec["template"]["spec"]["containers"]
    assert spec["replicas"] == 3
    assert "--shard.total=3" in container["args"]
    assert spec["podManagementPolicy"] == "Parallel"
    assert spec["updateStrategy"] == {"type": "RollingUpdate"}
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] >= 20
    assert container["env"] == [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    [spread] = spec["template"]["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == spec["selector"]["matchLabels"]


def test_claims_keep_their_template_over_upgrades() -> None:
    """A StatefulSet whose volumeClaimTemplates change cannot be upgraded: neither versions nor common labels go in."""
    [claim] = the("StatefulSet", template(case("everything")))["spec"]["volumeClaimTemplates"]
    assert (
        claim["metadata"]["labels"]
        == the("StatefulSet", template(case("everything")))["spec"]["selector"]["matchLabels"]
    )
    assert claim["spec"]["storageClassName"] == ""


def test_names_leave_room_for_what_is_added() -> None:
    """A name has at most 63 characters, ordinals and suffixes included."""
    for made in template(case("minimal"), given={"fullnameOverride": "m" * 52}):
        assert len(made["metadata"]["name"]) <= 63


def test_what_is_there_is_used_in_place_of_what_the_chart_would_make() -> None:
    """Existing config and account: nothing of the kind is made."""
    objects = template(case("existing-config"))
    assert not {"ConfigMap", "ServiceAccount"} & {made["kind"] for made in objects}
    pod = next(pod_specs(objects))
    assert {"name": "config", "secret": {"secretName": "mailsonar-config", "defaultMode": 0o440}} in pod["volumes"]
    assert pod["serviceAccountName"] == "default"


def test_tls_of_the_web_config_reaches_all_who_ask() -> None:
    """Probes and monitor speak what the port speaks; the kubelet, which has no certificate, may just connect."""
    objects = template(case("everything"))
    [container] = next(pod_specs(objects))["containers"]
    probes = [container[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness")]
    assert {probe["httpGet"]["scheme"] for probe in probes} == {"HTTPS"}
    assert [probe["httpGet"]["path"] for probe in probes] == ["/-/healthy", "/-/healthy", "/-/ready"]
    [endpoint] = the("ServiceMonitor", objects)["spec"]["endpoints"]
    assert endpoint["scheme"] == "https"
    assert endpoint["basicAuth"]["username"] == {"name": "mailsonar-scrape", "key": "username"}
    assert endpoint["tlsConfig"]["serverName"] == "mailsonar-noc"
    objects = template(case("everything"), given={"webConfig": {"clientCertificates": True}})
    [container] = next(pod_specs(objects))["containers"]
    assert container["livenessProbe"]["tcpSocket"] == {"port": "http"}
    assert not [made for made in objects if made["kind"] == "Pod"]


def test_extra_objects_are_templates() -> None:
    """As maps and as text."""
    names = {made["metadata"]["name"] for made in template(case("everything"))}
    assert names >= {"mailsonar-noc-more", "mailsonar-noc-even-more"}


def test_the_notes_tell_what_to_do_next(tmp_path: Path) -> None:
    """What Helm prints after an installation names the release's own pod, and what is still open."""
    chart = shutil.copytree(CHART, tmp_path / "mailsonar")
    (chart / "templates" / "NOTES.txt").rename(chart / "files" / "NOTES.txt")
    (chart / "templates" / "notes.yaml").write_text('notes: {{ tpl (.Files.Get "files/NOTES.txt") . | toJson }}\n')

    def notes(name: str) -> str:
        values = ("-f", chart / "ci" / f"{name}-values.yaml", "-s", "templates/notes.yaml")
        return str(yaml.safe_load(helm("template", "ours", chart, "-n", "mail", *values).stdout)["notes"])

    told = notes("minimal")
    assert "1 agent runs the routes" in told
    assert "kubectl -n mail port-forward ours-mailsonar-0 9525\n  http://localhost:9525/" in told
    assert "Nothing asks for a password" in told
    assert "Nothing scrapes yet" in told
    told = notes("everything")
    assert "2 agents share the routes" in told
    assert "https://localhost:9525/" in told
    assert "Nothing" not in told


def test_versions_are_those_of_the_project() -> None:
    """The chart installs the agent that it was released with."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["apiVersion"] == "v2", "what Helm 3 and Helm 4 read"
    assert chart["appVersion"] == project["version"]
    assert chart["description"] == project["description"]
    [image] = yaml.safe_load(chart["annotations"]["artifacthub.io/images"])
    [container] = next(pod_specs(template(case("minimal"))))["containers"]
    assert container["image"] == image["image"]


def test_the_schema_knows_every_value_and_no_other() -> None:
    """A value without a schema is a mistake that reaches the cluster; one that only the schema has does nothing."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["additionalProperties"] is False
    assert schema["properties"].keys() - values.keys() == {"global", "enabled"}
    documented = {value.path for value in values_of((CHART / "values.yaml").read_text())}
    assert leaves(schema) - {"global", "enabled"} == documented


def test_a_value_that_is_not_documented_is_no_value() -> None:
    """The README's table is complete, or is not written."""
    with pytest.raises(Undocumented, match=r"section\.second"):
        values_of("section:\n  # Told.\n  first: 1\n  second: 2\n")
