"""A pool is moved to another PostgreSQL server while transactions of its clients run on the one before, which has no connection to spare."""

import contextlib
import unittest

from lab import Lab, wait_until
from operator_lab import NAMESPACE, condition, secret_values
from serving_test import BackendCount, ServingCase

BUDGET, LONG = 14, 4
# Holds a server for 50 ms and then thinks for 50 ms.
SHORT_SCRIPT = "begin;\nselect pg_sleep(0.05);\ncommit;\n\\sleep 50 ms\n"


class ServerMove(ServingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.enterClassContext(Lab(kube=False))

    def apply(self, name, login, size, server):
        pool = self.lab.pool(name, [login | {"poolSize": size, "reservePoolSize": 0}], pgbouncer={"replicas": 1, "version": "1.24"})
        pool["spec"]["postgres"] = {"host": server.host, "port": server.port, "connectionBudget": {"max": BUDGET, "reserved": 0}}
        self.lab.apply(pool)
        return self.lab.wait_for_pool(name, lambda pool: condition(pool, "Ready") == "True" and condition(pool, "Programmed") == "True")

    def recorded_servers(self, pool):
        """Of its pod, as the operator has recorded it."""
        pods = [pod for pod in self.lab.list("pods", NAMESPACE) if pod["metadata"]["labels"].get("poolwright.dev/pool") == pool]
        self.assertEqual(len(pods), 1)
        return set(pods[0]["metadata"]["annotations"]["poolwright.dev/may-reach"].split(","))

    def backends(self, lab, database):
        # The operator's own connection, with which it looks at the server, is not of the pool.
        where = f"datname = '{database}' and application_name <> 'poolwright'"
        return int(lab.psql(f"select count(*) from pg_stat_activity where {where}")[0]["count"])

    def size(self, pool):
        return self.lab.get_pool(pool)["status"]["databases"][0]["size"]

    def test_what_stays_behind_counts_until_it_has_ended(self):
        here, there = self.lab.superuser, self.other.superuser
        logins = {name: self.lab.login(name) for name in ("mover", "stayer")}
        password = secret_values(self.lab.get("secret", "mover-app", NAMESPACE))["password"]
        self.other.create_database("mover", "mover_app", password)
        self.apply("mover", logins["mover"], {"min": 10, "max": 10, "initial": 10}, here)
        self.apply("stayer", logins["stayer"], {"min": 2, "max": BUDGET, "initial": 2}, here)
        addresses = [f"{server.host}:{server.port}" for server in (here, there)]
        with contextlib.ExitStack() as stack:
            count = stack.enter_context(BackendCount(self.lab, *logins))
            stack.enter_context(self.working_clients("stayer", 30, SHORT_SCRIPT, "-T", "600"))
            long = stack.enter_context(self.working_clients("mover", LONG, "select pg_sleep(25);\n", "-t", "1"))
            short = stack.enter_context(self.working_clients("mover", 10, SHORT_SCRIPT, "-T", "600"))
            wait_until("one pool has grown as far as the other lets it", lambda: self.size("stayer") == BUDGET - 10)
            wait_until("which has long transactions and short ones", lambda: self.backends(self.lab, "mover") > 2 * LONG - 1)

            self.apply("mover", logins["mover"], {"min": 10, "max": 10, "initial": 10}, there)
            wait_until("new transactions run on the other server", lambda: self.backends(self.other, "mover") > 0)
            wait_until("only the long ones are left", lambda: self.backends(self.lab, "mover") == LONG)
            self.operator.kill()
            type(self).operator = self.lab.start_operator(name="operator-again")
            before = count.samples
            wait_until("more was seen", lambda: count.samples > before + 60)
            self.assertEqual(self.backends(self.lab, "mover"), LONG, "this came too late to say anything")
            self.assertEqual(self.recorded_servers("mover"), set(addresses))
            self.assertEqual(self.size("stayer"), BUDGET - 10)

            _, complaints = long.communicate()
            self.assertEqual((long.returncode, complaints), (0, ""), "the transactions of before ended where they began")
            wait_until("the other pool gets what is free now", lambda: self.size("stayer") > 10, timeout=60)
            self.assertEqual(self.recorded_servers("mover"), {addresses[1]})
            wait_until("and uses it", lambda: self.backends(self.lab, "stayer") > 10, timeout=60)
            self.assertIsNone(short.poll(), "a client of the pool that was moved has lost its connection")
            highest, samples = count.highest, count.samples
        print(f"\n{samples} samples, at most {highest} of {BUDGET} backends on the server of before", flush=True)
        self.assertLessEqual(highest, BUDGET)


if __name__ == "__main__":
    unittest.main()
