"""The chart renders what a cluster takes, whatever part of it is in use, and no more privileged than it says."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import kubernetes_validate
import pytest
from cloudcoil.models.prometheus_operator import v1 as operator
from tests.support.chart import CASES, CHART, Object, case, helm, name_of, pod_specs, template, the

KUBERNETES = ("1.27.0", "1.34.0", "1.37.0")  # the oldest that Chart.yaml allows, and two newer ones
WANTED = {
    "minimal", "sharded", "existing-secrets", "persistence", "network-policy", "monitoring-operator", "no-operator",
    "everything",
}  # fmt: skip
each_case = pytest.mark.parametrize("values", CASES, ids=name_of)


def selects(selector: Object, labels: Object) -> bool:
    """Tell whether a selector's labels are among the labels."""
    return selector.items() <= labels.items()


def test_there_is_a_file_of_values_for_every_way_to_use_it() -> None:
    """What has no values to try is tried by users first."""
    assert {name_of(path) for path in CASES} >= WANTED


@each_case
def test_helm_finds_nothing_to_complain_of(values: Path) -> None:
    """`helm lint --strict` is the first thing a careful operator runs."""
    done = helm("lint", "--strict", CHART, "-f", values)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout
    assert "[ERROR]" not in done.stdout


@cache
def validate(made: str, version: str) -> None:
    """Hold an object against the schema of a Kubernetes version, once; a kind that it does not know raises, too."""
    kubernetes_validate.validate(json.loads(made), version, strict=True)


@each_case
@pytest.mark.parametrize("version", KUBERNETES)
def test_a_cluster_takes_every_object(values: Path, version: str) -> None:
    """An unknown key, kind or type would be refused, or silently dropped, at the customer's."""
    for made in template(values, kubernetes=version):
        if made["apiVersion"].partition("/")[0] not in {"monitoring.coreos.com", "external-secrets.io"}:
            validate(json.dumps(made), version)


@each_case
def test_the_prometheus_operator_takes_its_objects(values: Path) -> None:
    """The operator ignores a rule or a monitor that it cannot read, and nobody is paged."""
    for made in template(values):
        if made["apiVersion"] == "monitoring.coreos.com/v1":
            read = getattr(operator, made["kind"]).model_validate(made)
            assert read.model_dump(by_alias=True, exclude_unset=True, mode="json") == made, (
                "a key that it does not know"
            )


def test_the_external_secret_is_what_its_operator_reads() -> None:
    """Its keys are those of external-secrets.io/v1, and the pod mounts what it makes."""
    objects = template(case("everything"))
    assert the("ExternalSecret", objects)["spec"] == {
        "refreshInterval": "15m",
        "secretStoreRef": {"name": "vault", "kind": "SecretStore"},
        "target": {"name": "mailsonar-noc-fetched", "creationPolicy": "Owner"},
        "data": [
            {"secretKey": "contoso", "remoteRef": {"key": "mail/contoso", "property": "password", "version": "3"}}
        ],
    }
    [secrets] = (one for one in next(pod_specs(objects))["volumes"] if one["name"] == "secrets")
    fetched = {"name": "mailsonar-noc-fetched", "items": [{"key": "contoso", "path": "contoso"}]}
    assert {"secret": fetched} in secrets["projected"]["sources"]


@each_case
def test_pods_meet_the_standard_restricted(values: Path) -> None:
    """Pod Security "restricted", a read-only root and no token: as it comes, not as an option."""
    for pod in pod_specs(template(values)):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"].items() >= {
            "runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"},
        }.items()  # fmt: skip
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert all(
            {"hostPath", "secret", "configMap", "projected", "emptyDir"} & one.keys() for one in pod.get("volumes", ())
        )
        assert not any("hostPath" in one for one in pod.get("volumes", ()))
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
            }  # fmt: skip
            assert container["resources"].keys() == {"requests", "limits"}
            assert not any("hostPort" in port for port in container.get("ports", ()))


@each_case
def test_no_secret_is_in_an_environment_and_no_object_holds_one(values: Path) -> None:
    """Whoever may read ConfigMaps or a pod's spec learns no secret; the chart makes no Secret either."""
    objects = template(values)
    assert not [made for made in objects if made["kind"] == "Secret"]
    for pod in pod_specs(objects):
        for container in pod["containers"]:
            sources = [one.get("valueFrom", {}).keys() for one in container.get("env", ())]
            assert all(source == {"fieldRef"} for source in sources)
            assert "envFrom" not in container


@each_case
def test_labels_and_selectors_agree(values: Path) -> None:
    """Services, monitors, budgets and policies mean the agents, and the agents only."""
    objects = template(values)
    agents = the("StatefulSet", objects)["spec"]["template"]["metadata"]["labels"]
    test = [made for made in objects if made["kind"] == "Pod"]
    services = {made["metadata"]["name"]: made for made in objects if made["kind"] == "Service"}
    assert the("StatefulSet", objects)["spec"]["serviceName"] in services
    for made in objects:
        if made["metadata"]["name"].endswith("more"):
            continue  # one of the extra objects, which stay as they were given
        assert made["metadata"]["labels"]["app.kubernetes.io/instance"] == "ours"
        assert made["metadata"]["labels"].get("team") == ("messaging" if name_of(values) == "everything" else None)
        selector = made.get("spec", {}).get("selector", made.get("spec", {}).get("podSelector"))
        if selector is None:
            continue
        wanted = selector.get("matchLabels", selector)
        if made["kind"] == "ServiceMonitor":
            found = [one for one in services.values() if selects(wanted, one["metadata"]["labels"])]
            assert [one["spec"].get("clusterIP") for one in found] == [None], "each agent is scraped once"
        else:
            assert selects(wanted, agents), made["kind"]
            assert not any(selects(wanted, pod["metadata"]["labels"]) for pod in test)
