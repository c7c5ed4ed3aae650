"""A person pauses the reconciling of a pool, or asks for it now, by annotations."""

import unittest

from lab import wait_until
from operator_lab import NAMESPACE, OperatorLab, condition, is_current, reason, secret_values

PAUSE = "poolwright.dev/reconcile"
REQUEST = "poolwright.dev/requested-at"


class Annotations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(OperatorLab(postgres=False))
        cls.operator = cls.lab.start_operator("--secrets", "poll")

    def make(self, name):
        self.lab.apply_secret(name, {"username": "app", "password": "first"})
        self.lab.apply(self.manifest(name))
        self.lab.wait_for_pool(name, is_current)

    @staticmethod
    def manifest(name, timeout=120):
        return {"apiVersion": "poolwright.dev/v1alpha1", "kind": "ConnectionPool", "metadata": {"name": name, "namespace": NAMESPACE},
                "spec": {"postgres": {"host": "db.shop.svc", "connectionBudget": {"max": 10000}},
                         "databases": [{"name": "app", "credentialsSecretRef": {"name": name}}],
                         "pgbouncer": {"timeouts": {"queryWaitSeconds": timeout}}}}

    def annotate(self, name, annotation, value=None):
        self.lab.kubectl("-n", NAMESPACE, "annotate", "--overwrite", "cpool", name, f"{annotation}={value}" if value else f"{annotation}-")

    def ini(self, name):
        return self.lab.get("configmap", f"{name}-pool", NAMESPACE)["data"]["pgbouncer.ini"]

    def pause(self, name):
        self.annotate(name, PAUSE, "disabled")
        wait_until("status says so", lambda: reason(self.lab.get_pool(name), "Reconciling") == "Paused", timeout=60)

    def resume(self, name):
        self.annotate(name, PAUSE)
        self.lab.wait_for_pool(name, lambda pool: reason(pool, "Reconciling") != "Paused")

    def await_request(self, name, text):
        self.annotate(name, REQUEST, text)
        wait_until("the request is handled", lambda: self.lab.get_pool(name)["status"].get("lastHandledRequest") == text, timeout=60)

    def test_a_paused_pool_is_not_changed_until_it_is_resumed(self):
        self.make("paused")
        self.pause("paused")
        before = self.ini("paused")
        self.lab.apply(self.manifest("paused", timeout=33))
        self.lab.kubectl("-n", NAMESPACE, "delete", "service", "paused-pool")
        # Another pool that is looked at after these changes, so that this one was, too.
        self.make("other")
        pool = self.lab.get_pool("paused")
        self.assertEqual(self.ini("paused"), before)
        self.assertIsNone(self.lab.get("service", "paused-pool", NAMESPACE))
        self.assertEqual((pool["metadata"]["generation"], pool["status"]["observedGeneration"]), (2, 1))
        self.assertEqual(condition(pool, "Reconciling"), "False")
        self.assertEqual(condition(pool, "Accepted"), "True")
        self.assertIn("paused", pool["status"]["summary"])
        self.resume("paused")
        self.assertIn("query_wait_timeout = 33", self.ini("paused"))
        wait_until("the Service is back", lambda: self.lab.get("service", "paused-pool", NAMESPACE), timeout=60)
        self.assertNotIn("paused", self.lab.get_pool("paused")["status"]["summary"])
        reasons = {event["reason"] for event in self.lab.list("event", NAMESPACE) if event["involvedObject"]["name"] == "paused"}
        self.assertLessEqual({"Paused", "Resumed"}, reasons)

    def test_a_paused_pool_can_be_deleted(self):
        self.make("gone")
        self.pause("gone")
        self.lab.kubectl("-n", NAMESPACE, "delete", "cpool", "gone", "--timeout=60s")
        self.assertIsNone(self.lab.get_pool("gone"))

    def test_a_restarted_operator_keeps_to_the_pause(self):
        self.make("kept")
        self.pause("kept")
        before = self.ini("kept")
        self.operator.stop()
        self.lab.apply(self.manifest("kept", timeout=44))
        type(self).operator = self.lab.start_operator("--secrets", "poll", name="operator-again")
        self.make("later")
        self.assertEqual(self.ini("kept"), before)

    def test_a_request_reads_polled_secrets_at_once_and_is_answered(self):
        self.make("asked")
        self.lab.apply_secret("asked", {"username": "app", "password": "second"})
        self.await_request("asked", "2026-01-01T00:00:00Z")
        self.assertEqual(self.lab.url_secret("asked", "app")["password"], "second")
        self.assertIn('"second"', secret_values(self.lab.get("secret", "asked-pool-userlist", NAMESPACE))["userlist.txt"])

    def test_a_request_of_an_invalid_pool_is_answered(self):
        self.make("broken")
        self.lab.kubectl("-n", NAMESPACE, "patch", "cpool", "broken", "--type=merge", "-p",
                         '{"spec": {"pgbouncer": {"parameters": {"no_such_option": "1"}}}}')
        self.await_request("broken", "now")
        self.assertEqual(condition(self.lab.get_pool("broken"), "Stalled"), "True")

    def test_a_misspelt_pause_is_told(self):
        self.make("misspelt")
        self.annotate("misspelt", PAUSE, "off")

        def told():
            return [event for event in self.lab.list("event", NAMESPACE) if event["reason"] == "InvalidAnnotation"]
        message = wait_until("an event tells", told, timeout=60)[0]["message"]
        self.assertIn('must be disabled or enabled; got "off"', message)


if __name__ == "__main__":
    unittest.main()
