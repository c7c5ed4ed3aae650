"""pause, resume and reconnect on real PgBouncers under load: clients wait, and none of them sees an error."""

import concurrent.futures
import datetime
import os
import subprocess
import unittest

from lab import Database, wait_until
from operator_lab import BINARY, NAMESPACE, condition
from pods import PgbouncerNode  # noqa: F401  (ServingCase starts it)
from serving_test import ServingCase, pgbench

PAUSE = "poolwright.dev/pause-until"


class Operations(ServingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.apply(cls.lab.pool("orders", [cls.lab.login("orders")], pgbouncer={"replicas": 2}))
        cls.lab.wait_for_pool("orders", lambda pool: condition(pool, "Ready") == "True")

    def command(self, *arguments, code=0):
        done = subprocess.run([BINARY, *arguments, "-n", NAMESPACE], capture_output=True, text=True, timeout=120,
                              env=os.environ | {"KUBECONFIG": self.lab.env["KUBECONFIG"]})
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def where(self, address):
        secret = self.lab.url_secret("orders", "orders")
        return Database(*address, secret["dbname"], secret["username"], secret["password"])

    def paused(self, address):
        rows = self.console("orders", address, "SHOW DATABASES")
        return next(row["paused"] for row in rows if row["name"] == "orders") == "1"

    def reasons(self):
        return [event["reason"] for event in self.lab.list("event", NAMESPACE)]

    def annotate(self, value):
        self.lab.kubectl("-n", NAMESPACE, "annotate", "--overwrite", "connectionpools.poolwright.dev", "orders", f"{PAUSE}={value}")

    def test_clients_wait_through_a_pause_without_an_error(self):
        with self.node.service(NAMESPACE, "orders-pool") as address, concurrent.futures.ThreadPoolExecutor(1) as runner:
            load = runner.submit(pgbench, self.where(address), 12, "simple")
            self.assertIn("2 of 2 pods paused", self.command("pause", "orders", "--for", "20").stdout)
            self.assertTrue(self.paused(address))
            self.assertEqual(self.lab.psql("select count(*) as n from pg_stat_activity where datname = 'orders' and state = 'active'"),
                             [{"n": "0"}])
            self.command("resume", "orders")
            self.assertFalse(self.paused(address))
            transactions, complaints = load.result()
        self.assertEqual(complaints, "")
        self.assertGreater(transactions, 0)

    def test_a_forgotten_pause_ends_by_itself_and_is_told(self):
        with self.node.service(NAMESPACE, "orders-pool") as address, concurrent.futures.ThreadPoolExecutor(1) as runner:
            self.command("pause", "orders", "--for", "5")
            load = runner.submit(pgbench, self.where(address), 8, "simple")
            wait_until("it is resumed", lambda: not self.paused(address), timeout=60)
            transactions, complaints = load.result()
        self.assertEqual(complaints, "")
        self.assertGreater(transactions, 0)
        wait_until("the event", lambda: "PauseExpired" in self.reasons(), timeout=60)
        self.lab.wait_for_pool("orders", lambda pool: condition(pool, "ClientsPaused") == "False")

    def test_a_restarted_operator_resumes_what_nobody_wants_paused(self):
        with self.node.service(NAMESPACE, "orders-pool") as address:
            self.operator.stop()
            self.console("orders", address, "PAUSE orders")
            self.assertTrue(self.paused(address))
            type(self).operator = self.lab.start_operator(name="operator-again")
            wait_until("it is resumed", lambda: not self.paused(address), timeout=60)

    def test_reconnect_replaces_server_connections_without_an_error(self):
        def backends():
            return {row["pid"] for row in self.lab.psql("select pid from pg_stat_activity where datname = 'orders'")}
        with self.node.service(NAMESPACE, "orders-pool") as address, concurrent.futures.ThreadPoolExecutor(1) as runner:
            load = runner.submit(pgbench, self.where(address), 12, "simple")
            before = wait_until("connections", backends)
            self.command("reconnect", "orders")
            wait_until("they are replaced", lambda: not before & backends(), timeout=60)
            transactions, complaints = load.result()
        self.assertEqual(complaints, "")
        self.assertGreater(transactions, 0)
        wait_until("the event", lambda: "Reconnected" in self.reasons(), timeout=60)

    def test_no_reconnect_while_postgres_refuses_logins(self):
        login = self.lab.login("closed")
        self.serve("closed", [login], replicas=1)
        secret = self.lab.url_secret("closed", "closed")
        with self.node.service(NAMESPACE, "closed-pool") as address:
            where = Database(*address, "closed", secret["username"], secret["password"])
            self.lab.psql("select 1 as one", where)
            before = {row["pid"] for row in self.lab.psql("select pid from pg_stat_activity where datname = 'closed'")}
            self.assertTrue(before)
            self.lab.psql("alter role closed_app nologin")
            self.command("reconnect", "closed")
            wait_until("it is told", lambda: "ReconnectPostponed" in self.reasons(), timeout=60)
            self.assertEqual(self.lab.psql("select 1 as one", where), [{"one": "1"}], "the old connections keep serving")
            self.lab.psql("alter role closed_app login")
            wait_until("they are replaced", lambda: not before & {
                row["pid"] for row in self.lab.psql("select pid from pg_stat_activity where datname = 'closed'")}, timeout=90)
        self.remove("closed")

    def test_a_pause_that_would_disconnect_clients_is_refused(self):
        self.assertIn("queryWaitSeconds", self.command("pause", "orders", "--for", "600", code=1).stderr)

    def test_an_annotation_that_cannot_be_read_is_told(self):
        self.annotate("tomorrow")
        wait_until("the event", lambda: "InvalidAnnotation" in self.reasons(), timeout=60)
        self.annotate(datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))


if __name__ == "__main__":
    unittest.main()
