"""A real node for end-to-end tests: the operator and the PgBouncers are pods from our images, in namespaces that enforce `restricted`.

    with NodeLab() as lab:
        lab.deploy_operator()
        lab.apply(lab.pool("orders", [lab.login("orders")]))
        lab.wait_for_pool("orders", lambda pool: condition(pool, "Ready") == "True")
        where = lab.through_service("orders", "orders")

While the block lasts this thread, and what it starts, is in the node's network namespace: so the clients of a test reach ClusterIPs, and
everything that a Lab can do works as it is.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from lab import Database, _output, wait_until
from operator_lab import BINARY, NAMESPACE, ROOT, OperatorLab, condition

NODE = ROOT / "tests/lab/node"
SYSTEM = "poolwright-system"
POOLER_PORT = 6432
CLONE_NEWNET = 0x40000000


def enter_network(path: str) -> None:
    """Puts this thread into a network namespace."""
    with open(path) as namespace:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {path}")


class NodeLab(OperatorLab):
    """See the top of the file. SkipTest where the machine cannot have a node."""

    def __init__(self) -> None:
        super().__init__()

    def __enter__(self) -> "NodeLab":
        self.dir = Path(tempfile.mkdtemp(prefix="poolwright-node-"))
        try:
            _output([str(NODE), "up", "--operator", BINARY, "--while", str(os.getpid()), str(self.dir)])
        except BaseException:
            shutil.rmtree(self.dir, ignore_errors=True)
            raise
        self._home = open("/proc/self/ns/net")
        try:
            enter_network(f"/proc/{self.env['NETWORK_PID']}/ns/net")
            self._prepare()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        enter_network(f"/proc/self/fd/{self._home.fileno()}")
        self._home.close()
        for program in self._programs:
            if program.is_running:
                program.kill()
        _output([str(NODE), "down", str(self.dir)])

    def _prepare(self) -> None:
        super()._prepare()
        for name in (SYSTEM, NAMESPACE):
            self.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")

    # -- the operator --

    def deploy_operator(self) -> None:
        self.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "config/manager"))
        self.await_operator()

    def await_operator(self) -> None:
        self.kubectl("-n", SYSTEM, "rollout", "status", "deployment/poolwright", "--timeout=120s")

    def operator_pods(self) -> list[str]:
        return [pod["metadata"]["name"] for pod in self.list("pods", SYSTEM)]

    # -- pools --

    def serve(self, name: str, databases: list[dict[str, Any]], **pgbouncer: Any) -> dict[str, Any]:
        """Applies a pool whose sizes stay as they are, and returns when every pod of it was read back."""
        self.apply(self.pool(name, databases, pgbouncer=pgbouncer, sizing={"mode": "Fixed"}))
        return self.wait_for_pool(name, lambda pool: condition(pool, "Ready") == "True")

    def pool_pods(self, name: str) -> list[dict[str, Any]]:
        """The pods that are not being deleted."""
        return [pod for pod in self.list("pods", NAMESPACE)
                if pod["metadata"]["name"].startswith(f"{name}-pool-") and "deletionTimestamp" not in pod["metadata"]]

    def processes(self, name: str) -> dict[str, int]:
        """What must not change when nothing is restarted: the pods, and how often their container was."""
        return {pod["metadata"]["uid"]: pod["status"]["containerStatuses"][0]["restartCount"] for pod in self.pool_pods(name)}

    def await_pods(self, name: str, count: int, but: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """Until exactly so many pods are ready, none of them with a uid of `but`, and the older ones are gone."""
        def ready() -> list[dict[str, Any]] | None:
            pods = [pod for pod in self.list("pods", NAMESPACE) if pod["metadata"]["name"].startswith(f"{name}-pool-")]
            good = [pod for pod in pods if condition(pod, "Ready") == "True" and pod["metadata"]["uid"] not in but]
            return good if len(good) == count == len(pods) else None
        return wait_until(f"{count} pods of {name}", ready, 240, 0.2)

    def through_service(self, name: str, database: str) -> Database:
        """As an application sees the pool: the credentials of its URL Secret, at the ClusterIP (there is no DNS)."""
        secret = self.url_secret(name, database)
        return Database(self.cluster_ip(name), POOLER_PORT, secret["dbname"], secret["username"], secret["password"])

    def cluster_ip(self, name: str) -> str:
        return self.get("service", f"{name}-pool", NAMESPACE)["spec"]["clusterIP"]
