"""GitOps tools apply the same manifest again and again: the operator neither fights them nor makes them see a difference."""

import json
import subprocess
import unittest

from lab import wait_until
from operator_lab import NAMESPACE, OperatorLab, is_current
from sizing_test import QUICK, SMALL, SizingCase, entry

ROUNDS = 36


class Applier:
    """Applies one manifest the way that tools and people do, and knows what they would complain about."""

    def __init__(self, case: unittest.TestCase, lab: OperatorLab, manifest: dict):
        self._case, self._lab, self._manifest = case, lab, manifest
        self._since = len(lab.audit_events())

    def _run(self, *arguments: str) -> tuple[int, str]:
        ran = subprocess.run([self._lab.env["KUBECTL"], "--kubeconfig", self._lab.kubeconfig, *arguments], input=json.dumps(self._manifest),
                             capture_output=True, text=True)
        return ran.returncode, ran.stdout + ran.stderr

    def round(self) -> None:
        for how in (["apply", "--server-side", "--field-manager=argocd-controller"], ["apply"]):
            code, text = self._run(*how, "-f", "-")
            self._case.assertEqual(code, 0, text)

    def check_round(self) -> None:
        self._case.assertEqual(self._run("diff", "-f", "-"), (0, ""))

    def check_all(self) -> None:
        name = self._manifest["metadata"]["name"]
        self._case.assertEqual(self._lab.get_pool(name)["metadata"]["generation"], 1)
        written = [(event["objectRef"].get("subresource"), event["responseStatus"]["code"]) for event in self._lab.operator_writes()
                   if event["objectRef"]["resource"] == "connectionpools"]
        self._case.assertEqual({subresource for subresource, _ in written}, {"status"}, "the operator writes status only")
        self._case.assertNotIn(409, {code for _, code in written})
        # Not conflicts of two writers at one instant, which kubectl tries again: who owns a field must never be in question.
        conflicts = [event["responseStatus"]["message"] for event in self._lab.audit_events()[self._since:]
                     if "Apply failed with" in event.get("responseStatus", {}).get("message", "")]
        self._case.assertEqual(conflicts, [])

    def owners(self) -> set[tuple[str, str]]:
        text = self._lab.kubectl("-n", NAMESPACE, "get", "cpool", self._manifest["metadata"]["name"], "-o", "json", "--show-managed-fields")
        return {(entry["manager"], entry.get("subresource", "")) for entry in json.loads(text)["metadata"]["managedFields"]}


class WhilePasswordsChange(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(OperatorLab(postgres=False))
        cls.lab.apply_secret("app", {"username": "app", "password": "first"})

    def test_reapplying_changes_nothing(self):
        pool = {"apiVersion": "poolwright.dev/v1alpha1", "kind": "ConnectionPool", "metadata": {"name": "steady", "namespace": NAMESPACE},
                "spec": {"postgres": {"host": "db.shop.svc", "connectionBudget": {"max": 10000}},
                         "databases": [{"name": "app", "credentialsSecretRef": {"name": "app"}}]}}
        applier = Applier(self, self.lab, pool)
        applier.round()
        self.lab.start_operator()
        self.lab.wait_for_pool("steady", is_current)
        for number in range(ROUNDS):
            # Something for the operator to do in each round: a new password goes into the user list and the URLs.
            self.lab.apply_secret("app", {"username": "app", "password": f"round-{number}"})
            applier.round()
            applier.check_round()
            wait_until("the round was seen", lambda number=number: self.lab.url_secret("steady", "app")["password"] == f"round-{number}",
                       timeout=60)
        applier.check_all()
        self.assertEqual(applier.owners(), {("argocd-controller", ""), ("kubectl-client-side-apply", ""), ("poolwright", "status")})


class WhileSizesMove(SizingCase):
    def test_reapplying_does_not_fight_the_sizing(self):
        pool = self.lab.pool("moving", [self.lab.login("moving") | {"poolSize": SMALL, "reservePoolSize": 0}],
                             pgbouncer={"replicas": 1, "version": "1.24"}, sizing=QUICK)
        pool["spec"]["postgres"]["connectionBudget"] = {"max": 1000}
        applier = Applier(self, self.lab, pool)
        applier.round()
        self.addCleanup(self.remove, "moving")
        self.lab.wait_for_pool("moving", lambda pool: "size" in entry(pool) and entry(pool)["size"] == SMALL["initial"])
        self.lab.wait_for_pool("moving", lambda pool: pool["status"].get("podsReady") == "1/1")
        sizes = set()

        def rounds(count):
            for _ in range(count):
                applier.round()
                applier.check_round()
                sizes.add(entry(self.lab.get_pool("moving"))["size"])
        with self.load("moving", 20, seconds=300):
            rounds(ROUNDS // 2)
            sizes.add(entry(self.lab.wait_for_pool("moving", lambda pool: entry(pool)["size"] >= 10, timeout=60))["size"])
        rounds(ROUNDS - ROUNDS // 2)
        self.assertGreater(len(sizes), 1, "the sizes really moved")
        self.assertGreaterEqual(max(sizes), 10)
        applier.check_all()


if __name__ == "__main__":
    unittest.main()
