"""Nothing changed, nothing written: counted in the API server's audit log, not by ourselves."""

import unittest

from lab import wait_until
from operator_lab import NAMESPACE, OPERATOR_USER, OperatorLab, is_current

POOLS = 200


class Quiet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(OperatorLab(postgres=False))
        cls.lab.apply_secret("app", {"username": "app", "password": "p"})
        cls.lab.apply({"apiVersion": "v1", "kind": "List", "items": [cls.pool(f"p{n}") for n in range(POOLS)]})

    @staticmethod
    def pool(name):
        return {"apiVersion": "poolwright.dev/v1alpha1", "kind": "ConnectionPool",
                "metadata": {"name": name, "namespace": NAMESPACE},
                "spec": {"postgres": {"host": "db.shop.svc", "connectionBudget": {"max": 10000}},
                         "databases": [{"name": "app", "credentialsSecretRef": {"name": "app"}}]}}

    def pools(self):
        return self.lab.list("connectionpools.poolwright.dev", NAMESPACE)

    def writes(self):
        """Without events: the server that these pools name does not exist, and the monitoring says so."""
        return [event for event in self.lab.operator_writes() if event["objectRef"]["resource"] != "events"]

    def reads(self):
        events = self.lab.audit_events(OPERATOR_USER, ("get",))
        return [event["objectRef"]["resource"] for event in events if "objectRef" in event]

    def settle(self):
        """Returns when every pool has its status and the operator has asked nothing for a while."""
        wait_until("all pools have a status", lambda: all(is_current(pool) for pool in self.pools()), timeout=300, pause=0.5)
        seen = [-1]

        def is_still():
            count = self.lab.operator_requests()
            was, seen[0] = seen[0], count
            return was == count
        wait_until("the operator is still", is_still, timeout=300, pause=3)

    def test_a_resync_of_unchanged_pools_writes_nothing(self):
        operator = self.lab.start_operator()
        self.settle()
        writes = self.writes()
        objects = [event for event in writes if event["objectRef"]["resource"] != "connectionpools"]
        # ServiceAccount, three Secrets, ConfigMap, Service, PodDisruptionBudget, Deployment: each written once.
        self.assertEqual(len(objects), 8 * POOLS)
        # One status each; where the sizing answers later than the first look, its words come with a second one.
        self.assertLessEqual(len(writes), 10 * POOLS)

        self.assertEqual(operator.stop(), 0)
        before, reads = len(self.writes()), len(self.reads())
        requests = self.lab.operator_requests()
        self.lab.start_operator(name="operator-again")
        wait_until("the new operator has looked", lambda: self.lab.operator_requests() > requests + POOLS, timeout=180, pause=0.5)
        self.settle()
        self.assertEqual(self.writes()[before:], [])
        self.assertEqual(set(self.reads()[reads:]) - {"leases"}, {"secrets"}, "all else is known from the watches")


if __name__ == "__main__":
    unittest.main()
