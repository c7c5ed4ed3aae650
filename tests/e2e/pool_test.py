"""The main job on real parts: a ConnectionPool is applied, and what it becomes serves real clients."""

import unittest

from lab import wait_until
from operator_lab import NAMESPACE, OperatorLab, condition, is_current, reason, secret_values

OBJECTS = [("serviceaccount", "orders-pool"), ("secret", "orders-pool-console"), ("secret", "orders-pool-userlist"),
           ("configmap", "orders-pool"), ("secret", "orders-orders-url"), ("service", "orders-pool"),
           ("poddisruptionbudget", "orders-pool"), ("deployment", "orders-pool")]


class SmallestPool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(OperatorLab())
        cls.operator = cls.lab.start_operator()
        cls.lab.apply(cls.lab.pool("orders", [cls.lab.login("orders")]))
        cls.lab.wait_for_pool("orders", is_current)

    def test_every_object_is_there_and_owned(self):
        uid = self.lab.get_pool("orders")["metadata"]["uid"]
        for kind, name in OBJECTS:
            with self.subTest(kind=kind, name=name):
                found = self.lab.get(kind, name, NAMESPACE)
                self.assertIsNotNone(found)
                self.assertEqual(found["metadata"]["ownerReferences"][0]["uid"], uid)

    def test_passwords_are_only_in_secrets(self):
        password = self.lab.url_secret("orders", "orders")["password"]
        self.assertTrue(password)
        for kind in ("configmap", "deployment", "service", "connectionpools.poolwright.dev", "event"):
            self.assertNotIn(password, str(self.lab.list(kind, NAMESPACE)))
        self.assertNotIn(password, self.operator.log)

    def test_drift_is_put_back_and_foreign_fields_stay(self):
        self.lab.kubectl("-n", NAMESPACE, "patch", "service", "orders-pool", "--type=merge", "-p",
                         '{"metadata":{"annotations":{"example.com/note":"kept"}},"spec":{"ports":[{"name":"pgbouncer","port":7777}]}}')
        service = wait_until("the port is put back", lambda: self._service_if_port(6432), timeout=120)
        self.assertEqual(service["metadata"]["annotations"]["example.com/note"], "kept")

    def _service_if_port(self, port):
        service = self.lab.get("service", "orders-pool", NAMESPACE)
        return service if port in [entry["port"] for entry in service["spec"]["ports"]] else None

    def test_a_deleted_child_comes_back(self):
        before = self.lab.get("configmap", "orders-pool", NAMESPACE)["metadata"]["uid"]
        self.lab.kubectl("-n", NAMESPACE, "delete", "configmap", "orders-pool")
        wait_until("the ConfigMap is back", lambda: (self.lab.get("configmap", "orders-pool", NAMESPACE) or
                                                     {"metadata": {"uid": before}})["metadata"]["uid"] != before)

    def test_a_changed_password_is_rendered(self):
        self.lab.apply_secret("orders-app", {"username": "orders_app", "password": "rotated-Password-1"})
        wait_until("the new password is in the URL Secret",
                   lambda: self.lab.url_secret("orders", "orders")["password"] == "rotated-Password-1", timeout=120)
        userlist = secret_values(self.lab.get("secret", "orders-pool-userlist", NAMESPACE))["userlist.txt"]
        self.assertIn("rotated-Password-1", userlist)


class Trouble(unittest.TestCase):
    """What is wrong is said, and what ran before goes on."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(OperatorLab())
        cls.operator = cls.lab.start_operator()

    def ini(self, pool):
        return self.lab.get("configmap", f"{pool}-pool", NAMESPACE)["data"]["pgbouncer.ini"]

    def test_a_missing_secret_is_named_and_the_last_good_state_stays(self):
        login = self.lab.login("billing")
        self.lab.apply(self.lab.pool("billing", [login]))
        self.lab.wait_for_pool("billing", lambda pool: condition(pool, "ResolvedRefs") == "True")
        before = self.ini("billing")
        self.lab.kubectl("-n", NAMESPACE, "delete", "secret", "billing-app")
        pool = self.lab.wait_for_pool("billing", lambda pool: condition(pool, "ResolvedRefs") == "False")
        self.assertEqual(reason(pool, "ResolvedRefs"), "SecretNotFound")
        self.assertIn("billing-app", str(pool["status"]["conditions"]))
        self.assertEqual(condition(pool, "Stalled"), "True")
        self.assertEqual(self.ini("billing"), before)
        self.lab.apply_secret("billing-app", {"username": "billing_app", "password": "x1"})
        self.lab.wait_for_pool("billing", lambda pool: condition(pool, "ResolvedRefs") == "True")

    def test_a_missing_secret_that_only_watches_is_named_and_the_pool_serves(self):
        self.lab.apply(self.lab.pool("watched", [self.lab.login("watched")], monitoring={"redisSecretRef": {"name": "watched-redis"}}))
        pool = self.lab.wait_for_pool("watched", lambda pool: condition(pool, "ResolvedRefs") == "False")
        self.assertEqual(reason(pool, "ResolvedRefs"), "SecretNotFound")
        self.assertIn("spec.monitoring.redisSecretRef", str(pool["status"]["conditions"]))
        self.assertEqual(condition(pool, "Stalled"), "False")
        self.assertIn("watched", self.ini("watched"))
        wait_until("an event tells of it", lambda: ("SecretNotFound", "watched") in [
            (event["reason"], event["regarding"]["name"]) for event in self.lab.list("events.events.k8s.io", NAMESPACE)])
        self.lab.apply_secret("watched-redis", {"url": "redis://127.0.0.1:6379"})
        self.lab.wait_for_pool("watched", lambda pool: condition(pool, "ResolvedRefs") == "True")

    def test_a_half_filled_secret_names_the_key(self):
        self.lab.apply_secret("half-app", {"username": "half"})
        self.lab.apply(self.lab.pool("half", [{"name": "half", "credentialsSecretRef": {"name": "half-app"}}]))
        pool = self.lab.wait_for_pool("half", lambda pool: condition(pool, "ResolvedRefs") == "False")
        self.assertIn('"password"', str(pool["status"]["conditions"]))

    def test_a_foreign_object_of_the_same_name_is_left_alone(self):
        foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "taken-pool", "namespace": NAMESPACE},
                   "data": {"mine": "yes"}}
        self.lab.apply(foreign)
        self.lab.apply(self.lab.pool("taken", [self.lab.login("taken")]))
        pool = self.lab.wait_for_pool("taken", lambda pool: condition(pool, "NameConflict") == "True")
        self.assertIn("ConfigMap shop/taken-pool", str(pool["status"]["conditions"]))
        self.assertEqual(self.lab.get("configmap", "taken-pool", NAMESPACE)["data"], {"mine": "yes"})
        self.assertIsNone(self.lab.get("deployment", "taken-pool", NAMESPACE))

    def test_an_unknown_parameter_is_refused_and_the_last_good_state_stays(self):
        login = self.lab.login("tuned")
        self.lab.apply(self.lab.pool("tuned", [login]))
        self.lab.wait_for_pool("tuned", lambda pool: condition(pool, "Accepted") == "True")
        before = self.ini("tuned")
        self.lab.apply(self.lab.pool("tuned", [login], pgbouncer={"parameters": {"no_such_option": "1"}}))
        pool = self.lab.wait_for_pool("tuned", lambda pool: condition(pool, "Accepted") == "False")
        self.assertEqual(reason(pool, "Stalled"), "InvalidSpec")
        self.assertIn("no_such_option", str(pool["status"]["conditions"]))
        self.assertEqual(self.ini("tuned"), before)

    def test_a_database_that_is_gone_takes_its_secret_along(self):
        first, second = self.lab.login("multi_a"), self.lab.login("multi_b")
        self.lab.apply(self.lab.pool("multi", [first, second]))
        pool = self.lab.wait_for_pool("multi", lambda pool: len(pool["status"].get("databases", [])) == 2)
        secret = pool["status"]["databases"][1]["secretName"]
        self.assertIsNotNone(self.lab.get("secret", secret, NAMESPACE))
        self.lab.apply(self.lab.pool("multi", [first]))
        self.lab.wait_for_pool("multi", lambda pool: len(pool["status"]["databases"]) == 1)
        self.assertIsNone(self.lab.get("secret", secret, NAMESPACE))


if __name__ == "__main__":
    unittest.main()
