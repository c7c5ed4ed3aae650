"""What the end-to-end tests share: a lab with the CRD and the operator's rights, and the operator itself.

    with OperatorLab() as lab:
        shop = lab.namespace("shop")
        lab.start_operator()
        lab.apply_pool("orders", databases=[lab.database("orders")])
        lab.wait_for_pool("orders", lambda pool: condition(pool, "Ready") == "True")
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any, Callable

from lab import Lab, Program, wait_until

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("POOLWRIGHT_BINARY", str(ROOT / "build/release/operator/poolwright"))
NAMESPACE = "shop"
OPERATOR_USER = "system:serviceaccount:poolwright-system:poolwright"


def condition_field(pool: dict[str, Any] | None, kind: str, field: str) -> str:
    """"" where the condition is not there."""
    for entry in (pool or {}).get("status", {}).get("conditions", []):
        if entry["type"] == kind:
            return entry[field]
    return ""


def condition(pool: dict[str, Any] | None, kind: str) -> str:
    """True, False or Unknown."""
    return condition_field(pool, kind, "status")


def reason(pool: dict[str, Any] | None, kind: str) -> str:
    return condition_field(pool, kind, "reason")


def message(pool: dict[str, Any] | None, kind: str) -> str:
    return condition_field(pool, kind, "message")


def is_current(pool: dict[str, Any] | None) -> bool:
    """The operator has decided about the present spec."""
    return bool(pool) and pool.get("status", {}).get("observedGeneration") == pool["metadata"]["generation"]


def secret_values(secret: dict[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret.get("data", {}).items()}


class OperatorLab(Lab):
    """A Lab in which the operator can run with the rights that config/rbac gives it, and nothing more."""

    def __init__(self, **options: Any):
        super().__init__(**{"audit": True} | options)

    def __enter__(self) -> "OperatorLab":
        super().__enter__()
        try:
            self._prepare()
        except BaseException as failure:
            self.__exit__(type(failure), failure, None)
            raise
        return self

    def _prepare(self) -> None:
        self.apply(ROOT / "crds/poolwright.dev_connectionpools.yaml")
        self.crd_established("connectionpools.poolwright.dev")
        for name in ("poolwright-system", NAMESPACE):
            self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for file in ("service_account.yaml", "role.yaml", "monitoring_reader.yaml"):
            self.apply(ROOT / "config/rbac" / file)
        self.operator_kubeconfig = self.kubeconfig_of_service_account("poolwright-system", "poolwright")

    def start_operator(self, *arguments: str, name: str = "operator", leader_election: bool = False) -> Program:
        election = ["--lease-namespace", "poolwright-system"] if leader_election else ["--no-leader-election"]
        if "--web-port" not in arguments:
            arguments += ("--web-address", "127.0.0.1", "--web-port", "0")
        command = [BINARY, "run", "--kubeconfig", self.operator_kubeconfig, "--allow-loopback-hosts", *election, *arguments]
        return self.start(name, command)

    def login(self, database: str, user: str | None = None, password: str | None = None) -> dict[str, Any]:
        """A database on the lab's PostgreSQL with its credentials Secret; the entry for spec.databases."""
        user = user or f"{database}_app"
        created = self.create_database(database, user, password)
        secret = f"{database}-app".replace("_", "-")
        self.apply_secret(secret, {"username": user, "password": created.password})
        return {"name": database, "credentialsSecretRef": {"name": secret}}

    def apply_secret(self, name: str, values: dict[str, str]) -> None:
        self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE},
                    "stringData": values})

    def pool(self, name: str, databases: list[dict[str, Any]], **spec: Any) -> dict[str, Any]:
        """The manifest of a pool on the lab's PostgreSQL, with a budget that many pools fit into."""
        postgres = {"host": self.superuser.host, "port": self.superuser.port, "connectionBudget": {"max": 10000}}
        return {"apiVersion": "poolwright.dev/v1alpha1", "kind": "ConnectionPool",
                "metadata": {"name": name, "namespace": NAMESPACE},
                "spec": {"postgres": postgres, "databases": databases} | spec}

    def get_pool(self, name: str) -> dict[str, Any] | None:
        return self.get("connectionpools.poolwright.dev", name, NAMESPACE)

    def wait_for_pool(self, name: str, holds: Callable[[dict[str, Any]], bool], timeout: float = 180) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            pool = self.get_pool(name)
            return pool if pool and is_current(pool) and holds(pool) else None
        try:
            return wait_until(f"pool {name} as expected", look, timeout)
        except Exception:
            print(json.dumps(self.get_pool(name), indent=1))
            raise

    def url_secret(self, pool: str, database: str) -> dict[str, str]:
        """The decoded values of a database's URL Secret."""
        status = self.get_pool(pool)["status"]
        name = next(entry["secretName"] for entry in status["databases"] if entry["name"] == database)
        return secret_values(self.get("secret", name, NAMESPACE))

    def operator_requests(self) -> int:
        """How many requests of the operator the API server has answered. Counts lines: the log has many megabytes."""
        mark = f'"username":"{OPERATOR_USER}"'.encode()
        with open(self.env["KUBE_AUDIT_LOG"], "rb") as log:
            return sum(mark in line for line in log)

    def operator_writes(self) -> list[dict[str, Any]]:
        return self.audit_events(OPERATOR_USER, ("create", "update", "patch", "delete", "deletecollection"))
