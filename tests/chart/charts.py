"""Helm and the charts of this tree, for tests. A machine without Helm skips them."""

from __future__ import annotations

import json
import subprocess
import unittest
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
OPERATOR = ROOT / "charts/poolwright"
POOLS = ROOT / "charts/poolwright-pools"
NAMESPACE = "poolwright-system"

Objects = list[dict[str, Any]]


class HelmError(Exception):
    """What Helm said when it refused."""


def helm_program() -> str:
    path = subprocess.run(["bash", "-c", f". {ROOT}/scripts/common.sh && helm_program"], capture_output=True, text=True, check=True)
    if not Path(path.stdout.strip()).exists():
        raise unittest.SkipTest("Helm is not built: ./dev deps helm")
    return path.stdout.strip()


def helm(*arguments: str | Path, kubeconfig: str | None = None) -> str:
    """stdout of Helm; HelmError when it fails."""
    options = ["--kubeconfig", kubeconfig] if kubeconfig else []
    ran = subprocess.run([helm_program(), *map(str, arguments), *options], capture_output=True, text=True, timeout=300)
    if ran.returncode != 0:
        raise HelmError(ran.stderr.strip() or ran.stdout.strip())
    return ran.stdout


def values_arguments(values: dict[str, Any]) -> list[str]:
    """Each value as JSON, so that its type is the one that the test means."""
    return [word for name, value in values.items() for word in ("--set-json", f"{name}={json.dumps(value)}")]


def render(chart: Path = OPERATOR, release: str = "poolwright", namespace: str = NAMESPACE, **values: Any) -> Objects:
    text = helm("template", release, chart, "--namespace", namespace, *values_arguments(values))
    return [one for one in yaml.safe_load_all(text) if one]


def find(objects: Objects, kind: str, name: str | None = None, namespace: str | None = None) -> dict[str, Any]:
    found = find_all(objects, kind, name, namespace)
    if len(found) != 1:
        raise AssertionError(f"{len(found)} objects {kind} {name or ''} among {[(o['kind'], o['metadata']['name']) for o in objects]}")
    return found[0]


def find_all(objects: Objects, kind: str, name: str | None = None, namespace: str | None = None) -> Objects:
    return [one for one in objects if one["kind"] == kind and name in (None, one["metadata"]["name"])
            and namespace in (None, one["metadata"].get("namespace"))]


def pod_of(objects: Objects) -> dict[str, Any]:
    return find(objects, "Deployment")["spec"]["template"]["spec"]


def arguments_of(objects: Objects) -> list[str]:
    return pod_of(objects)["containers"][0]["args"]


def verbs_on(rules: Objects, group: str, resource: str) -> set[str]:
    return {verb for rule in rules if group in rule["apiGroups"] and resource in rule["resources"] for verb in rule["verbs"]}
