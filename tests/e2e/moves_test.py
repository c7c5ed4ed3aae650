"""Three hundred random moves of one budget between twenty pools under load, with the operator killed in between: the server never sees more.
"""

import contextlib
import random
import subprocess
import tempfile
import time
import unittest

from lab import PGBENCH, wait_until
from operator_lab import NAMESPACE, OperatorLab, condition
from pods import PgbouncerNode
from serving_test import BackendCount

POOLS, BUDGET, MOVES, MOVES_PER_LIFE = 20, 70, 300, 30
CLIENTS, LARGEST = 6, 10
PAUSE_SECONDS = 0.5
# Holds a server for 50 ms and then thinks for 200 ms: what a pool is given it takes, and bursts come by chance.
SCRIPT = "begin;\nselect pg_sleep(0.05);\ncommit;\n\\sleep 200 ms\n"


class Moves(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(OperatorLab(controllers=True, max_connections=200))
        cls.operator = cls.lab.start_operator()
        cls.node = cls.enterClassContext(PgbouncerNode(cls.lab))
        cls.logins = {f"p{number}": cls.lab.login(f"p{number}") for number in range(POOLS)}

    def apply(self, name, size, mode):
        login = self.logins[name] | {"poolSize": {"min": 1, "max": size, "initial": size}, "reservePoolSize": 0}
        quick = {"scaleDown": {"stabilizationWindowSeconds": 1, "stepPercent": 100, "periodSeconds": 1}}
        pool = self.lab.pool(name, [login], pgbouncer={"replicas": 1, "version": "1.24"}, sizing={"mode": mode} | quick)
        pool["spec"]["postgres"]["connectionBudget"] = {"max": BUDGET, "reserved": 0}
        self.lab.apply(pool)

    @contextlib.contextmanager
    def load(self, name, script):
        secret = self.lab.url_secret(name, name)
        with self.node.service(NAMESPACE, f"{name}-pool") as address:
            bench = subprocess.Popen([PGBENCH, "-n", "-c", str(CLIENTS), "-T", "3600", "-f", script, "-h", address[0], "-p", str(address[1]),
                                      "-U", secret["username"], secret["dbname"]],
                                     env={"PGPASSWORD": secret["password"], "PATH": "/usr/bin:/bin"},
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                yield
            finally:
                bench.kill()
                bench.wait()

    def sizes(self):
        """Of every pool, as its ConfigMap records it."""
        return [entry["metadata"]["annotations"].get("poolwright.dev/sizes")
                for entry in self.lab.list("configmaps", NAMESPACE) if entry["metadata"]["name"].endswith("-pool")]

    def test_the_backends_never_pass_the_budget(self):
        dice = random.Random(20)
        for name in self.logins:
            self.apply(name, 2, "Fixed")
        for name in self.logins:
            self.lab.wait_for_pool(name, lambda pool: condition(pool, "Ready") == "True")
        kills, resized, before = 0, 0, self.sizes()
        with contextlib.ExitStack() as stack:
            script = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".sql"))
            script.write(SCRIPT)
            script.flush()
            backends = stack.enter_context(BackendCount(self.lab, *self.logins))
            for name in self.logins:
                stack.enter_context(self.load(name, script.name))
            for move in range(1, MOVES + 1):
                self.apply(dice.choice(list(self.logins)), dice.randint(1, LARGEST), dice.choice(("Fixed", "Auto")))
                time.sleep(dice.uniform(0, 2 * PAUSE_SECONDS))
                if move % MOVES_PER_LIFE == 0:
                    self.operator.kill()
                    kills += 1
                    type(self).operator = self.lab.start_operator(name=f"operator-{kills}")
                now = self.sizes()
                resized += sum(a != b for a, b in zip(before, now))
                before = now
            last = backends.samples
            wait_until("the last moves were seen, too", lambda: backends.samples > last + 100, timeout=120)
            highest, samples = backends.highest, backends.samples
        print(f"\n{MOVES} moves, {resized} sizes changed, {kills} kills, {samples} samples: at most {highest} of {BUDGET} backends", flush=True)
        self.assertLessEqual(highest, BUDGET)
        self.assertGreater(highest, BUDGET // 2)
        self.assertGreater(resized, MOVES // 4)


if __name__ == "__main__":
    unittest.main()
