"""The page of the running operator in a real browser, with real PgBouncers under load behind it.

POOLWRIGHT_PICTURES=docs/images POOLWRIGHT_PAST=600 makes the pictures of the documentation.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

from lab import PGBENCH, Database, free_port
from monitoring_operator_test import MonitoringCase, Web
from monitoring_parts import ROOT, Prometheus, dashboard_queries, program, web_modules
from operator_lab import NAMESPACE, OperatorLab, condition
from pods import PgbouncerNode

PICTURES = os.environ.get("POOLWRIGHT_PICTURES")
PAST_SECONDS = int(os.environ.get("POOLWRIGHT_PAST", "15"))
# Pool, its size, and how many clients work in it: 10 ms in the database, then a pause of as many milliseconds.
POOLS = [("orders", 20, 40, 10), ("billing", 12, 14, 30), ("catalog", 16, 24, 8), ("sessions", 10, 12, 4), ("search", 8, 4, 60)]
WORK = "begin;\nselect pg_sleep(0.010 + 0.010 * random());\ncommit;\n\\sleep {} ms\n"


class LivePage(unittest.TestCase):
    until = MonitoringCase.until

    @classmethod
    def setUpClass(cls):
        cls.chromium, cls.node_js, cls.modules = program("chromium", "chromium"), program("node", "nodejs"), web_modules()
        cls.lab = lab = cls.enterClassContext(OperatorLab(controllers=True, redis=True, max_connections=140))
        port = free_port()
        lab.start_operator("--web-address", "127.0.0.1", "--web-port", str(port), leader_election=True)
        cls.node = cls.enterClassContext(PgbouncerNode(lab))
        lab.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader", "namespace": NAMESPACE}})
        lab.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "reader"},
                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "poolwright-monitoring-reader"},
                   "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": NAMESPACE}]})
        cls.web = Web(port, lab.kubectl("-n", NAMESPACE, "create", "token", "reader").strip())
        lab.apply_secret("redis", {"url": f"redis://127.0.0.1:{lab.env['REDIS_PORT']}"})
        for name, size, _, _ in POOLS:
            login = lab.login(name) | {"poolSize": {"min": 2, "max": size, "initial": 4}, "reservePoolSize": 2}
            postgres = lab.pool(name, [])["spec"]["postgres"] | {"connectionBudget": {"max": 110, "reserved": 10}}
            lab.apply(lab.pool(name, [login], postgres=postgres, pgbouncer={"version": "1.26" if lab.has_pgbouncer("1.26") else "1.24"},
                               monitoring={"redisSecretRef": {"name": "redis"}} if name == "sessions" else {}))
        for name, *_ in POOLS:
            lab.wait_for_pool(name, lambda pool: condition(pool, "Ready") == "True")

    @contextlib.contextmanager
    def load(self):
        with contextlib.ExitStack() as stack:
            for name, _, clients, pause in POOLS:
                secret = self.lab.url_secret(name, name)
                host, port = stack.enter_context(self.node.service(NAMESPACE, f"{name}-pool"))
                where = Database(host, port, secret["dbname"], secret["username"], secret["password"])
                script = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".sql"))
                script.write(WORK.format(pause))
                script.flush()
                process = subprocess.Popen(
                    [PGBENCH, "-n", "-c", str(clients), "-j", "1", "-T", "3600", "-f", script.name, "-h", where.host, "-p", str(where.port),
                     "-U", where.user, where.name], env={"PGPASSWORD": where.password, "PATH": "/usr/bin:/bin"},
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                stack.callback(process.wait)
                stack.callback(process.kill)
            yield

    def test_the_page_shows_what_is_so(self):
        with self.load(), tempfile.TemporaryDirectory() as folder:
            self.until("load shows", lambda: (self.web.pool("orders") or {"connections": {}})["connections"].get("utilizationPercent"))
            time.sleep(PAST_SECONDS)
            pictures = str(pathlib.Path(PICTURES).resolve()) if PICTURES else folder
            command = [self.node_js, ROOT / "tests/e2e/monitoring/live_page.cjs", self.modules / "playwright-core", self.chromium,
                       f"https://127.0.0.1:{self.web.port}", self.web.token, f"{NAMESPACE}/orders", pictures]
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=180, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        seen = json.loads(done.stdout)
        print(json.dumps(seen, indent=1), flush=True)
        self.assertEqual((seen["problems"], seen["outside"]), ([], []))
        self.assertEqual(seen["rows"], len(POOLS))
        self.assertRegex(seen["percent"], r"^[\d.]+ %$")
        self.assertGreater(float(seen["percent"].split()[0]), 0)
        self.assertEqual(len(seen["pods"]), 2)
        self.assertEqual(seen["budgets"], 1)

    def test_every_panel_of_the_dashboard_has_its_numbers(self):
        url = f"https://127.0.0.1:{self.web.port}"
        with self.load(), tempfile.TemporaryDirectory() as folder, Prometheus(url, self.web.token, folder) as prometheus:
            prometheus.until(lambda: prometheus.query("count_over_time(poolwright_build_info[1m]) >= 6"), "a few scrapes")
            prometheus.until(lambda: prometheus.query('poolwright_resizes_total{pool="orders", direction="up"} > 0'), "a pool that grew")
            queries = list(dashboard_queries())
            self.assertGreater(len(queries), 20)
            for title, expression in queries:
                with self.subTest(title):
                    self.assertTrue(prometheus.query(expression), expression)


if __name__ == "__main__":
    unittest.main()
