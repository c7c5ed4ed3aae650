"""Writes what is derived from other files of the tree: the copies of the CRD and of the operator's rules, config/install.yaml, the
table of the chart's values, docs/reference.md, and the version from the file VERSION wherever a file must name it.

usage: manifests.py [--check]     with --check nothing is written; exit code 1 and a line for each file that is not current
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Callable

import yaml

import reference
import values_table

ROOT = Path(__file__).resolve().parents[1]
CRD = Path("crds/poolwright.dev_connectionpools.yaml")
ROLE = Path("config/rbac/role.yaml")
READER = Path("config/rbac/monitoring_reader.yaml")
VERSION_LINES = {
    Path("charts/poolwright/Chart.yaml"): r"^((?:version|appVersion): )(.*)$",
    Path("charts/poolwright-pools/Chart.yaml"): r"^((?:version|appVersion): )(.*)$",
    Path("config/manager/kustomization.yaml"): r"^(  newTag: )(.*)$",
    Path("config/gitops/flux/operator.yaml"): r"^(    tag: v)(.*)$",
    Path("docs/install.md"): r"(config/default\?ref=v)([0-9A-Za-z.-]+)",
    Path("Dockerfile"): r"^(#   docker build -t poolwright/poolwright:)(\S+)",
    Path("docs/images.md"): r"^(docker build -t poolwright/poolwright:)(\S+)",
}


class Expanded(yaml.SafeDumper):
    """Without anchors: not every reader of a copy knows them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump(*documents: Any) -> str:
    return yaml.dump_all(documents, Dumper=Expanded, sort_keys=False, width=130, allow_unicode=True)


def read(path: Path) -> str:
    return (ROOT / path).read_text()


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(read(path)) if document]


def version() -> str:
    return read(Path("VERSION")).strip()


def copied_from(source: Path) -> str:
    return f"# Written by `./dev manifests` from {source}; edit that.\n"


def with_version(path: Path) -> str:
    return re.sub(VERSION_LINES[path], rf"\g<1>{version()}", read(path), flags=re.MULTILINE)


def crd_copy() -> str:
    return copied_from(CRD) + dump(*documents(CRD))


def rules_copy() -> str:
    """Those about whose token it is apart: they are rights on the cluster even where all others are on namespaces."""
    rules = next(one["rules"] for one in documents(ROLE) if one["kind"] == "ClusterRole")
    reviews = [rule for rule in rules if set(rule["apiGroups"]) <= {"authentication.k8s.io", "authorization.k8s.io"}]
    return copied_from(Path("config/rbac")) + dump({"rules": [rule for rule in rules if rule not in reviews], "reviews": reviews,
                                                    "reader": documents(READER)[0]["rules"]})


def kustomized(folder: Path) -> list[dict[str, Any]]:
    """The objects of a folder of config/: what `kubectl kustomize` gives, for the few things that our folders use."""
    kustomization = documents(folder / "kustomization.yaml")[0]
    objects: list[dict[str, Any]] = []
    for name in kustomization["resources"]:
        objects += documents(folder / name) if name.endswith(".yaml") else kustomized(folder / name)
    tags = {image["name"]: image["newTag"] for image in kustomization.get("images", [])}
    for one in objects:
        for container in one.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            if container["image"] in tags:
                container["image"] += f":{version()}"
    return objects


def install() -> str:
    order = {"Namespace": 0, "CustomResourceDefinition": 1, "ServiceAccount": 2, "Deployment": 9}
    objects = sorted(kustomized(Path("config/default")), key=lambda one: order.get(one["kind"], 5))
    return (f"# Poolwright {version()}: everything of config/default in one file.\n#   kubectl apply --server-side -f install.yaml\n"
            "# Written by `./dev manifests`; edit what it is made of.\n") + dump(*objects)


def with_values_table() -> str:
    """The chart's README, with the table of its values between two marks."""
    path = Path("charts/poolwright/README.md")
    begin, end = "<!-- values: written by `./dev manifests` from values.yaml -->\n", "<!-- end of values -->"
    before, rest = read(path).split(begin)
    return before + begin + values_table.table(ROOT / "charts/poolwright") + end + rest.split(end)[1]


class Text(str):
    """Written as a block of lines."""


Expanded.add_representer(Text, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|"))


def argocd_settings() -> str:
    """The scripts for Argo CD as the ConfigMap that it reads them from."""
    folder = Path("config/gitops/argocd")
    actions = [{"name": name, "action.lua": Text(read(folder / "actions" / name / "action.lua"))} for name in ("pause", "resume", "reconcile")]
    offered = {"discovery.lua": Text(read(folder / "actions/discovery.lua")), "definitions": actions}
    scripts = {"resource.customizations.health.poolwright.dev_ConnectionPool": Text(read(folder / "health.lua")),
               "resource.customizations.actions.poolwright.dev_ConnectionPool": Text(dump(offered))}
    return ("# Health and actions of ConnectionPools for Argo CD: kubectl apply --server-side -f argocd-cm.yaml\n"
            "# Written by `./dev manifests` from the files beside it; edit those.\n") + dump(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": "argocd",
                 "labels": {"app.kubernetes.io/name": "argocd-cm", "app.kubernetes.io/part-of": "argocd"}}, "data": scripts})


GENERATED: dict[Path, Callable[[], str]] = {
    **{path: lambda path=path: with_version(path) for path in VERSION_LINES},
    Path("charts/poolwright/files/crd.yaml"): crd_copy,
    Path("config/crd/connectionpools.yaml"): crd_copy,
    Path("charts/poolwright/files/rules.yaml"): rules_copy,
    Path("config/install.yaml"): install,
    Path("config/gitops/argocd/argocd-cm.yaml"): argocd_settings,
    Path("charts/poolwright/README.md"): with_values_table,
    Path("docs/reference.md"): reference.page,
}


def is_stale(path: Path) -> bool:
    return not (ROOT / path).exists() or read(path) != GENERATED[path]()


def stale() -> list[Path]:
    return [path for path in GENERATED if is_stale(path)]


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        for path in stale():
            print(f"{path} is not current: run ./dev manifests")
        return 1 if stale() else 0
    for path, make in GENERATED.items():  # in this order: the last ones are made of the first ones
        if is_stale(path):
            (ROOT / path).write_text(make())
            print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
