"""The chart on a real node: real containers in namespaces that enforce the profile `restricted`, real probes, a pool that serves."""

import base64
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from charts import NAMESPACE, OPERATOR, POOLS, ROOT, helm_program, values_arguments
from lab import LabError, read_env, wait_until
from operator_lab import BINARY, condition, is_current

NODE = ROOT / "tests/lab/node"
SHOP = "shop"


class Node:
    """A node of its own for as long as a `with` block lasts; commands run in its network namespace."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="poolwright-chart-node-")
        self.dir = Path(self._folder.name) / "node"
        os.chmod(self._folder.name, 0o711)
        ran = subprocess.run([NODE, "up", "--operator", BINARY, "--while", str(os.getpid()), self.dir], capture_output=True, text=True)
        if ran.returncode == 77:
            raise unittest.SkipTest(ran.stderr.strip())
        if ran.returncode != 0:
            raise LabError(ran.stderr[-2000:])
        self.env = read_env(self.dir / "env")
        return self

    def __exit__(self, *_):
        subprocess.run([NODE, "down", self.dir], check=True)
        self._folder.cleanup()

    def run(self, *command, stdin="", env=None, check=True):
        ran = subprocess.run([NODE, "exec", self.dir, "--", *map(str, command)], input=stdin, capture_output=True, text=True, timeout=300,
                             env=os.environ | (env or {}))
        if check and ran.returncode != 0:
            raise LabError(f"{' '.join(map(str, command))[:200]}: {ran.stderr.strip()[-2000:]}")
        return ran.stdout

    def kubectl(self, *arguments, stdin=""):
        return self.run("kubectl", *arguments, stdin=stdin)

    def get(self, kind, name, namespace):
        text = self.kubectl("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text.strip() else None

    def list(self, kind, namespace):
        return json.loads(self.kubectl("get", kind, "-n", namespace, "-o", "json"))["items"]

    def apply(self, *objects):
        self.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def helm(self, *arguments):
        return self.run(helm_program(), *arguments)

    def psql(self, sql, host, port, user, password, database):
        env = {"PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"}
        return self.run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", port, "-U", user, "-d", database, "-c", sql,
                        env=env).strip()


class ChartOnANode(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        helm_program()
        cls.node = cls.enterClassContext(Node())
        for name in (NAMESPACE, SHOP):
            cls.node.apply({"apiVersion": "v1", "kind": "Namespace",
                            "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
        cls.node.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "orders-app", "namespace": SHOP},
                        "stringData": {"username": "orders_app", "password": "s3cret"}})
        for sql in ("create role orders_app login password 's3cret'", "create database orders owner orders_app"):
            cls.as_superuser(sql)

    @classmethod
    def as_superuser(cls, sql):
        env = cls.node.env
        password = Path(env["PG_SUPERUSER_PASSWORD_FILE"]).read_text().strip()
        return cls.node.psql(sql, env["PGHOST"], env["PGPORT"], env["PG_SUPERUSER"], password, "postgres")

    def through_the_pool(self):
        """What PostgreSQL answers to the application's own URL; the name of the Service becomes its address, for lack of a DNS."""
        secret = self.node.get("secret", "orders-orders-url", SHOP)["data"]
        values = {key: base64.b64decode(value).decode() for key, value in secret.items()}
        address = self.node.get("service", "orders-pool", SHOP)["spec"]["clusterIP"]
        return self.node.psql("select 6 * 7", address, "6432", values["username"], values["password"], values["dbname"])

    def install(self, *, release="poolwright", chart=OPERATOR, namespace=NAMESPACE, **values):
        self.node.helm("upgrade", "--install", release, chart, "-n", namespace, "--wait", "--timeout", "180s", *values_arguments(values))

    def await_ready(self):
        def ready():
            pool = self.node.get("connectionpools.poolwright.dev", "orders", SHOP)
            return pool if is_current(pool) and condition(pool, "Ready") == "True" else None
        return wait_until("the pool is ready", ready, timeout=180, pause=0.5)

    def leader(self):
        lease = json.loads(self.node.kubectl("-n", NAMESPACE, "get", "lease", "-o", "json"))["items"][0]
        return lease["spec"].get("holderIdentity", "").rsplit("_", 1)[0]

    def test_a_release_from_install_to_uninstall(self):
        self.install()
        pods = self.node.list("pod", NAMESPACE)
        self.assertEqual(len(pods), 2)
        self.assertIn("Succeeded", self.node.helm("test", "poolwright", "-n", NAMESPACE, "--timeout", "120s"))
        self.assertIn(self.leader(), [pod["metadata"]["name"] for pod in pods])
        self.install(release="pools", chart=POOLS, namespace=SHOP, pools={"orders": {"spec": {
            "postgres": {"host": self.node.env["PGHOST"], "port": int(self.node.env["PGPORT"])},
            "databases": [{"name": "orders", "credentialsSecretRef": {"name": "orders-app"}}]}}})
        self.await_ready()
        self.assertEqual(self.through_the_pool(), "42")
        pooler_pods = {pod["metadata"]["name"] for pod in self.node.list("pod", SHOP)}

        self.install(replicas=3, log={"level": "debug"}, secrets="poll")
        self.assertEqual(self.node.get("deployment", "poolwright", NAMESPACE)["status"]["readyReplicas"], 3)
        self.assertEqual(self.node.run("kubectl", "auth", "can-i", "list", "secrets", "-n", SHOP, "--as",
                                       f"system:serviceaccount:{NAMESPACE}:poolwright", check=False).strip(), "no")
        self.node.helm("rollback", "poolwright", "1", "-n", NAMESPACE, "--wait", "--timeout", "180s")
        self.assertEqual(self.node.get("deployment", "poolwright", NAMESPACE)["spec"]["replicas"], 2)
        self.await_ready()
        self.assertEqual(self.through_the_pool(), "42")

        self.node.helm("uninstall", "poolwright", "-n", NAMESPACE, "--wait", "--timeout", "180s")
        self.assertIsNone(self.node.get("deployment", "poolwright", NAMESPACE))
        self.assertEqual(self.through_the_pool(), "42", "a pool serves without an operator")
        self.assertEqual({pod["metadata"]["name"] for pod in self.node.list("pod", SHOP)}, pooler_pods, "and was never restarted")


if __name__ == "__main__":
    unittest.main()
