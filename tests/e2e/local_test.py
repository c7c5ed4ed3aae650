"""Local mode: a directory of files instead of an API server, on a real PostgreSQL and real PgBouncers."""

import base64
import datetime
import json
import os
import re
import signal
import socket
import stat
import threading
import time
import unittest
from pathlib import Path

from lab import Database, LabError
from local_lab import VERSIONS, LocalLab, is_alive
from serving_test import CONNECTIONS, INSTANCES, SIZE, BackendCount, drive

HOSTILE = """it's "a" \\ ; # % = @ : / ? & + $HOME `ü`"""


class Background:
    """The application at work until the block ends."""

    def __init__(self, pooled, seconds):
        self._thread = threading.Thread(target=self._run, args=(pooled, seconds))
        self.transactions, self.errors = 0, []

    def _run(self, pooled, seconds):
        self.transactions, self.errors = drive(pooled, seconds)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join()


class ServingTest(unittest.TestCase):
    """One lab, one pool for each PgBouncer that this machine has."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(LocalLab(max_connections=200))
        cls.versions = [version for version in VERSIONS if cls.lab.has_pgbouncer(version)]
        for version in cls.versions:
            name = "pool" + version.replace(".", "")
            cls.lab.write_pool(name, [cls.lab.login(name)], pgbouncer={"version": version})
        cls.local = cls.lab.start_local()

    def test_the_smallest_pool_serves_a_hundred_clients_within_its_size(self):
        for version in self.versions:
            with self.subTest(pgbouncer=version):
                name = "pool" + version.replace(".", "")
                self.lab.wait_until_ready(name)
                self.assertIn(version, self.lab.console(name, "SHOW VERSION")[0]["version"])
                with BackendCount(self.lab, name) as backends:
                    transactions, errors = drive(self.lab.pooled(name), 4)
                self.assertEqual(errors, [])
                self.assertGreater(transactions, INSTANCES * CONNECTIONS)
                self.assertLessEqual(backends.highest, SIZE)

    def test_each_pool_has_a_port_of_its_own_and_urls_that_lead_there(self):
        ports = set()
        for version in self.versions:
            name = "pool" + version.replace(".", "")
            self.lab.wait_until_ready(name)
            environment = self.lab.environment(name)
            self.assertEqual(set(environment), {"DATABASE_URL", "DATABASE_URL_DIRECT", "DIRECT_URL", "DATABASE_POOL_MAX",
                                                "DATABASE_POOL_TIMEOUT_MS"})
            self.assertIn("pgbouncer=true&connection_limit=5&pool_timeout=20", environment["DATABASE_URL"])
            self.assertIn(f":{self.lab.superuser.port}/", environment["DIRECT_URL"])
            ports.add(self.lab.pooled(name).port)
        self.assertEqual(len(ports), len(self.versions))

    def test_secrets_are_in_files_of_their_owner_only(self):
        for version in self.versions:
            name = "pool" + version.replace(".", "")
            self.lab.wait_until_ready(name)
            password = self.lab.pooled(name).password
            holders = [path for path in self.lab.out.rglob("*") if path.is_file() and password in path.read_text()]
            for path in holders:
                self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)
            self.assertEqual({path.name for path in holders if ".state" not in path.parts}, {"userlist.txt", f"{name}.env"})
            self.assertNotIn(password, self.local.log)
            for process in (self.local.process.pid, self.lab.bouncer_pid(name)):
                for file in ("cmdline", "environ"):
                    self.assertNotIn(password, Path(f"/proc/{process}/{file}").read_text(errors="replace"))


class ResizeTest(unittest.TestCase):
    def test_a_size_that_changes_again_and_again_under_load_breaks_nothing(self):
        """Each change is a RELOAD, most of them while server connections are logging in."""
        for version in VERSIONS:
            with self.subTest(pgbouncer=version), LocalLab(max_connections=200) as lab:
                if lab.has_pgbouncer(version):
                    self.resize_under_load(lab, version)

    def resize_under_load(self, lab, version):
        entry = lab.login("orders")

        def resize(size):
            lab.write_pool("orders", [entry | {"poolSize": {"min": size, "max": size}}], pgbouncer={"version": version})
        resize(SIZE)
        lab.start_local()
        lab.wait_until_ready("orders")
        with Background(lab.pooled("orders"), 10) as application:
            lab.wait_for("all connections are at work", lambda: str(SIZE) in {
                row["sv_active"] for row in lab.console("orders", "SHOW POOLS") if row["database"] == "orders"})
            for size in (10, 24) * 5 + (SIZE,):
                resize(size)
                time.sleep(0.7)  # about the time until a change is live: the next one meets its logins
            lab.wait_for("the last size is live", lambda: {row["name"]: row["pool_size"] for row in lab.console(
                "orders", "SHOW DATABASES")}["orders"] == str(SIZE))
        self.assertEqual(application.errors, [])
        self.assertGreater(application.transactions, INSTANCES * CONNECTIONS)


class ChangeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(LocalLab(versions=("1.24",)))
        if not cls.lab.has_pgbouncer("1.24"):
            raise unittest.SkipTest("no PgBouncer 1.24 on this machine")
        cls.lab.create_database("orders", "orders_app")
        cls.lab.create_database("reports", "reports_app", "reports")

    def setUp(self):
        self.lab.begin_anew()
        self.entry = self.login("orders", HOSTILE)
        self.file = self.lab.write_pool("orders", [self.entry])
        self.local = self.lab.start_local()
        self.before = self.lab.wait_until_ready("orders")["configHash"]

    def login(self, name, password):
        self.lab.psql(f"alter role {name}_app password '{password.replace(chr(39), chr(39) * 2)}'")
        self.lab.write_secret(f"{name}-app", f"{name}_app", password)
        return {"name": name, "credentialsSecretRef": {"name": f"{name}-app"}}

    def change(self, make):
        make()
        self.before = self.lab.wait_until_ready("orders", not_hash=self.before)["configHash"]

    def logs_in(self, database="orders"):
        try:
            return self.lab.psql("select 1 as one", self.lab.pooled("orders", database)) == [{"one": "1"}]
        except LabError:
            return False

    def test_a_pause_in_the_file_holds_clients_up_and_ends(self):
        def paused():
            return {"key": "paused", "value": "yes"} in self.lab.console("orders", "SHOW STATE")
        until = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
        mark = f"metadata:\n  annotations: {{poolwright.dev/pause-until: '{until}'}}\n"
        self.lab.write_file(self.file.name, self.file.read_text().replace("metadata:\n", mark))
        self.lab.wait_for("clients wait", paused)
        self.lab.wait_for("clients go on", lambda: not paused())
        self.lab.wait_for("the end is told", lambda: self.lab.condition("orders", "ClientsPaused").get("reason") == "Expired")

    def test_new_console_logins_are_asked_for_in_the_file(self):
        def login():
            kept = json.loads((self.lab.out / ".state/objects/Secret.orders-pool-console.json").read_text())["object"]["data"]
            return {key: base64.b64decode(value).decode() for key, value in kept.items()}

        def is_let_in(password):
            try:
                where = self.lab.pooled("orders")
                return bool(self.lab.psql("SHOW VERSION", Database(where.host, where.port, "pgbouncer", "poolwright_admin", password)))
            except LabError:
                return False
        before, pid = login(), self.lab.bouncer_pid("orders")
        mark = "metadata:\n  annotations: {poolwright.dev/rotate-requested-at: '2026-01-02T03:04:05Z'}\n"
        with Background(self.lab.pooled("orders"), 6) as application:
            self.lab.write_file(self.file.name, self.file.read_text().replace("metadata:\n", mark))
            self.lab.wait_for("it is told", lambda: self.lab.condition("orders", "ConsoleRotated").get("reason") == "Rotated")
            after = login()
            self.assertTrue(is_let_in(after["admin-password"]))
            self.assertFalse(is_let_in(before["admin-password"]))
            self.assertNotIn("previous-admin-password", after)
        self.assertEqual(application.errors, [])
        self.assertGreater(application.transactions, 0)
        self.assertEqual(self.lab.bouncer_pid("orders"), pid)

    def test_size_database_and_password_go_live_under_load_without_a_restart(self):
        pid = self.lab.bouncer_pid("orders")
        smaller = self.entry | {"poolSize": {"min": 2, "max": 10}}
        with Background(self.lab.pooled("orders"), 8) as application:
            self.change(lambda: self.lab.write_pool("orders", [smaller]))
            sizes = {row["name"]: row["pool_size"] for row in self.lab.console("orders", "SHOW DATABASES")}
            self.assertEqual(sizes["orders"], "10")
            second = self.login("reports", "reports")
            self.change(lambda: self.lab.write_pool("orders", [smaller, second]))
            self.lab.wait_for("the new database serves", lambda: (self.lab.out / "orders/reports.env").exists() and self.logs_in("reports"))
            self.change(lambda: self.lab.write_pool("orders", [smaller]))
            self.lab.wait_for("its file is gone", lambda: not (self.lab.out / "orders/reports.env").exists())
        self.assertEqual(application.errors, [])
        self.assertGreater(application.transactions, 0)

        self.lab.psql("alter role orders_app password 'another one'")
        self.change(lambda: self.lab.write_secret("orders-app", "orders_app", "another one"))
        self.lab.wait_for("the new password is in the URL", lambda: self.lab.pooled("orders").password == "another one")
        self.assertTrue(self.logs_in())
        self.assertEqual(self.lab.bouncer_pid("orders"), pid)

    def test_an_invalid_file_is_told_with_its_line_and_what_runs_goes_on(self):
        good = self.file.read_text()
        self.lab.write_file("orders.yaml", good + "  pgbouncer:\n    poolMode: Sometimes\n")
        self.lab.wait_for("it is refused", lambda: self.lab.condition("orders", "Stalled").get("reason") == "InvalidSpec")
        line = good.count("\n") + 2
        self.assertRegex(self.local.log, rf"orders\.yaml:{line}: spec\.pgbouncer\.poolMode: must be")
        self.assertTrue(self.logs_in())
        self.lab.write_file("orders.yaml", "spec: [\n")
        self.lab.wait_for("it is told", lambda: re.search(r"orders\.yaml: line \d", self.local.log))
        self.assertTrue(self.logs_in())
        self.lab.write_file("orders.yaml", good)
        self.lab.wait_until_ready("orders")

    def test_a_broken_file_at_the_start_keeps_the_last_good_state_too(self):
        self.local.stop()
        self.lab.write_file("orders.yaml", "spec: [\n")
        self.local = self.lab.start_local(name="again")
        self.lab.wait_for("it serves", self.logs_in)

    def test_a_missing_secret_is_named_and_what_runs_goes_on(self):
        for path in (self.lab.pools / "orders-app").iterdir():
            path.unlink()
        found = self.lab.wait_for("it is missed", lambda: self.lab.condition("orders", "ResolvedRefs").get("reason") == "SecretNotFound")
        self.assertTrue(found)
        self.assertIn("orders-app", self.lab.condition("orders", "ResolvedRefs")["message"])
        self.assertTrue(self.logs_in())
        self.lab.write_secret("orders-app", "orders_app", HOSTILE)
        self.lab.wait_until_ready("orders")

    def test_a_new_pool_serves_while_the_secrets_that_only_watch_are_missing(self):
        server = {"host": self.lab.superuser.host, "port": self.lab.superuser.port, "observerSecretRef": {"name": "no-observer"}}
        self.lab.write_pool("new", [self.entry], postgres=server, monitoring={"redisSecretRef": {"name": "no-redis"}})
        self.lab.wait_until_ready("new")
        found = self.lab.condition("new", "ResolvedRefs")
        self.assertEqual((found["status"], found["reason"]), ("False", "SecretNotFound"))
        self.assertEqual(self.lab.psql("select 1 as one", self.lab.pooled("new", "orders")), [{"one": "1"}])

    def test_a_pgbouncer_that_dies_is_started_again(self):
        pid = self.lab.bouncer_pid("orders")
        os.kill(pid, signal.SIGKILL)
        self.lab.wait_for("another one serves", lambda: self.lab.bouncer_pid("orders") not in (0, pid) and self.logs_in())

    def test_killed_and_started_again_it_takes_over_what_runs(self):
        pid = self.lab.bouncer_pid("orders")
        with Background(self.lab.pooled("orders"), 4) as application:
            self.local.kill()
            self.local = self.lab.start_local(name="again")
            self.change(lambda: self.lab.write_pool("orders", [self.entry | {"poolSize": {"max": 9}}]))
        self.assertEqual(application.errors, [])
        self.assertEqual(self.lab.bouncer_pid("orders"), pid)
        self.assertIn("pgbouncer_adopted", self.local.log)

    def test_a_pool_removed_while_poolwright_was_down_ends(self):
        pid = self.lab.bouncer_pid("orders")
        self.local.kill()
        self.file.unlink()
        self.local = self.lab.start_local(name="again")
        self.lab.wait_for("its process is gone", lambda: not is_alive(pid))
        self.lab.wait_for("its files are gone", lambda: not (self.lab.out / "orders").exists())

    def test_term_ends_everything_and_lets_transactions_finish(self):
        pid = self.lab.bouncer_pid("orders")
        self.assertEqual(self.local.stop(), 0)
        self.assertFalse(is_alive(pid))

    def test_a_second_poolwright_on_the_same_folder_is_refused(self):
        second = self.lab.start_local(name="second", is_second=True)
        self.assertEqual(second.process.wait(20), 1)
        self.assertIn("another poolwright works on this folder", second.log)

    def test_a_setting_that_needs_a_restart_gets_one(self):
        pid = self.lab.bouncer_pid("orders")
        self.change(lambda: self.lab.write_pool("orders", [self.entry], pgbouncer={"parameters": {"listen_backlog": "64"}}))
        self.lab.wait_for("another process serves", lambda: self.lab.bouncer_pid("orders") not in (0, pid) and self.logs_in())
        values = {row["key"]: row["value"] for row in self.lab.console("orders", "SHOW CONFIG")}
        self.assertEqual(values["listen_backlog"], "64")
        sizes = self.lab.wait_for("the whole size is back", lambda: [
            row for row in self.lab.console("orders", "SHOW DATABASES") if row["name"] == "orders" and row["pool_size"] == str(SIZE)])
        self.assertTrue(sizes)

    def test_a_port_can_be_asked_for_and_a_taken_one_is_told(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            text = self.file.read_text().replace("name: orders\n", f"name: orders\n  annotations:\n    poolwright.dev/local-port: '{port}'\n", 1)
            self.lab.write_file("orders.yaml", text)
            self.lab.wait_for("it is told", lambda: re.search(f"pgbouncer_not_started.*port {port} is taken", self.local.log))
        self.lab.wait_for("it serves there", lambda: self.lab.pooled("orders").port == port and self.logs_in())


class AttachedTest(unittest.TestCase):
    def test_a_pgbouncer_that_somebody_else_runs_is_programmed(self):
        lab = self.enterContext(LocalLab(versions=("1.24",)))
        if not lab.has_pgbouncer("1.24"):
            self.skipTest("no PgBouncer 1.24 on this machine")
        entry = lab.login("orders")
        lab.write_pool("orders", [entry], pgbouncer={"version": "1.24"})
        lab.start_local("--attach", f"orders=localhost:{lab.first_port}", *(["--pgbouncer-user", "postgres"] if os.geteuid() == 0 else []))
        folder = lab.out / "orders"
        lab.wait_for("the files are there", (folder / "pool.ini").exists)
        lab.run("pgbouncer", "start", "1.24", "attached", str(folder / "pool.ini"), cwd=folder)
        before = lab.wait_until_ready("orders")["configHash"]
        self.assertEqual(lab.psql("select 1 as one", lab.pooled("orders")), [{"one": "1"}])
        lab.write_pool("orders", [entry | {"poolSize": {"max": 7}}], pgbouncer={"version": "1.24"})
        lab.wait_until_ready("orders", not_hash=before)
        self.assertEqual([row["pool_size"] for row in lab.console("orders", "SHOW DATABASES") if row["name"] == "orders"], ["7"])


if __name__ == "__main__":
    unittest.main()
