"""pause, resume, reconnect and rotate on real PgBouncers under load: clients wait, and none of them sees an error."""

import concurrent.futures
import contextlib
import os
import signal
import subprocess
import time
import unittest

from lab import Database, LabError, wait_until
from node_load import Load
from operator_lab import BINARY, NAMESPACE, condition, reason, secret_values
from serving_test import ServingCase, pgbench

PAUSE = "poolwright.dev/pause-until"
RECONNECTED = "poolwright.dev/reconnected-at"


class Operations(ServingCase):
    version = "1.26"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not cls.lab.has_pgbouncer(cls.version):
            raise unittest.SkipTest(f"no PgBouncer {cls.version}")
        cls.lab.apply(cls.lab.pool("orders", [cls.lab.login("orders")], pgbouncer={"replicas": 2, "version": cls.version}))
        cls.lab.wait_for_pool("orders", lambda pool: condition(pool, "Ready") == "True")

    def setUp(self):
        self.annotate("")
        self.known_events = {event["metadata"]["uid"]: event.get("series") for event in self.lab.list("event", NAMESPACE)}

    def command(self, *arguments, code=0):
        done = subprocess.run([BINARY, *arguments, "-n", NAMESPACE], capture_output=True, text=True, timeout=120,
                              env=os.environ | {"KUBECONFIG": self.lab.env["KUBECONFIG"]})
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def annotate(self, value):
        self.lab.kubectl("-n", NAMESPACE, "annotate", "--overwrite", "cpool", "orders", f"{PAUSE}={value}" if value else f"{PAUSE}-")

    # -- what is so --

    def pods(self, pool="orders"):
        return [pod for pod in self.lab.list("pod", NAMESPACE)
                if pod["metadata"]["name"].startswith(f"{pool}-pool") and "deletionTimestamp" not in pod["metadata"]]

    def on_each_pod(self, command):
        """What the console of each pod answers."""
        return [self.console("orders", (pod["status"]["podIP"], pod["spec"]["containers"][0]["ports"][0]["containerPort"]), command)
                for pod in self.pods()]

    def paused(self):
        """Of each pod, whether clients wait there."""
        if self.version != "1.18":
            return [next(row["value"] for row in rows if row["key"] == "paused") == "yes" for rows in self.on_each_pod("SHOW STATE")]
        return [all(row["paused"] == "1" for row in rows if row["name"] != "pgbouncer") for rows in self.on_each_pod("SHOW DATABASES")]

    def backends(self, database="orders"):
        return {row["pid"] for row in self.lab.psql(f"select pid from pg_stat_activity where datname = '{database}' "
                                                    "and application_name <> 'poolwright'")}

    def news(self):
        """Reasons of the events since this test began."""
        return [event["reason"] for event in self.lab.list("event", NAMESPACE)
                if self.known_events.get(event["metadata"]["uid"], "new") != event.get("series")]

    def await_news(self, expected):
        wait_until(f"the event {expected}", lambda: expected in self.news(), timeout=60)

    def where(self, address, pool="orders"):
        secret = self.lab.url_secret(pool, pool)
        return Database(*address, secret["dbname"], secret["username"], secret["password"])

    @contextlib.contextmanager
    def load(self, seconds):
        """Clients that work meanwhile, and are to see no error."""
        with self.node.service(NAMESPACE, "orders-pool") as address, concurrent.futures.ThreadPoolExecutor(1) as runner:
            before = self.backends()
            ran = runner.submit(pgbench, self.where(address), seconds, "simple")
            wait_until("the load runs", lambda: self.backends() - before or self.backends())
            yield
            self.assertFalse(ran.done(), "the load ended too early to prove anything")
            transactions, complaints = ran.result()
        self.assertEqual(complaints, "")
        self.assertGreater(transactions, 0)

    def restart_operator(self, name):
        type(self).operator = self.lab.start_operator(name=name)

    def await_a_look(self, request):
        """Until the operator has reconciled the pool once more."""
        self.lab.kubectl("-n", NAMESPACE, "annotate", "--overwrite", "cpool", "orders", f"poolwright.dev/requested-at={request}")
        wait_until("it looked", lambda: self.lab.get_pool("orders")["status"].get("lastHandledRequest") == request, timeout=60)

    # -- pause --

    def test_clients_wait_through_a_pause_without_an_error(self):
        with self.load(12):
            self.assertIn("2 of 2 pods paused until", self.command("pause", "orders", "--for", "20").stdout)
            self.assertEqual(self.paused(), [True, True])
            self.assertEqual(self.backends(), set(), "no server connection is left")
            pool = self.lab.get_pool("orders")
            self.assertEqual((condition(pool, "Ready"), reason(pool, "Ready")), ("False", "ClientsPaused"))
            self.assertEqual(self.command("resume", "orders").stdout, "orders: no client is held up\n")
            self.assertEqual(self.paused(), [False, False])
        self.await_news("ClientsResumed")
        self.lab.wait_for_pool("orders", lambda pool: condition(pool, "Ready") == "True")

    def test_postgres_is_restarted_behind_a_pause_without_an_error(self):
        with self.load(14):
            self.command("pause", "orders", "--for", "60")
            self.lab.stop_postgres()
            self.lab.start_postgres()
            self.command("resume", "orders")
        self.await_news("Reconnected")

    def test_a_pause_waits_for_the_last_transaction(self):
        with self.node.service(NAMESPACE, "orders-pool") as address, concurrent.futures.ThreadPoolExecutor(1) as runner:
            longest = runner.submit(self.lab.psql, "select pg_sleep(6)", self.where(address))
            wait_until("it runs", lambda: self.lab.psql("select 1 from pg_stat_activity where query = 'select pg_sleep(6)'"))
            refused = self.command("pause", "orders", "--for", "60", "--wait", "2", code=1).stderr
            self.assertIn("not on all pods after 2 s", refused)
            self.assertFalse(longest.done())
            self.lab.wait_for_pool("orders", lambda pool: reason(pool, "ClientsPaused") == "Paused")
            longest.result()
            self.command("resume", "orders")

    def test_a_forgotten_pause_ends_by_itself_and_is_told(self):
        with self.load(10):
            self.command("pause", "orders", "--for", "3")
            self.lab.wait_for_pool("orders", lambda pool: reason(pool, "ClientsPaused") == "Expired")
            self.assertEqual(self.paused(), [False, False])
        self.await_news("PauseExpired")

    def test_an_operator_that_was_killed_finds_what_it_left_paused(self):
        self.command("pause", "orders", "--for", "100")
        self.operator.kill()
        self.restart_operator("operator-killed-once")
        # It keeps what is still wanted ...
        self.await_a_look("now")
        self.assertEqual(self.paused(), [True, True])
        # ... and ends what nobody wants any more.
        self.operator.kill()
        self.annotate("")
        self.assertEqual(self.paused(), [True, True])
        self.restart_operator("operator-killed-twice")
        wait_until("both are resumed", lambda: self.paused() == [False, False], timeout=60)

    def test_a_pause_by_hand_while_no_operator_runs_is_ended_by_the_next(self):
        self.operator.kill()
        self.on_each_pod("PAUSE orders" if self.version == "1.18" else "PAUSE")
        self.restart_operator("operator-again")
        wait_until("both are resumed", lambda: self.paused() == [False, False], timeout=60)
        self.await_news("ClientsResumed")

    def test_a_pod_that_starts_during_a_pause_is_paused_too(self):
        self.command("pause", "orders", "--for", "100")
        name = self.pods()[0]["metadata"]["name"]
        self.lab.kubectl("-n", NAMESPACE, "delete", "pod", name, "--wait=false")
        wait_until("another one is there", lambda: len(self.pods()) == 2 and name not in [pod["metadata"]["name"] for pod in self.pods()] and
                   all(pod["status"].get("podIP") for pod in self.pods()), timeout=60)
        wait_until("it is paused", lambda: self.answers(self.paused) == [True, True], timeout=60)
        self.command("resume", "orders")

    @staticmethod
    def answers(question):
        with contextlib.suppress(LabError):
            return question()
        return None

    def test_a_pause_that_would_disconnect_clients_is_refused(self):
        self.assertIn("queryWaitSeconds", self.command("pause", "orders", "--for", "600", code=1).stderr)

    def test_an_annotation_that_cannot_be_used_is_told(self):
        for value in ("tomorrow", "2126-01-01T00:00:00Z"):
            with self.subTest(value):
                self.setUp()
                self.annotate(value)
                self.await_news("InvalidAnnotation")
                self.assertEqual(self.paused(), [False, False])
        self.annotate("")

    # -- reconnect --

    def test_reconnect_replaces_every_server_connection_without_an_error(self):
        with self.load(10):
            before = self.backends()
            self.command("reconnect", "orders")
            wait_until("they are replaced", lambda: not before & self.backends(), timeout=60)
        self.await_news("Reconnected")

    def test_nothing_is_replaced_while_postgres_refuses_logins(self):
        self.serve("closed", [self.lab.login("closed")], replicas=1, version=self.version)
        with self.node.service(NAMESPACE, "closed-pool") as address:
            where = self.where(address, "closed")
            self.lab.psql("select 1", where)
            before = self.backends("closed")
            self.assertTrue(before)
            self.lab.psql("alter role closed_app nologin")
            self.command("reconnect", "closed")
            self.await_news("ReconnectPostponed")
            self.assertEqual(self.lab.psql("select 1 as one", where), [{"one": "1"}], "the old connections go on")
            self.assertLessEqual(before, self.backends("closed"))
            self.lab.psql("alter role closed_app login")
            wait_until("they are replaced", lambda: not before & self.backends("closed"), timeout=60)
        self.await_news("Reconnected")
        self.remove("closed")

    def test_after_a_crash_of_postgres_the_pods_get_new_connections(self):
        told = {pod["metadata"]["annotations"].get(RECONNECTED) for pod in self.pods()}
        with self.node.service(NAMESPACE, "orders-pool") as address:
            where = self.where(address)
            self.lab.psql("select 1", where)
            self.lab.kill_postgres()
            wait_until("it is noticed", lambda: "could not connect" in self.operator.log or "refused" in self.operator.log, timeout=60)
            self.assertNotIn("Reconnected", self.news(), "nothing is replaced while nobody can log in")
            self.lab.start_postgres()
            self.await_news("Reconnected")
            for pod in self.pods():
                self.assertNotIn(pod["metadata"]["annotations"][RECONNECTED], told)
            wait_until("clients are served", lambda: self.answers(lambda: self.lab.psql("select 1 as one", where)), timeout=60)

    # -- rotate --

    def logins(self, pool="orders"):
        return secret_values(self.lab.get("secret", f"{pool}-pool-console", NAMESPACE))

    def who_is_let_in(self, user, password):
        """Of each pod, whether this login opens its console."""
        def lets_in(pod):
            where = Database(pod["status"]["podIP"], pod["spec"]["containers"][0]["ports"][0]["containerPort"], "pgbouncer", user, password)
            try:
                return bool(self.lab.psql("SHOW VERSION", where))
            except LabError as error:
                self.assertIn("SASL authentication failed", str(error))
                return False
        return [lets_in(pod) for pod in self.pods()]

    def test_new_console_logins_are_live_everywhere_and_no_client_notices(self):
        before = self.logins()
        pods = {pod["metadata"]["uid"] for pod in self.pods()}
        with self.load(12):
            self.assertIn("are live on every pod; those of before are refused", self.command("rotate", "orders").stdout)
            after = self.logins()
            for user in ("admin", "stats"):
                name = after[f"{user}-username"]
                self.assertEqual(self.who_is_let_in(name, after[f"{user}-password"]), [True, True])
                self.assertEqual(self.who_is_let_in(name, before[f"{user}-password"]), [False, False])
        self.assertNotIn("previous-admin-password", after)
        self.assertEqual({pod["metadata"]["uid"] for pod in self.pods()}, pods)
        self.await_news("ConsoleRotated")
        self.lab.wait_for_pool("orders", lambda pool: reason(pool, "ConsoleRotated") == "Rotated")
        for secret in (before["admin-password"], after["admin-password"], before["stats-password"], after["stats-password"]):
            self.assertNotIn(secret, self.operator.log)

    def test_a_rotation_survives_an_operator_that_is_killed_again_and_again(self):
        """Whatever was written when it died, the next one reaches every console, and ends what was begun."""
        server = self.where((self.lab.superuser.host, self.lab.superuser.port))
        self.lab.psql("create table if not exists work (id bigint generated always as identity, note text)", server)
        before = self.lab.psql("select count(*) as n from work", server)
        with self.node.service(NAMESPACE, "orders-pool") as address, Load(self.where(address), kinds=("long", "connecting")) as load:
            for moment in range(6):
                # Further on each time: before the Secret is written, between it and the user list, before the pods were read back ...
                self.kill_in_a_rotation(moment, 0.05 * moment ** 1.5)
        self.assertEqual(load.complaints, [])
        self.assertGreater(load.transactions, 0)
        after = self.lab.psql("select count(*) as n from work", server)
        self.assertEqual(int(after[0]["n"]) - int(before[0]["n"]), load.transactions)

    def kill_in_a_rotation(self, number, seconds):
        before = self.logins()
        self.command("rotate", "orders", "--wait", "0")
        time.sleep(seconds)
        self.operator.kill()
        self.restart_operator(f"operator-rotates-{number}")
        self.lab.wait_for_pool("orders", lambda pool: self.is_rotated(pool) and condition(pool, "Ready") == "True", timeout=60)
        after = self.logins()
        self.assertNotEqual(after["admin-password"], before["admin-password"])
        self.assertNotIn("previous-admin-password", after)
        self.assertEqual(self.who_is_let_in("poolwright_admin", after["admin-password"]), [True, True])
        self.assertEqual(self.who_is_let_in("poolwright_admin", before["admin-password"]), [False, False])

    @staticmethod
    def is_rotated(pool):
        """The newest request is done."""
        asked = pool["metadata"]["annotations"]["poolwright.dev/rotate-requested-at"]
        return any(entry["status"] == "True" and asked in entry["message"]
                   for entry in pool["status"]["conditions"] if entry["type"] == "ConsoleRotated")

    def test_both_passwords_are_kept_while_a_pod_cannot_be_reached(self):
        before = self.logins()
        stuck = self.pods()[0]["metadata"]["name"]
        process = next(pid for pod, pid in self.node.pids().items() if pod.startswith(stuck))
        os.kill(process, signal.SIGSTOP)
        try:
            self.assertIn("are live on 1 of 2 pods", self.command("rotate", "orders", "--wait", "30", code=1).stderr)
            held = self.logins()
            self.assertEqual(held["previous-admin-password"], before["admin-password"])
            # One that begins now knows that pod by what the Secret says only.
            self.operator.kill()
            self.restart_operator("operator-beside-a-stuck-pod")
            self.await_a_look("beside-a-stuck-pod")
            self.assertEqual(reason(self.lab.get_pool("orders"), "ConsoleRotated"), "Rotating")
            self.assertEqual(self.logins(), held, "nothing newer while a pod may not have this one")
        finally:
            os.kill(process, signal.SIGCONT)
        self.lab.wait_for_pool("orders", lambda pool: reason(pool, "ConsoleRotated") == "Rotated", timeout=120)
        self.assertNotIn("previous-admin-password", self.logins())
        self.assertEqual(self.who_is_let_in("poolwright_admin", before["admin-password"]), [False, False])

    def test_a_pod_that_starts_during_a_rotation_takes_the_new_logins(self):
        before = self.logins()
        name = self.pods()[0]["metadata"]["name"]
        self.lab.kubectl("-n", NAMESPACE, "delete", "pod", name, "--wait=false")
        self.command("rotate", "orders", "--wait", "60")
        wait_until("another one is there", lambda: len(self.pods()) == 2 and name not in [pod["metadata"]["name"] for pod in self.pods()] and
                   all(pod["status"].get("podIP") for pod in self.pods()), timeout=60)
        self.lab.wait_for_pool("orders", lambda pool: self.is_rotated(pool) and condition(pool, "Ready") == "True", timeout=60)
        self.assertEqual(self.who_is_let_in("poolwright_admin", self.logins()["admin-password"]), [True, True])
        self.assertEqual(self.who_is_let_in("poolwright_admin", before["admin-password"]), [False, False])


if __name__ == "__main__":
    unittest.main()
