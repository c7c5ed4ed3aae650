"""That the lab's node treats pods as a kubelet does, with a Deployment of the shape that the operator makes."""

import unittest

from lab import Database, Lab, LabError, render_ini, userlist, wait_until
from pods import PgbouncerNode

LABELS = {"app": "orders"}


def deployment(replicas: int = 2, tag: str = "1.24") -> dict:
    sources = [{"configMap": {"name": "orders", "items": [{"key": "pgbouncer.ini", "path": "config/pgbouncer.ini"}]}},
               {"secret": {"name": "orders", "items": [{"key": "userlist.txt", "path": "users/userlist.txt"}]}}]
    container = {"name": "pgbouncer", "image": f"pgbouncer:{tag}", "command": ["pgbouncer", "config/pgbouncer.ini"],
                 "workingDir": "/etc/poolwright", "ports": [{"containerPort": 6432}],
                 "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", "sleep 2; kill -INT 1"]}}},
                 "volumeMounts": [{"name": "files", "mountPath": "/etc/poolwright"}]}
    template = {"metadata": {"labels": LABELS},
                "spec": {"containers": [container], "volumes": [{"name": "files", "projected": {"sources": sources}}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "orders", "namespace": "default"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template}}


class Node(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab(controllers=True))
        if not cls.lab.has_pgbouncer("1.24"):
            raise unittest.SkipTest("no PgBouncer 1.24")
        cls.orders = cls.lab.create_database("orders", "orders_app")
        cls.node = cls.enterClassContext(PgbouncerNode(cls.lab))

    def setUp(self):
        self.addCleanup(self.remove_all)
        self.apply_config(pool_size=5)
        users = userlist({"orders_app": self.orders.password, "admin": "a"})
        self.lab.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "orders", "namespace": "default"},
                        "stringData": {"userlist.txt": users}})

    def remove_all(self):
        self.lab.kubectl("delete", "deployment/orders", "secret/orders", "--ignore-not-found", "--wait=false")
        wait_until("no pod is left", lambda: not self.lab.list("pods", "default"))

    def apply_config(self, pool_size):
        server = f"host={self.orders.host} port={self.orders.port} dbname=orders pool_size={pool_size}"
        ini = render_ini({"databases": {"orders": server}, "pgbouncer": {
            "listen_addr": "*", "listen_port": 6432, "auth_type": "scram-sha-256", "auth_file": "users/userlist.txt",
            "admin_users": "admin", "pool_mode": "transaction"}})
        self.lab.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "orders", "namespace": "default"},
                        "data": {"pgbouncer.ini": ini}})

    def pods(self):
        return [pod for pod in self.lab.list("pods", "default") if "deletionTimestamp" not in pod["metadata"]]

    def await_ready(self, count):
        wait_until(f"{count} ready addresses", lambda: len(self.node.ready_addresses("default", LABELS)) == count)
        wait_until(f"{count} ready pods", lambda: [p["status"]["conditions"] and self.is_ready(p) for p in self.pods()] == [True] * count)

    @staticmethod
    def is_ready(pod):
        return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"]["conditions"])

    def pool_size(self, address):
        rows = self.lab.psql("SHOW DATABASES", Database(*address, "pgbouncer", "admin", "a"))
        return next(row["pool_size"] for row in rows if row["name"] == "orders")

    def test_pods_serve_and_are_replaced_without_an_error(self):
        self.lab.apply(deployment())
        self.lab.kubectl("wait", "--for=condition=Available", "deployment/orders", "--timeout=60s")
        self.await_ready(2)
        self.lab.kubectl("expose", "deployment/orders", "--port=6432")
        with self.node.service("default", "orders") as address:
            through = self.orders.on(*address)
            before = set(self.node.pids().values())
            self.lab.kubectl("rollout", "restart", "deployment/orders")

            def all_replaced():
                self.assertEqual(self.lab.psql("select 1 as one", through), [{"one": "1"}])
                return not before & set(self.node.pids().values())

            wait_until("the old processes have ended", all_replaced, timeout=60, pause=0)
        self.await_ready(2)

    def test_a_changed_annotation_brings_the_new_files(self):
        self.lab.apply(deployment(replicas=1))
        self.await_ready(1)
        (address,) = self.node.ready_addresses("default", LABELS)
        (name,) = (pod["metadata"]["name"] for pod in self.pods())
        self.apply_config(pool_size=7)
        console = Database(*address, "pgbouncer", "admin", "a")
        self.lab.psql("RELOAD", console)
        self.assertEqual(self.pool_size(address), "5")  # no annotation yet: the file is the old one
        self.lab.kubectl("annotate", "pod", name, "nudge=1")

        def reloaded():
            self.lab.psql("RELOAD", console)
            return self.pool_size(address) == "7"

        wait_until("the new size is read", reloaded)

    def test_a_killed_pgbouncer_is_started_again(self):
        self.lab.apply(deployment(replicas=1))
        self.await_ready(1)
        (name, pid), = self.node.pids().items()
        self.lab.run("pgbouncer", "kill", next(iter(self.node._pods.values())).name)
        wait_until("another process", lambda: self.node.pids().get(name) not in (None, pid))
        wait_until("the restart is told", lambda: self.pods()[0]["status"]["containerStatuses"][0]["restartCount"] == 1)
        self.await_ready(1)

    def test_a_pod_waits_for_its_secret_and_dies_with_its_deployment(self):
        self.lab.kubectl("delete", "secret", "orders")
        self.lab.apply(deployment(replicas=1))
        wait_until("it says that it waits", lambda: [list(one["state"]) for pod in self.pods()
                                                     for one in pod["status"].get("containerStatuses", [])] == [["waiting"]])
        self.lab.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "orders", "namespace": "default"},
                        "stringData": {"userlist.txt": userlist({"orders_app": self.orders.password})}})
        self.await_ready(1)
        self.lab.kubectl("delete", "deployment", "orders", "--wait=false")
        wait_until("no pod is left", lambda: not self.lab.list("pods", "default"))
        self.assertEqual(self.node.pids(), {})

    def test_the_node_outlives_the_api_server(self):
        self.lab.apply(deployment(replicas=1))
        self.await_ready(1)
        self.lab.kill_apiserver()
        (address,) = self.node.ready_addresses("default", LABELS)
        self.assertEqual(self.pool_size(address), "5")
        self.lab.start_apiserver()
        self.lab.kubectl("scale", "deployment/orders", "--replicas=2")
        self.await_ready(2)


if __name__ == "__main__":
    unittest.main()
