"""Pools that find their size by themselves, on real PgBouncers: growth, shrinking, one budget, the modes, a killed operator."""

import unittest

from lab import Database, wait_until
from operator_lab import NAMESPACE, condition, message, reason
from serving_test import BackendCount, ServingCase

# Holds a server for 50 ms and then thinks for 50 ms: 20 clients keep about 10 servers busy.
SCRIPT = "begin;\nselect pg_sleep(0.05);\ncommit;\n\\sleep 50 ms\n"
QUICK = {"scaleDown": {"stabilizationWindowSeconds": 6, "stepPercent": 100, "periodSeconds": 1}}
SMALL = {"min": 2, "max": 20, "initial": 2}


def entry(pool, database=0):
    return pool["status"]["databases"][database]


class SizingCase(ServingCase):
    def serve(self, name, login, budget=None, observer=None, replicas=1, **sizing):
        """Applies a pool of one database and returns when its pods were read back."""
        pool = self.lab.pool(name, [login], pgbouncer={"replicas": replicas, "version": "1.24"}, sizing=QUICK | sizing)
        pool["spec"]["postgres"]["connectionBudget"] = budget or {"max": 1000}
        if observer:
            pool["spec"]["postgres"]["observerSecretRef"] = {"name": observer}
        self.lab.apply(pool)
        self.addCleanup(self.remove, name)
        return self.lab.wait_for_pool(name, lambda pool: condition(pool, "Ready") == "True")

    def load(self, name, clients, seconds=60):
        return self.working_clients(name, clients, SCRIPT, "-T", str(seconds))

    def pool_sizes(self, name):
        """Of every pod, as PgBouncer itself says."""
        pool = self.lab.get("configmap", f"{name}-pool", NAMESPACE)
        return pool["metadata"]["annotations"]["poolwright.dev/sizes"]


class Auto(SizingCase):
    def test_a_burst_grows_the_pool_and_quiet_shrinks_it(self):
        login = self.lab.login("burst") | {"poolSize": SMALL, "reservePoolSize": 0}
        pool = self.serve("burst", login, replicas=2)
        self.assertEqual(entry(pool)["size"], 2)
        with self.load("burst", 20), BackendCount(self.lab, "burst") as backends:
            grown = self.lab.wait_for_pool("burst", lambda pool: entry(pool)["size"] >= 10, timeout=30)
            wait_until("the server sees more backends", lambda: backends.highest >= 8, timeout=30)
        self.assertIn("busy", entry(grown)["sizeReason"])
        self.assertLessEqual(backends.highest, 20)
        # All the way takes minutes: what was needed a short while ago is given back last.
        shrunk = self.lab.wait_for_pool("burst", lambda pool: entry(pool)["size"] < entry(grown)["size"], timeout=120)
        self.assertEqual(condition(shrunk, "Ready"), "True")
        self.assertEqual(condition(shrunk, "BudgetExceeded"), "False")
        self.assertEqual(condition(shrunk, "MetricsStale"), "False")
        self.assertEqual(condition(shrunk, "DatabaseSaturated"), "False")
        self.assertEqual(condition(shrunk, "ConnectionLeakSuspected"), "Unknown", "nobody observes this server")


class Modes(SizingCase):
    def test_recommend_only_tells_and_fixed_stays(self):
        told, kept = self.lab.login("told"), self.lab.login("kept")
        size = {"poolSize": SMALL, "reservePoolSize": 0}
        self.serve("told", told | size, mode="Recommend")
        self.serve("kept", kept | size, mode="Fixed")
        with self.load("told", 20), self.load("kept", 20):
            for name in ("told", "kept"):
                pool = self.lab.wait_for_pool(name, lambda pool: entry(pool).get("recommendedSize", 0) >= 4, timeout=60)
                self.assertEqual(entry(pool)["size"], 2)
                self.assertIn('":2}', self.pool_sizes(name))


class OneBudget(SizingCase):
    BUDGET = 14

    def test_two_pools_never_pass_it_also_when_the_operator_is_killed(self):
        logins = {name: self.lab.login(name) for name in ("left", "right")}
        size = {"poolSize": SMALL, "reservePoolSize": 0}
        for name, login in logins.items():
            self.serve(name, login | size, budget={"max": self.BUDGET, "reserved": 0})
        with BackendCount(self.lab, *logins) as backends:
            with self.load("left", 30):
                self.lab.wait_for_pool("left", lambda pool: entry(pool)["size"] >= 10, timeout=60)
                with self.load("right", 30):
                    # The saturated one gives back what is the other's, which only then grows.
                    self.lab.wait_for_pool("right", lambda pool: entry(pool)["size"] >= 5, timeout=60)
                    self.operator.kill()
                    type(self).operator = self.lab.start_operator(name="operator-again")
                    before = backends.samples
                    wait_until("more was seen", lambda: backends.samples > before + 100, timeout=60)
                    highest, samples = backends.highest, backends.samples
        self.assertLessEqual(highest, self.BUDGET)
        self.assertGreater(highest, self.BUDGET // 2)
        print(f"\n{samples} samples, at most {highest} of {self.BUDGET} backends", flush=True)

    def test_minimums_that_do_not_fit_are_told_with_the_arithmetic(self):
        login = self.lab.login("wide") | {"poolSize": {"min": 10, "max": 20}, "reservePoolSize": 0}
        pool = self.serve("wide", login, budget={"max": 6, "reserved": 1})
        self.assertEqual(reason(pool, "BudgetExceeded"), "MinimumsDoNotFit")
        self.assertLessEqual(entry(pool)["size"], 5)
        self.assertIn("6 declared - 1 reserved by the resource = 5", message(pool, "BudgetExceeded"))


class Observer(SizingCase):
    def test_the_observer_role_gives_the_budget_and_finds_leaks(self):
        login = self.lab.login("seen") | {"poolSize": SMALL, "reservePoolSize": 0}
        self.lab.psql("create role watcher login password 'w-1' in role pg_monitor")
        self.lab.apply_secret("watcher", {"username": "watcher", "password": "w-1"})
        pool = self.serve("seen", login, budget={"reserved": 3}, observer="watcher")
        allowed = self.lab.psql("show max_connections")[0]["max_connections"]

        def budget_told(pool):
            return message(pool, "BudgetExceeded")
        pool = self.lab.wait_for_pool("seen", lambda pool: f"{allowed} max_connections" in budget_told(pool), timeout=60)
        self.assertIn("3 reserved by the resource", budget_told(pool))
        self.lab.wait_for_pool("seen", lambda pool: condition(pool, "ConnectionLeakSuspected") == "False", timeout=60)


if __name__ == "__main__":
    unittest.main()
