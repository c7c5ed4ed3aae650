"""Pools that serve: the PgBouncers that the operator's objects start carry real clients, within the size, on every version."""

import concurrent.futures
import contextlib
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from lab import PGBENCH, Database, LabError, wait_until
from operator_lab import NAMESPACE, OperatorLab, condition, secret_values
from pods import PgbouncerNode

VERSIONS = ("1.18", "1.24", "1.26")
INSTANCES, CONNECTIONS, SIZE = 20, 5, 25
# Works 2 ms in the database and then thinks, as an application does: 100 clients want about 10 connections, and more at peaks.
SCRIPT = "begin;\nselect pg_sleep(0.002);\nselect 1;\ncommit;\n\\sleep 10 ms\n"


class BackendCount:
    """Samples how many backends some databases have together, from its own connection, until the `with` block ends."""

    def __init__(self, lab: OperatorLab, *databases: str):
        self._lab, self._databases = lab, databases
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.highest, self.samples = 0, 0

    def _sample(self) -> None:
        server = self._lab.superuser
        names = ", ".join(f"'{name}'" for name in self._databases)
        # The operator's own connection, with which it looks at the server, is not of the pool.
        query = (f"select count(*) from pg_stat_activity where datname in ({names}) and application_name <> 'poolwright' "
                 "\\watch 0.05\n")
        psql = subprocess.Popen(["psql", "-X", "-q", "-t", "-A", "-h", server.host, "-p", str(server.port), "-U", server.user,
                                 "postgres"], env={"PGPASSWORD": server.password, "PATH": "/usr/bin:/bin"}, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        psql.stdin.write(query)
        psql.stdin.flush()
        threading.Thread(target=lambda: (self._done.wait(), psql.kill()), daemon=True).start()
        with psql:
            for line in psql.stdout:
                if line.strip().isdigit():
                    self.samples += 1
                    self.highest = max(self.highest, int(line))

    def __enter__(self) -> "BackendCount":
        self._thread.start()
        wait_until("the first sample", lambda: self.samples)
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def pgbench(where: Database, seconds: int, mode: str) -> tuple[int, str]:
    """One application instance. The transactions that it made, and its complaints."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(SCRIPT)
        script.flush()
        ran = subprocess.run([PGBENCH, "-n", "-c", str(CONNECTIONS), "-j", "1", "-T", str(seconds), "-M", mode, "-f", script.name,
                              "-h", where.host, "-p", str(where.port), "-U", where.user, where.name],
                             env={"PGPASSWORD": where.password, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    done = next((int(line.split(":")[1].split("/")[0]) for line in ran.stdout.splitlines()
                 if line.startswith("number of transactions actually processed")), 0)
    return done, ran.stderr if ran.returncode or "ERROR" in ran.stderr or "FATAL" in ran.stderr else ""


def drive(where: Database, seconds: int = 4, mode: str = "simple") -> tuple[int, list[str]]:
    """All instances at once: transactions, and the complaints of those that had one."""
    with concurrent.futures.ThreadPoolExecutor(INSTANCES) as pool:
        ran = list(pool.map(lambda _: pgbench(where, seconds, mode), range(INSTANCES)))
    return sum(done for done, _ in ran), [complaint for _, complaint in ran if complaint]


class ServingCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(OperatorLab(controllers=True))
        cls.operator = cls.lab.start_operator()
        cls.node = cls.enterClassContext(PgbouncerNode(cls.lab))

    def serve(self, name, databases, **pgbouncer):
        """Applies a pool and returns when every pod of it was read back."""
        self.lab.apply(self.lab.pool(name, databases, pgbouncer=pgbouncer))
        return self.lab.wait_for_pool(name, lambda pool: condition(pool, "Ready") == "True")

    def remove(self, name):
        """Deletes a pool and returns when its PgBouncers, and so their connections, are gone."""
        self.lab.kubectl("-n", NAMESPACE, "delete", "connectionpools.poolwright.dev", name)
        wait_until("its pods are gone", lambda: not [pod for pod in self.node.pids() if pod.startswith(f"{name}-pool")], timeout=180)

    @contextlib.contextmanager
    def working_clients(self, name, clients, script, *options):
        """pgbench on the first database of a pool, until the block ends."""
        secret = self.lab.url_secret(name, self.lab.get_pool(name)["status"]["databases"][0]["name"])
        with self.node.service(NAMESPACE, f"{name}-pool") as address, tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            bench = subprocess.Popen([PGBENCH, "-n", "-c", str(clients), "-f", file.name, "-h", address[0], "-p", str(address[1]),
                                      *options, "-U", secret["username"], secret["dbname"]],
                                     env={"PGPASSWORD": secret["password"], "PATH": "/usr/bin:/bin"},
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                yield bench
            finally:
                bench.kill()
                bench.communicate()

    def console(self, name, address, command):
        """As the console's own admin, whose login only our Secret has."""
        values = self.lab.get("secret", f"{name}-pool-console", NAMESPACE)
        login = secret_values(values)
        return self.lab.psql(command, Database(*address, "pgbouncer", login["admin-username"], login["admin-password"]))


class Headline(ServingCase):
    """20 application instances with 5 connections each, on at most 25 connections of the server."""

    def check(self, version, replicas):
        if not self.lab.has_pgbouncer(version):
            self.skipTest(f"no PgBouncer {version}")
        name = f"app{version.replace('.', '')}-{replicas}"
        login = self.lab.login(name.replace("-", "_"))
        self.serve(name, [login], version=version, replicas=replicas)
        secret = self.lab.url_secret(name, login["name"])
        with self.node.service(NAMESPACE, f"{name}-pool") as address, BackendCount(self.lab, login["name"]) as backends:
            where = Database(*address, secret["dbname"], secret["username"], secret["password"])
            transactions, complaints = drive(where)
        self.assertEqual(complaints, [])
        self.assertGreater(transactions, INSTANCES * CONNECTIONS)
        self.assertGreater(backends.samples, 10)
        self.assertGreater(backends.highest, 0)
        self.assertLessEqual(backends.highest, SIZE)
        print(f"\nPgBouncer {version}, {replicas} pod(s): {INSTANCES * CONNECTIONS} clients, {transactions} transactions, "
              f"at most {backends.highest} backends", flush=True)
        self.remove(name)

    def test_one_pod(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                self.check(version, 1)

    def test_two_pods(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                self.check(version, 2)


class Isolation(ServingCase):
    """The credentials of one database open neither the other nor the console."""

    def test_each_login_opens_its_own_database_only(self):
        for version in VERSIONS:
            if not self.lab.has_pgbouncer(version):
                continue
            with self.subTest(version=version):
                self.check(version.replace(".", ""), version)

    def check(self, tag, version):
        first, second = self.lab.login(f"first{tag}"), self.lab.login(f"second{tag}")
        name = f"both{tag}"
        self.serve(name, [first, second], version=version, replicas=1)
        one, other = self.lab.url_secret(name, first["name"]), self.lab.url_secret(name, second["name"])
        with self.node.service(NAMESPACE, f"{name}-pool") as address:
            for own, foreign in ((one, other), (other, one)):
                login = (own["username"], own["password"])
                self.assertEqual(self.lab.psql("select current_user as u", Database(*address, own["dbname"], *login)),
                                 [{"u": own["username"]}])
                for closed in (foreign["dbname"], "pgbouncer"):
                    with self.assertRaises(LabError, msg=f"{own['username']} opened {closed}"):
                        self.lab.psql("select 1", Database(*address, closed, *login))


class LiveChange(ServingCase):
    """A changed spec or Secret is read back from the PgBouncers that run; no process is restarted for it."""

    def test_size_timeout_password_and_database_list(self):
        login = self.lab.login("live")
        self.serve("live", [login], version="1.24", replicas=2)
        pids = self.node.pids()

        smaller = login | {"poolSize": {"min": 2, "max": 10}}
        pool = self.serve("live", [smaller], version="1.24", replicas=2)
        hashes = {pod["configHash"] for pod in pool["status"]["pods"]}
        self.assertEqual(hashes, {pool["status"]["configHash"]})
        with self.node.service(NAMESPACE, "live-pool") as address:
            rows = self.console("live", address, "SHOW DATABASES")
            self.assertEqual(next(row["pool_size"] for row in rows if row["name"] == "live"), "5")

            self.serve("live", [smaller], version="1.24", replicas=2, timeouts={"queryWaitSeconds": 7})
            rows = self.console("live", address, "SHOW CONFIG")
            self.assertEqual(next(float(row["value"]) for row in rows if row["key"] == "query_wait_timeout"), 7.0)

            self.lab.psql("alter role live_app password 'Rotated-2'")
            self.lab.apply_secret("live-app", {"username": "live_app", "password": "Rotated-2"})
            where = Database(*address, "live", "live_app", "Rotated-2")
            wait_until("the new password opens the pool", lambda: self.opens(where))

            more = self.lab.login("live_more")
            self.serve("live", [smaller, more], version="1.24", replicas=2, timeouts={"queryWaitSeconds": 7})
            self.assertIn("live_more", [row["name"] for row in self.console("live", address, "SHOW DATABASES")])
        self.assertEqual(self.node.pids(), pids)

    def opens(self, where):
        try:
            return self.lab.psql("select 1 as one", where) == [{"one": "1"}]
        except LabError:
            return False


if __name__ == "__main__":
    unittest.main()
