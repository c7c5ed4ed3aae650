"""That the lab's parts are real, come back on the same port, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import unittest
from pathlib import Path

from lab import WRITE_VERBS, Lab, LabError, free_ports, wait_until

VERSIONS = ("1.18", "1.24", "1.26")


def config_map(name: str, **data: str) -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


class ControlPlane(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab(audit=True, postgres=False))

    def test_objects_survive_a_restart_of_the_api_server(self):
        self.lab.apply(config_map("kept", colour="blue"))
        port = self.lab.env["KUBE_PORT"]
        self.lab.kill_apiserver()
        with self.assertRaises(LabError):
            self.lab.kubectl("get", "namespaces", "--request-timeout=1s")
        self.lab.start_apiserver()
        self.assertEqual(self.lab.get("configmap", "kept")["data"], {"colour": "blue"})
        self.assertEqual(self.lab.env["KUBE_PORT"], port)

    def test_the_audit_log_tells_who_wrote_what(self):
        self.lab.apply(config_map("audited"))
        writes = [event["objectRef"] for event in self.lab.audit_events("lab-admin", WRITE_VERBS)]
        self.assertEqual([ref["resource"] for ref in writes if ref.get("name") == "audited"], ["configmaps"])
        self.assertEqual(self.lab.audit_events("nobody", WRITE_VERBS), [])

    def test_a_service_account_has_its_rights_and_no_others(self):
        kubeconfig = self.lab.kubeconfig_of_service_account("default", "reader")
        self.lab.kubectl("create", "role", "reader", "--verb=list", "--resource=configmaps")
        self.lab.kubectl("create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:reader")

        def may(resource: str) -> bool:
            try:
                self.lab.kubectl("--kubeconfig", kubeconfig, "get", resource)
                return True
            except LabError as error:
                self.assertIn("Forbidden", str(error))
                return False

        wait_until("the role works", lambda: may("configmaps"))
        self.assertFalse(may("secrets"))

    def test_what_does_not_exist_is_none(self):
        self.assertIsNone(self.lab.get("configmap", "absent"))


class Controllers(unittest.TestCase):
    def test_a_deployment_becomes_available_on_fake_nodes(self):
        with Lab(nodes=2, postgres=False) as lab:
            lab.kubectl("create", "deployment", "web", "--image=none", "--replicas=3")
            lab.kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=60s")
            self.assertEqual({pod["status"]["phase"] for pod in lab.list("pods", "default")}, {"Running"})


class Databases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab(kube=False, redis=True, max_connections=30))
        cls.orders = cls.lab.create_database("orders", "orders_app", "it's \"secret\"")

    def bouncer(self, version):
        if not self.lab.has_pgbouncer(version):
            self.skipTest(f"no PgBouncer {version}")
        server = f"host={self.orders.host} port={self.orders.port} dbname=orders"
        ini = {"databases": {"orders": server}, "pgbouncer": {"pool_mode": "transaction", "admin_users": "admin"}}
        bouncer = self.lab.pgbouncer(version, ini, users={"orders_app": self.orders.password, "admin": "a"})
        self.addCleanup(bouncer.stop)
        return bouncer

    def check_pgbouncer(self, version):
        bouncer = self.bouncer(version)
        rows = self.lab.psql("select current_user as who", self.orders.on(bouncer.host, bouncer.port))
        self.assertEqual(rows, [{"who": "orders_app"}])
        self.assertTrue(bouncer.console("SHOW VERSION", "admin", "a")[0]["version"].startswith(f"PgBouncer {version}."))
        with self.assertRaises(LabError):
            bouncer.console("SHOW POOLS", "admin", "wrong")

    def test_queries_go_through_pgbouncer_1_18(self):
        self.check_pgbouncer("1.18")

    def test_queries_go_through_pgbouncer_1_24(self):
        self.check_pgbouncer("1.24")

    def test_queries_go_through_pgbouncer_1_26(self):
        self.check_pgbouncer("1.26")

    def test_a_stopped_pgbouncer_starts_again_on_its_port(self):
        bouncer = self.bouncer(next(filter(self.lab.has_pgbouncer, VERSIONS)))
        bouncer.kill()
        with self.assertRaises(LabError):
            bouncer.console("SHOW VERSION", "admin", "a")
        bouncer.start()
        self.assertTrue(bouncer.console("SHOW VERSION", "admin", "a"))

    def test_postgres_has_the_wanted_limit_and_survives_a_crash(self):
        self.lab.psql("create table kept (n int)", self.orders)
        self.lab.kill_postgres()
        self.lab.start_postgres()
        self.assertEqual(self.lab.psql("show max_connections"), [{"max_connections": "30"}])
        self.assertEqual(self.lab.psql("select count(*) from kept", self.orders), [{"count": "0"}])

    def test_redis_answers(self):
        answer = subprocess.run(["redis-cli", "-p", self.lab.env["REDIS_PORT"], "ping"], capture_output=True, text=True)
        self.assertEqual(answer.stdout.strip(), "PONG")

    def test_free_ports_differ(self):
        self.assertEqual(len(set(free_ports(20))), 20)


class LeavesNothing(unittest.TestCase):
    """A test program that is ended in the middle, in three ways."""

    # A shell starts what it puts into the background with SIGINT ignored, and that is inherited.
    PROGRAM = ("import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
               "from lab import Lab\nwith Lab(kube=False) as lab:\n print(lab.dir, flush=True)\n import time; time.sleep(600)")

    def check(self, number: int):
        program = subprocess.Popen([sys.executable, "-c", self.PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                   cwd=Path(__file__).parent)
        self.addCleanup(program.stdout.close)
        folder = Path(program.stdout.readline().strip())
        pids = [int(file.read_text().split()[0]) for file in (folder / "run").glob("*.pid")]
        self.assertGreaterEqual(len(pids), 2)
        program.send_signal(number)
        program.wait(30)
        wait_until("the folder is gone", lambda: not folder.exists())
        wait_until("the parts have ended", lambda: not any(map(self.is_running, pids)))

    @staticmethod
    def is_running(pid: int) -> bool:
        try:
            return os.readlink(f"/proc/{pid}/exe") != ""
        except OSError:
            return False

    def test_after_ctrl_c(self):
        self.check(signal.SIGINT)

    def test_after_term(self):
        self.check(signal.SIGTERM)

    def test_after_kill(self):
        self.check(signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
