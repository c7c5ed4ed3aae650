"""GitOps tools apply the same manifest again and again: the operator neither fights them nor makes them see a difference."""

import json
import subprocess
import unittest

from lab import wait_until
from operator_lab import NAMESPACE, OperatorLab, is_current

ROUNDS = 36


class Drift(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(OperatorLab(postgres=False))
        cls.lab.apply_secret("app", {"username": "app", "password": "first"})
        cls.manifest = {"apiVersion": "poolwright.dev/v1alpha1", "kind": "ConnectionPool", "metadata": {"name": "steady", "namespace": NAMESPACE},
                        "spec": {"postgres": {"host": "db.shop.svc", "connectionBudget": {"max": 10000}},
                                 "databases": [{"name": "app", "credentialsSecretRef": {"name": "app"}}]}}

    def run_kubectl(self, *arguments):
        """With what it prints for a person, since it may be a conflict."""
        ran = subprocess.run([self.lab.env["KUBECTL"], "--kubeconfig", self.lab.kubeconfig, *arguments], input=json.dumps(self.manifest),
                             capture_output=True, text=True)
        return ran.returncode, ran.stdout + ran.stderr

    def apply_like_argo(self):
        code, text = self.run_kubectl("apply", "--server-side", "--field-manager=argocd-controller", "-f", "-")
        self.assertEqual(code, 0, text)

    def apply_like_a_person(self):
        code, text = self.run_kubectl("apply", "-f", "-")
        self.assertEqual(code, 0, text)

    def test_reapplying_changes_nothing(self):
        self.apply_like_argo()
        self.apply_like_a_person()
        self.lab.start_operator()
        self.lab.wait_for_pool("steady", is_current)
        for number in range(ROUNDS):
            # Something for the operator to do in each round: a new password goes into the user list and the URLs.
            self.lab.apply_secret("app", {"username": "app", "password": f"round-{number}"})
            self.apply_like_argo()
            self.apply_like_a_person()
            code, difference = self.run_kubectl("diff", "-f", "-")
            self.assertEqual((code, difference), (0, ""))
            wait_until("the round was seen", lambda number=number: self.lab.url_secret("steady", "app")["password"] == f"round-{number}",
                       timeout=60)
        pool = self.lab.get_pool("steady")
        self.assertEqual(pool["metadata"]["generation"], 1)
        written = [(event["verb"], event["objectRef"].get("subresource"), event["responseStatus"]["code"])
                   for event in self.lab.operator_writes() if event["objectRef"]["resource"] == "connectionpools"]
        self.assertEqual({subresource for _, subresource, _ in written}, {"status"}, "the operator writes status only")
        # Not those of two writers at one instant, which kubectl tries again: who owns a field must never be in question.
        conflicts = [event["responseStatus"]["message"] for event in self.lab.audit_events()
                     if "Apply failed with" in event.get("responseStatus", {}).get("message", "")]
        self.assertEqual(conflicts, [])
        self.assertNotIn(409, {code for _, _, code in written})

    def test_the_operator_owns_nothing_of_the_spec(self):
        self.apply_like_argo()
        text = self.lab.kubectl("-n", NAMESPACE, "get", "cpool", "steady", "-o", "json", "--show-managed-fields")
        for entry in json.loads(text)["metadata"]["managedFields"]:
            if entry["manager"] not in ("argocd-controller", "kubectl-client-side-apply"):
                self.assertEqual(entry.get("subresource"), "status", entry)


if __name__ == "__main__":
    unittest.main()
