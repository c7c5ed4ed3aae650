"""Transactions that a client leaves open: told, and ended where the spec says so, on a real PgBouncer and PostgreSQL."""

import json
import ssl
import subprocess
import tempfile
import unittest
import urllib.request

from lab import PGBENCH, Database, free_port
from local_lab import LocalLab

LEAK = "begin;\nselect 1;\n\\sleep 2000 s\ncommit;\n"  # more than 2147 s overflow in pgbench, and are no sleep at all
IDLE = "select pid, application_name from pg_stat_activity where datname = 'orders' and state like 'idle in transaction%'"


class LeaksTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(LocalLab(versions=("1.24",)))

    def leak(self, where, clients):
        """Clients that begin a transaction and do nothing more."""
        script = self.enterContext(tempfile.NamedTemporaryFile("w", suffix=".sql"))
        script.write(LEAK)
        script.flush()
        bench = subprocess.Popen([PGBENCH, "-n", "-c", str(clients), "-t", "1", "-f", script.name, "-h", where.host, "-p", str(where.port),
                                  "-U", where.user, where.name], env={"PGPASSWORD": where.password, "PATH": "/usr/bin:/bin"},
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def end():
            bench.kill()
            bench.wait()
        self.addCleanup(end)

    def pids(self):
        return {row["pid"] for row in self.lab.psql(IDLE)}

    def events(self, reason):
        lines = [json.loads(line) for line in self.local.log.splitlines() if line.startswith("{")]
        return [line["message"] for line in lines if line.get("reason") == reason]

    def metrics(self, port):
        token = (self.lab.out / "web-token").read_text().strip()
        request = urllib.request.Request(f"https://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {token}"})
        any_certificate = ssl._create_unverified_context()  # it is made anew at each start
        with urllib.request.urlopen(request, timeout=10, context=any_certificate) as answer:
            return answer.read().decode()

    def test_only_sessions_of_the_pool_are_ended_and_only_with_the_right(self):
        self.lab.psql("create role watcher login password 'w-1' in role pg_monitor")
        self.lab.write_secret("watcher", "watcher", "w-1")
        login = self.lab.login("orders")
        self.lab.write_pool("orders", [login], sizing={"leaks": {"suspectAfterSeconds": 5, "terminateAfterSeconds": 10}},
                            postgres={"host": self.lab.superuser.host, "port": self.lab.superuser.port,
                                      "observerSecretRef": {"name": "watcher"}})
        web_port = free_port()
        self.local = self.lab.start_local("--web-port", str(web_port))
        self.lab.wait_until_ready("orders")
        pooled = self.lab.pooled("orders")
        self.leak(Database(self.lab.superuser.host, self.lab.superuser.port, "orders", pooled.user, pooled.password), 1)
        self.lab.wait_for("the direct client is there", lambda: len(self.pids()) == 1)
        direct = self.pids()
        self.leak(pooled, 5)
        self.lab.wait_for("all are idle", lambda: len(self.pids()) == 6)

        def leaks():
            return self.lab.condition("orders", "ConnectionLeakSuspected")
        self.lab.wait_for("it is told", lambda: leaks().get("status") == "True")
        self.assertIn("idle for more than 5 s", leaks()["message"])
        self.lab.wait_for("the right is missing", lambda: self.events("ConnectionLeakNotTerminated"))
        self.assertIn("GRANT pg_signal_backend TO", self.events("ConnectionLeakNotTerminated")[0])
        self.assertEqual(len(self.pids()), 6)

        self.lab.psql("grant pg_signal_backend to watcher")
        self.lab.wait_for("the pool's own are ended", lambda: self.pids() == direct, timeout=120)
        told = self.lab.wait_for("all are told", lambda: sum(int(text.split("ended ")[1].split()[0])
                                                            for text in self.events("ConnectionLeakTerminated")) == 5
                                 and self.events("ConnectionLeakTerminated"))
        self.lab.wait_for("all are counted", lambda: 'poolwright_leaked_sessions_terminated_total{namespace="local",pool="orders"} 5\n'
                          in self.metrics(web_port))
        self.assertGreater(len(told), 1, "no more than 3 at once")
        self.assertIn("idle for more than 10 s", told[0])
        self.assertEqual(sum("GRANT" in text for text in self.events("ConnectionLeakNotTerminated")), 1, "the same problem is told once")
        self.assertEqual(self.pids(), direct, "who came without the pool is left alone")


if __name__ == "__main__":
    unittest.main()
