"""The running operator tells what is so: REST, metrics, alerts and events of real PgBouncers, PostgreSQL and Redis."""

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import yaml
from lab import PGBENCH, Database, LabError, free_port, wait_until
from operator_lab import NAMESPACE, ROOT, OperatorLab, condition
from pods import PgbouncerNode

sys.path.insert(0, str(ROOT / "tests/integration/serve"))
from json_schema import errors  # noqa: E402

API = "/api/admin/monitoring/connections/"
OPENAPI = yaml.safe_load((ROOT / "docs/api/openapi.yaml").read_text(encoding="utf-8"))
SIZE = 100
# Holds a server connection without any work, until the client goes away.
HOLD = "begin;\nselect 1;\n\\sleep 600 s\ncommit;\n"
# However many there are, one of them works.
ONE_AT_A_TIME = "begin;\nselect pg_advisory_xact_lock(7), pg_sleep(0.02);\ncommit;\n"
RAISE_SECONDS_MAX = 60  # for waiting; how long it took is printed


class Web:
    """The operator's web server, as one bearer of a token sees it."""

    def __init__(self, port, token=None):
        self.port, self.token = port, token

    def get(self, path, token=None):
        """status, body"""
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}")
        if token or self.token:
            request.add_header("Authorization", f"Bearer {token or self.token}")
        try:
            with urllib.request.urlopen(request, timeout=20, context=ssl._create_unverified_context()) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()
        except urllib.error.URLError:
            return 0, ""  # nobody listens

    def json(self, path):
        status, body = self.get(path)
        if status != 200:
            raise AssertionError(f"{path}: {status} {body}")
        return json.loads(body)

    def alerts(self, pool):
        return {alert["alert"]: alert["severity"].upper() for alert in self.json(f"{API}alerts?namespace={NAMESPACE}&pool={pool}")["alerts"]}

    def pool(self, name):
        pools = self.json(f"{API}pool?namespace={NAMESPACE}&pool={name}")["pools"]
        return pools[0] if pools else None


class Load:
    """Clients that each keep one connection busy, or do what `script` says."""

    def __init__(self, where, script=HOLD):
        self._where, self._clients = where, []
        self._script = tempfile.NamedTemporaryFile("w", suffix=".sql")
        self._script.write(script)
        self._script.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.set(0)
        self._script.close()

    def set(self, count):
        running = sum(clients for clients, _ in self._clients)
        while running > count:
            clients, process = self._clients.pop()
            process.kill()
            process.wait()
            running -= clients
        if running == count:
            return
        where = self._where
        command = [PGBENCH, "-n", "-c", str(count - running), "-j", "1", "-T", "600", "-f", self._script.name,
                   "-h", where.host, "-p", str(where.port), "-U", where.user, where.name]
        process = subprocess.Popen(command, env={"PGPASSWORD": where.password, "PATH": "/usr/bin:/bin"},
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._clients.append((count - running, process))


class MonitoringCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab = cls.enterClassContext(OperatorLab(controllers=True, redis=True, max_connections=160))
        cls.port = free_port()
        cls.operator = lab.start_operator("--web-address", "127.0.0.1", "--web-port", str(cls.port), leader_election=True)
        cls.node = cls.enterClassContext(PgbouncerNode(lab))
        for name in ("reader", "stranger"):
            lab.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}})
        lab.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "reader"},
                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "poolwright-monitoring-reader"},
                   "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": NAMESPACE}]})
        cls.web = Web(cls.port, cls.token("reader"))
        cls.redis_port = lab.env["REDIS_PORT"]
        lab.apply_secret("redis", {"url": f"redis://127.0.0.1:{cls.redis_port}"})
        login = lab.login("orders") | {"poolSize": {"min": 1, "max": SIZE}, "maxConnections": SIZE, "reservePoolSize": 0}
        lab.apply(lab.pool("orders", [login], pgbouncer={"replicas": 1, "version": "1.24", "maxClientConnections": 300},
                           sizing={"mode": "Fixed"},
                           monitoring={"intervalSeconds": 5, "redisSecretRef": {"name": "redis"}}))
        lab.apply(lab.pool("plain", [lab.login("plain") | {"poolSize": {"min": 1, "max": 6}}], pgbouncer={"replicas": 2, "version": "1.24"}))
        for name in ("orders", "plain"):
            lab.wait_for_pool(name, lambda pool: condition(pool, "Ready") == "True")

    @classmethod
    def token(cls, account):
        return cls.lab.kubectl("-n", NAMESPACE, "create", "token", account).strip()

    def until(self, what, holds, timeout=RAISE_SECONDS_MAX):
        """The seconds that it took."""
        begin = time.monotonic()
        wait_until(what, holds, timeout=timeout, pause=0.2)
        return time.monotonic() - begin

    def events(self, reason):
        return [event for event in self.lab.list("events", NAMESPACE) if event.get("reason") == reason]


class Answers(MonitoringCase):
    def test_all_answers_are_as_the_description_says(self):
        self.until("both pools are seen", lambda: all((self.web.pool(name) or {}).get("podsUp") for name in ("orders", "plain")))
        for path, methods in OPENAPI["paths"].items():
            schema = methods["get"]["responses"]["200"]["content"].get("application/json", {}).get("schema")
            if schema is None:
                continue
            query = f"?namespace={NAMESPACE}&pool=orders" if path.endswith("history") else ""
            with self.subTest(path):
                self.assertEqual(errors(self.web.json(path + query), schema, OPENAPI), [])

    def test_who_may_read(self):
        anonymous = Web(self.port)
        for path in (API + "pool", "/metrics"):
            with self.subTest(path):
                self.assertEqual(anonymous.get(path)[0], 401)
                self.assertEqual(anonymous.get(path, "not-a-token-of-anybody")[0], 401)
                status, body = anonymous.get(path, self.token("stranger"))
                self.assertEqual(status, 403)
                right = path.removeprefix("/api/admin")
                self.assertIn(f"system:serviceaccount:{NAMESPACE}:stranger may not 'get' '{right}'", body)
                self.assertEqual(self.web.get(path)[0], 200)

    def test_probes_and_page_need_no_token_and_tell_nothing(self):
        anonymous = Web(self.port)
        status, body = anonymous.get("/readyz")
        self.assertEqual((status, body), (200, "[+] running\n[+] cache\n[+] lease\nready\n"))
        self.assertEqual(anonymous.get("/healthz"), (200, "ok\n"))
        self.assertNotIn("orders", anonymous.get("/")[1])

    def test_metrics_are_of_the_real_parts(self):
        self.until("a config is read back", lambda: 'poolwright_pgbouncer_config_applied{' in self.web.get("/metrics")[1])
        text = self.web.get("/metrics")[1]
        lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))

        def value(name, *parts):
            found = [float(number) for series, number in lines.items() if series.startswith(name + "{") and all(part in series for part in parts)]
            self.assertTrue(found, name)
            return sum(found)

        self.assertGreater(value("controller_runtime_reconcile_time_seconds_count"), 0)
        self.assertGreater(value("workqueue_adds_total"), 1)
        self.assertGreater(value("rest_client_requests_total", 'method="PATCH"'), 5)
        self.assertEqual(value("poolwright_pgbouncer_config_applied", 'pool="orders"'), 1)
        self.assertEqual(value("leader_election_master_status"), 1)
        self.assertEqual(value("pgbouncer_databases_pool_size", 'name="orders"'), SIZE)
        self.assertGreaterEqual(value("pgbouncer_config_max_client_connections", 'pool="orders"'), 300)
        self.assertGreater(value("pgbouncer_used_clients", 'pool="orders"'), 0)
        self.assertNotIn(self.lab.url_secret("orders", "orders")["password"], text)

    def test_a_replica_that_does_not_lead_answers_too(self):
        port = free_port()
        second = self.lab.start_operator("--web-address", "127.0.0.1", "--web-port", str(port), name="second", leader_election=True)
        try:
            web = Web(port, self.web.token)
            self.until("it sees the PgBouncers", lambda: web.get("/readyz")[0] == 200 and web.get(API + "pool")[0] == 200
                       and (web.pool("plain") or {}).get("podsUp") == 2)
            self.assertIn('leader_election_master_status{name="poolwright"} 0', web.get("/metrics")[1])
        finally:
            second.stop()

    def test_blocks_in_the_log(self):
        def blocks(kind):
            return [json.loads(line) for line in self.operator.log.splitlines() if f'"msg":"{kind}"' in line]

        self.until("two metrics blocks of the pool", lambda: len([b for b in blocks("pool_metrics") if b["pool"] == "orders"]) >= 2)
        [detected] = [block for block in blocks("pool_configuration") if block["pool"] == "orders"]
        self.assertEqual((detected["through_pgbouncer"], detected["databases"][0]["size_max"], detected["redis_configured"]), (True, SIZE, True))
        newest = [block for block in blocks("pool_metrics") if block["pool"] == "orders"][-1]
        self.assertEqual(newest["pgbouncer"]["pods_up"], 1)
        self.assertEqual(newest["connections"]["max"], SIZE)
        self.assertIsNotNone(newest["database"][0]["response_time_ms"])


class Alerts(MonitoringCase):
    """Each alert comes with what it is about, and goes with it."""

    @contextlib.contextmanager
    def load(self, pool="orders", script=HOLD):
        secret = self.lab.url_secret(pool, pool)
        with self.node.service(NAMESPACE, f"{pool}-pool") as address:
            with Load(Database(*address, secret["dbname"], secret["username"], secret["password"]), script) as load:
                yield load

    def severity(self, alert="PoolUtilizationHigh", pool="orders"):
        return self.web.alerts(pool).get(alert)

    def serve(self, name, size, **spec):
        login = self.lab.login(name) | {"poolSize": size, "reservePoolSize": 0}
        self.lab.apply(self.lab.pool(name, [login], pgbouncer={"replicas": 1, "version": "1.24", "maxClientConnections": 300}, **spec))
        self.lab.wait_for_pool(name, lambda pool: condition(pool, "Ready") == "True")

    def utilization(self):
        return (self.web.pool("orders") or {"connections": {}})["connections"].get("utilizationPercent")

    def test_utilization(self):
        with self.load() as load:
            for busy, wanted in ((50, None), (79, None), (80, "WARNING"), (89, "WARNING"), (90, "CRITICAL"), (100, "CRITICAL")):
                load.set(busy)
                if wanted:
                    seconds = self.until(f"{busy} busy raises {wanted}", lambda wanted=wanted: self.severity() == wanted)
                    print(f"    {busy} of {SIZE} busy: {wanted} after {seconds:.1f} s", flush=True)
                self.until(f"{busy} %", lambda busy=busy: self.utilization() == busy)
                # Longer than anything has to hold before it is raised.
                for _ in range(7 if wanted is None else 2):
                    time.sleep(1)
                    self.assertEqual(self.severity(), wanted, f"at {busy} %")
            # Just below a limit is not gone: 5 points lower is.
            load.set(86)
            self.until("86 %", lambda: self.utilization() == 86)
            time.sleep(2)
            self.assertEqual(self.severity(), "CRITICAL")
            load.set(0)
            self.until("0 %", lambda: self.utilization() == 0)
            self.assertIsNotNone(self.severity(), "it is not cleared at once")
            seconds = self.until("it is cleared", lambda: self.severity() is None, timeout=180)
            print(f"    cleared {seconds:.1f} s after 0 %", flush=True)

    def test_redis(self):
        self.until("Redis is seen", lambda: self.web.json(API + "health")["redis"] and self.web.json(API + "health")["redis"][0]["connected"])
        self.assertEqual([redis["pool"] for redis in self.web.json(API + "health")["redis"]], ["orders"])
        self.lab.run("redis", "stop")
        try:
            print(f"    Redis stopped: WARNING after {self.until('Redis is down', lambda: self.severity('RedisDown') == 'WARNING'):.1f} s")
            self.assertNotIn("RedisDown", self.web.alerts("plain"))
            self.until("an event", lambda: self.events("RedisDown"))
        finally:
            self.lab.run("redis", "start")
        self.until("it is cleared", lambda: self.severity("RedisDown") is None)
        self.until("an event", lambda: self.events("RedisRecovered"))

    def test_pgbouncer_that_hangs(self):
        [pid] = [pid for pod, pid in self.node.pids().items() if pod.startswith("orders-pool")]
        os.kill(pid, signal.SIGSTOP)
        try:
            print(f"    PgBouncer hangs: CRITICAL after {self.until('it is down', lambda: self.severity('PgbouncerDown') == 'CRITICAL'):.1f} s")
            self.assertNotIn("PgbouncerDown", self.web.alerts("plain"))
            self.until("an event", lambda: self.events("PgbouncerDown"))
            self.lab.wait_for_pool("orders", lambda pool: condition(pool, "MetricsStale") == "True")
        finally:
            os.kill(pid, signal.SIGCONT)
        self.lab.wait_for_pool("orders", lambda pool: condition(pool, "MetricsStale") == "False")
        self.until("it is cleared", lambda: self.severity("PgbouncerDown") is None)

    def test_postgres_that_is_away(self):
        def down():
            return [alert["severity"].upper() for alert in self.web.json(API + "alerts")["alerts"] if alert["alert"] == "PostgresDown"]

        self.until("it is up", lambda: self.web.json(API + "health")["databases"][0]["responseTimeMs"] is not None)
        self.lab.stop_postgres()
        try:
            print(f"    PostgreSQL stopped: CRITICAL after {self.until('it is down', lambda: down() == ['CRITICAL']):.1f} s")
        finally:
            self.lab.start_postgres()
        self.until("it is cleared", lambda: not down())
        # For up to 15 s (server_login_retry) PgBouncer turns clients away, which a test that comes after this one would lose.
        self.until("clients are let in again", self.lets_in)

    def lets_in(self):
        secret = self.lab.url_secret("orders", "orders")
        with self.node.service(NAMESPACE, "orders-pool") as address:
            try:
                return self.lab.psql("select 1", Database(*address, secret["dbname"], secret["username"], secret["password"]))
            except LabError:
                return False

    def test_a_transaction_that_nobody_ends(self):
        self.lab.psql("create role watcher login password 'w-1' in role pg_monitor")
        self.lab.apply_secret("watcher", {"username": "watcher", "password": "w-1"})
        postgres = self.lab.pool("leaky", [])["spec"]["postgres"] | {"observerSecretRef": {"name": "watcher"}}
        self.serve("leaky", {"min": 1, "max": 6}, postgres=postgres)
        self.lab.wait_for_pool("leaky", lambda pool: condition(pool, "ConnectionLeakSuspected") == "False")
        with self.load("leaky") as load:
            load.set(2)
            seconds = self.until("it is told", lambda: self.severity("ConnectionLeakSuspected", "leaky") == "WARNING", timeout=120)
            print(f"    2 transactions left open: WARNING after {seconds:.1f} s", flush=True)
            self.lab.wait_for_pool("leaky", lambda pool: condition(pool, "ConnectionLeakSuspected") == "True")
            [database] = self.web.pool("leaky")["databases"]
            self.assertEqual(database["leakedSessions"], 2)
            self.assertNotIn("ConnectionLeakSuspected", self.web.alerts("orders"))
        self.until("it is cleared", lambda: self.severity("ConnectionLeakSuspected", "leaky") is None, timeout=120)
        # The operator's own connection is the only one of this role: monitoring and sizing share it.
        self.assertEqual(self.lab.psql("select count(*) as n from pg_stat_activity where usename = 'watcher'"), [{"n": "1"}])

    def test_a_server_that_does_not_do_more_work_for_more_connections(self):
        self.serve("narrow", {"min": 2, "max": 50, "initial": 2})
        with self.load("narrow", script=ONE_AT_A_TIME) as load:
            load.set(10)
            self.until("what ten clients need", lambda: (self.web.pool("narrow")["connections"]["busy"] or 0) > 8)
            time.sleep(8)  # some seconds of it to compare with
            load.set(80)
            seconds = self.until("it is told", lambda: self.severity("DatabaseSaturated", "narrow") == "WARNING", timeout=180)
            print(f"    one statement at a time, 80 clients: WARNING after {seconds:.1f} s", flush=True)
            pool = self.lab.wait_for_pool("narrow", lambda pool: condition(pool, "DatabaseSaturated") == "True")
            self.assertLess(pool["status"]["databases"][0]["size"], 50)

    def test_a_version_with_known_vulnerabilities(self):
        self.until("it is told", lambda: self.severity("PgbouncerVulnerable") == "WARNING")
        self.until("an event", lambda: self.events("PgbouncerVulnerable"))
        self.assertIn("CVE-", self.events("PgbouncerVulnerable")[0].get("message") or self.events("PgbouncerVulnerable")[0].get("note"))


class FailsClosed(MonitoringCase):
    def test_nobody_is_let_in_while_nobody_can_tell(self):
        fresh = self.token("reader")
        self.lab.stop_apiserver()
        try:
            self.assertEqual(Web(self.port).get(API + "pool", fresh)[0], 503)
            self.assertEqual(Web(self.port).get("/metrics", "not-a-token-of-anybody")[0], 503)
            self.assertEqual(Web(self.port).get("/metrics")[0], 401)
            self.assertEqual(Web(self.port).get("/healthz")[0], 200)
            self.until("it is not ready", lambda: Web(self.port).get("/readyz")[0] == 503)
        finally:
            self.lab.start_apiserver()
        self.until("it is let in again", lambda: Web(self.port).get(API + "pool", fresh)[0] == 200)


if __name__ == "__main__":
    unittest.main()
