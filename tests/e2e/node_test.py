"""On a real Kubernetes node: pods from our images serve, every change is live on them, and no client notices what happens to them."""

import json
import time
import unittest

import clients
from lab import Database, LabError, wait_until
from node_lab import SYSTEM, NodeLab
from node_load import Load
from operator_lab import NAMESPACE, condition, secret_values
from serving_test import BackendCount

# What the server may see of the pool under load. Its clients want more, so that nothing but the size holds them.
SIZE, RESERVE = 12, 3


class NodeCase(unittest.TestCase):
    lab: NodeLab

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(NodeLab())
        cls.lab.deploy_operator()

    def consoles(self, name, command):
        """The answer of every pod's console."""
        login = secret_values(self.lab.get("secret", f"{name}-pool-console", NAMESPACE))
        return [self.lab.psql(command, Database(pod["status"]["podIP"], 6432, "pgbouncer", login["admin-username"], login["admin-password"]))
                for pod in self.lab.pool_pods(name)]

    def opens(self, where):
        try:
            return self.lab.psql("select 1 as one", where) == [{"one": "1"}]
        except LabError:
            return False


class Serving(NodeCase):
    def test_the_smallest_pool_serves_through_its_service(self):
        self.lab.serve("small", [self.lab.login("small")])
        where = self.lab.through_service("small", "small")
        seen = {self.lab.psql("select inet_client_addr() as a", where)[0]["a"] for _ in range(12)}
        self.assertEqual(seen, {pod["status"]["podIP"] for pod in self.lab.pool_pods("small")})
        if clients.missing("prisma"):
            self.skipTest(f"Prisma: {clients.missing('prisma')}")
        secret = self.lab.url_secret("small", "small")
        url = secret["DATABASE_URL"].replace(f"@small-pool.{NAMESPACE}.svc:", f"@{where.host}:")
        self.assertIn(where.host, url)
        outcome = clients.run("prisma", {"DATABASE_URL": url})
        self.assertTrue(outcome["ok"], outcome)
        self.assertEqual((outcome["user"], outcome["database"]), ("small_app", "small"))

    def test_every_change_is_read_back_and_restarts_nothing(self):
        login = self.lab.login("live")
        self.lab.serve("live", [login])
        before = self.lab.processes("live")
        where = self.lab.through_service("live", "live")

        smaller = login | {"poolSize": {"min": 2, "max": 10}}
        self.lab.serve("live", [smaller], timeouts={"queryWaitSeconds": 7})
        for rows in self.consoles("live", "SHOW DATABASES"):
            self.assertEqual(next(row["pool_size"] for row in rows if row["name"] == "live"), "5")
        for rows in self.consoles("live", "SHOW CONFIG"):
            self.assertEqual(next(float(row["value"]) for row in rows if row["key"] == "query_wait_timeout"), 7.0)

        self.lab.psql("alter role live_app password 'Rotated-2'")
        self.lab.apply_secret("live-app", {"username": "live_app", "password": "Rotated-2"})
        wait_until("the new password opens the pool",
                   lambda: self.opens(Database(where.host, where.port, "live", "live_app", "Rotated-2")))

        self.lab.serve("live", [smaller, self.lab.login("more")], timeouts={"queryWaitSeconds": 7})
        for rows in self.consoles("live", "SHOW DATABASES"):
            self.assertIn("more", [row["name"] for row in rows])
        self.assertEqual(self.lab.processes("live"), before)

    def test_older_pgbouncers_serve(self):
        for version in ("1.18", "1.24"):
            name = f"old{version.replace('.', '')}"
            with self.subTest(version=version):
                self.lab.serve(name, [self.lab.login(name)], version=version)
                self.assertEqual(self.lab.psql("select current_user as u", self.lab.through_service(name, name)), [{"u": f"{name}_app"}])


class NoClientNotices(NodeCase):
    """Under load of several kinds: no error at a client, no lost transaction, no more connections than the size."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.databases = [cls.lab.login("busy") | {"poolSize": {"min": 2, "max": SIZE}, "reservePoolSize": RESERVE}]
        cls.lab.serve("busy", cls.databases)
        cls.lab.psql("create table work (id bigint generated always as identity, note text)", cls.direct("busy"))

    @classmethod
    def direct(cls, name):
        """Past the pool, as the role that owns the tables."""
        server, secret = cls.lab.superuser, cls.lab.url_secret(name, name)
        return Database(server.host, server.port, name, secret["username"], secret["password"])

    def rows(self):
        return int(self.lab.psql("select count(*) as n from work", self.direct("busy"))[0]["n"])

    def under_load(self, happen, seconds=3):
        """Runs `happen` between a little load before and after."""
        self.lab.serve("busy", self.databases)
        # What a test before left may need a rollout to be undone.
        self.lab.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/busy-pool", "--timeout=240s")
        self.lab.await_pods("busy", 2)
        before = self.rows()
        with BackendCount(self.lab, "busy") as backends, Load(self.lab.through_service("busy", "busy"), seconds) as load:
            time.sleep(1)
            happen()
            time.sleep(1)
        print(f"\n{self.id().rsplit('.', 1)[1]}: {load.transactions} transactions, {len(load.complaints)} errors, at most "
              f"{backends.highest} connections in {backends.samples} samples", flush=True)
        self.assertEqual(load.complaints, [])
        self.assertEqual(self.rows() - before, load.transactions)
        self.assertGreater(load.transactions, 100)
        self.assertLessEqual(backends.highest, SIZE + RESERVE)

    def change(self, **pgbouncer):
        return self.lab.serve("busy", self.databases, **pgbouncer)

    def test_reloads(self):
        self.under_load(lambda: [self.change(timeouts={"queryWaitSeconds": 100 + number}) for number in range(50)], seconds=8)

    def test_resize_down_and_up(self):
        def happen():
            for size in (6, 4, SIZE):
                self.lab.serve("busy", [self.databases[0] | {"poolSize": {"min": 2, "max": size}}])
        self.under_load(happen, seconds=8)

    def test_rolling_update(self):
        def happen():
            old = tuple(self.lab.processes("busy"))
            self.change(podTemplate={"annotations": {"example.com/rollout": str(time.monotonic())}})
            self.lab.await_pods("busy", 2, but=old)
        self.under_load(happen)

    def test_more_and_fewer_pods(self):
        def happen():
            for count in (6, 1):
                self.change(replicas=count)
                self.lab.await_pods("busy", count)
        self.under_load(happen)

    def test_a_pod_is_deleted(self):
        def happen():
            pod = self.lab.pool_pods("busy")[0]
            self.lab.kubectl("-n", NAMESPACE, "delete", "pod", pod["metadata"]["name"], "--wait=false")
            self.lab.await_pods("busy", 2, but=(pod["metadata"]["uid"],))
        self.under_load(happen)

    def test_pods_are_evicted_one_after_the_other(self):
        def happen():
            first, second = self.lab.pool_pods("busy")
            self.evict(first)
            with self.assertRaisesRegex(LabError, "disruption budget"):
                self.evict(second)
            wait_until("the second may go", lambda: self.may_evict(second), 120, 0.5)
            self.lab.await_pods("busy", 2, but=(first["metadata"]["uid"], second["metadata"]["uid"]))
        self.under_load(happen)

    def evict(self, pod):
        name = pod["metadata"]["name"]
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": NAMESPACE}}
        self.lab.kubectl("create", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/eviction", "-f", "-", stdin=json.dumps(eviction))

    def may_evict(self, pod):
        try:
            self.evict(pod)
            return True
        except LabError:
            return False

    def test_the_operator_is_killed_and_comes_back(self):
        def happen():
            before = self.lab.processes("busy")
            self.lab.kubectl("-n", SYSTEM, "delete", "pod", "--all", "--force", "--grace-period=0")
            self.change(timeouts={"queryWaitSeconds": 77})
            self.assertEqual(self.lab.processes("busy"), before)
        self.under_load(happen, seconds=8)

    def test_the_operator_is_upgraded(self):
        """Another version of it: its own pods are replaced, those of the pools are not."""
        def happen():
            before = self.lab.processes("busy")
            self.lab.kubectl("-n", SYSTEM, "set", "env", "deployment/poolwright", f"UPGRADED={time.monotonic()}")
            self.lab.await_operator()
            self.change(timeouts={"queryWaitSeconds": 78})
            self.assertEqual(self.lab.processes("busy"), before)
        self.under_load(happen, seconds=8)

    def test_password_rotation(self):
        """Clients that are connected stay; new ones need the new password, which opens the pool a moment later."""
        where = self.lab.through_service("busy", "busy")

        def happen():
            self.lab.psql("alter role busy_app password 'Rotated-3'")
            self.lab.apply_secret("busy-app", {"username": "busy_app", "password": "Rotated-3"})
            wait_until("the new password opens the pool",
                       lambda: self.opens(Database(where.host, where.port, "busy", "busy_app", "Rotated-3")))
            self.lab.wait_for_pool("busy", lambda pool: condition(pool, "Programmed") == "True")
        self.under_load_of_kept_connections(happen)

    def under_load_of_kept_connections(self, happen):
        before = self.rows()
        load = Load(self.lab.through_service("busy", "busy"), 20, kinds=("prepared", "long"), once=True)
        with load:
            time.sleep(4)  # all of them are connected by then
            happen()
        self.assertEqual(load.complaints, [])
        self.assertEqual(self.rows() - before, load.transactions)


if __name__ == "__main__":
    unittest.main()
