"""The chart as its users have it: values in, objects out, by the real Helm."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "helm" / "mailsonar"
CASES = sorted((CHART / "ci").glob("*-values.yaml"))
HELM = Path(sysconfig.get_path("scripts")) / "helm"  # helm-binary puts it beside this Python
PROMETHEUS_OPERATOR = "monitoring.coreos.com/v1"

Object = dict[str, Any]


def name_of(case: Path) -> str:
    """Return what a file of values in `ci` is called."""
    return case.name.removesuffix("-values.yaml")


def case(name: str) -> Path:
    """Return the file of values in `ci` that is called so."""
    return CHART / "ci" / f"{name}-values.yaml"


def helm(*arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run Helm, whatever comes of it; what is given is its standard input."""
    return subprocess.run([HELM, *arguments], input=given, capture_output=True, text=True, check=False, timeout=60)


def template(*values: Path, given: Mapping[str, Any] | None = None, kubernetes: str = "1.34.0") -> list[Object]:
    """Return the objects that a release called `ours` would consist of.

    Args:
        values: files of values; what a later one says wins.
        given: further values, which win over all files.
        kubernetes: the cluster's version.

    Raises:
        AssertionError: Helm refuses; the message says why.
    """
    return [*_template(values, yaml.safe_dump(dict(given or {})), kubernetes)]


@cache
def _template(values: Sequence[Path], given: str, kubernetes: str) -> Sequence[Object]:
    files = [argument for path in values for argument in ("-f", path)]
    done = helm("template", "ours", CHART, *files, "-f", "-", "-n", "mail", "--kube-version", kubernetes, given=given)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return [made for made in yaml.safe_load_all(done.stdout) if made]


def the(kind: str, objects: Sequence[Object], suffix: str = "") -> Object:
    """Return the one object of a kind, or the one whose name ends so."""
    [found] = (made for made in objects if made["kind"] == kind and made["metadata"]["name"].endswith(suffix))
    return found


def pod_specs(objects: Sequence[Object]) -> Iterator[Object]:
    """Yield the spec of each pod that the objects stand for."""
    for made in objects:
        if made["kind"] == "Pod":
            yield made["spec"]
        elif "template" in made.get("spec", {}):
            yield made["spec"]["template"]["spec"]
