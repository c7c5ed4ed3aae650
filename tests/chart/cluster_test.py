"""The charts on a real API server with real controllers: Helm's verbs, the rights of what is installed, and the operator itself with
exactly these rights and arguments. The nodes are fake: pods become ready and run nothing."""

import json
import os
import shutil
import ssl
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from charts import NAMESPACE, OPERATOR, POOLS, ROOT, HelmError, helm, helm_program, render, values_arguments
from lab import Lab, free_port, wait_until
from operator_lab import BINARY, is_current

ACCOUNT = f"system:serviceaccount:{NAMESPACE}:poolwright"
READER = {"kind": "ServiceAccount", "name": "prometheus", "namespace": "other"}
CRD = "connectionpools.poolwright.dev"


def setUpModule():
    helm_program()


class ChartLab(Lab):
    """With namespaces, of which that of the operator admits only restricted pods."""

    def __init__(self):
        super().__init__(postgres=False, controllers=True, nodes=2, audit=True)

    def __enter__(self):
        super().__enter__()
        self.make_namespace(NAMESPACE, {"pod-security.kubernetes.io/enforce": "restricted"})
        for name in ("shop", "other"):
            self.make_namespace(name)
        return self

    def make_namespace(self, name, labels=None):
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}})

    def helm(self, *arguments):
        return helm(*arguments, kubeconfig=self.kubeconfig)

    def install(self, chart=OPERATOR, release="poolwright", namespace=NAMESPACE, **values):
        self.helm("upgrade", "--install", release, chart, "-n", namespace, "--wait", "--timeout", "120s", *values_arguments(values))
        self.crd_established(CRD)

    def uninstall(self, release="poolwright", namespace=NAMESPACE):
        self.helm("uninstall", release, "-n", namespace, "--wait", "--timeout", "120s")

    def deployment(self):
        return self.get("deployment", "poolwright", NAMESPACE)

    def start_as_installed(self, name):
        """The program with the arguments, environment and rights of the installed Deployment."""
        container = self.deployment()["spec"]["template"]["spec"]["containers"][0]
        environment = {one["name"]: one.get("value") or {"POD_NAME": name, "POD_NAMESPACE": NAMESPACE}[one["name"]] for one in container["env"]}
        kubeconfig = self.kubeconfig_of_service_account(NAMESPACE, "poolwright")
        return self.start(name, [BINARY, *container["args"], "--kubeconfig", kubeconfig], env=environment)

    def may(self, verb, resource, namespace="", user=ACCOUNT):
        where = ["-n", namespace] if namespace else ["--all-namespaces"]
        resource, _, subresource = resource.partition("/")
        where += [f"--subresource={subresource}"] if subresource else []
        ran = subprocess.run([self.env["KUBECTL"], "--kubeconfig", self.kubeconfig, "auth", "can-i", verb, resource, *where, "--as", user],
                             capture_output=True, text=True)
        return {"yes": True, "no": False}[ran.stdout.split()[0]]

    def refused(self, first=0):
        """What the API server has forbidden to the operator, from the given audit event on."""
        return [(event["verb"], event["objectRef"].get("resource"), event["objectRef"].get("namespace"))
                for event in self.audit_events(ACCOUNT)[first:] if event.get("responseStatus", {}).get("code") in (401, 403)]


class Releases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(ChartLab())

    def tearDown(self):
        self.lab.kubectl("delete", "cpool", "--all", "--all-namespaces", "--ignore-not-found") if self.has_crd() else None
        for release in json.loads(self.lab.helm("list", "--all", "--all-namespaces", "-o", "json")):
            self.lab.uninstall(release["name"], release["namespace"])

    def has_crd(self):
        return self.lab.get("crd", CRD) is not None

    def revision(self):
        return json.loads(self.lab.helm("status", "poolwright", "-n", NAMESPACE, "-o", "json"))["version"]

    def test_install_upgrade_rollback_uninstall(self):
        self.lab.install()
        pods = self.lab.list("pod", NAMESPACE)
        self.assertEqual(len(pods), 2, "admitted by the restricted profile and scheduled")
        self.assertIn("port-forward service/poolwright 8443", self.lab.helm("get", "notes", "poolwright", "-n", NAMESPACE))
        self.lab.install(replicas=3, log={"level": "debug"})
        self.assertEqual(self.lab.deployment()["status"]["readyReplicas"], 3)
        self.lab.helm("rollback", "poolwright", "1", "-n", NAMESPACE, "--wait", "--timeout", "120s")
        self.assertEqual(self.revision(), 3)
        self.assertEqual(self.lab.deployment()["spec"]["replicas"], 2)
        self.assertIn("--log-level=info", self.lab.deployment()["spec"]["template"]["spec"]["containers"][0]["args"])
        self.lab.install(POOLS, "pools", "shop", pools={"orders": {"spec": PoolFile.spec}})
        self.lab.uninstall()
        self.assertIsNone(self.lab.deployment())
        self.assertTrue(self.has_crd(), "kept")
        self.assertEqual(len(self.lab.list("cpool", "shop")), 1, "a pool outlives the operator")
        # The CRD that was kept is taken over by the next install.
        self.lab.install()
        self.assertEqual(len(self.lab.list("cpool", "shop")), 1)

    def test_an_upgrade_brings_the_new_crd(self):
        with tempfile.TemporaryDirectory() as folder:
            older = Path(folder) / "poolwright"
            shutil.copytree(OPERATOR, older)
            crd = yaml.safe_load((older / "files/crd.yaml").read_text())
            del crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["lastHandledRequest"]
            (older / "files/crd.yaml").write_text(yaml.safe_dump(crd))
            self.lab.install(older)
        stored = self.lab.get("crd", CRD)
        self.assertNotIn("lastHandledRequest", json.dumps(stored))
        self.lab.install()
        self.assertIn("lastHandledRequest", json.dumps(self.lab.get("crd", CRD)["spec"]))

    def test_without_keep_the_crd_goes(self):
        self.lab.install(crds={"keep": False})
        self.lab.uninstall()
        wait_until("the CRD is gone", lambda: not self.has_crd())

    def test_a_pod_that_is_not_restricted_is_refused(self):
        """The namespace of these tests really enforces the profile."""
        with self.assertRaises(HelmError):
            self.lab.helm("upgrade", "--install", "poolwright", OPERATOR, "-n", NAMESPACE, "--wait", "--timeout", "5s",
                          *values_arguments({"securityContext": {"allowPrivilegeEscalation": True}}))

    def test_the_server_accepts_every_object(self):
        self.lab.install()
        for values in ({}, {"watchNamespaces": ["shop", "other"], "secrets": "poll"},
                       {"dashboard": {"enabled": True}, "commonLabels": {"a": "b"}, "commonAnnotations": {"c": "d"}, "priorityClassName":
                        "system-cluster-critical", "tolerations": [{"operator": "Exists"}], "replicas": 10}):
            objects = [one for one in render(**values) if not one["apiVersion"].startswith("monitoring.coreos.com")]
            self.lab.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-",
                             stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


class Rights(unittest.TestCase):
    """Asked of the API server, for the account that is installed."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(ChartLab())

    def tearDown(self):
        self.lab.uninstall()

    def expect(self, allowed, *questions):
        for verb, resource, namespace in questions:
            with self.subTest(verb=verb, resource=resource, namespace=namespace):
                self.assertEqual(self.lab.may(verb, resource, namespace), allowed)

    def test_cluster_wide(self):
        self.lab.install()
        self.expect(True, ("list", CRD, ""), ("patch", f"{CRD}/status", "shop"), ("watch", "secrets", ""), ("create", "deployments.apps", "shop"),
                    ("update", "leases.coordination.k8s.io", NAMESPACE))
        self.expect(False, ("patch", CRD, "shop"), ("update", CRD, "shop"), ("create", CRD, "shop"), ("delete", CRD, "shop"),
                    ("create", "pods", "shop"), ("create", "pods/exec", "shop"), ("delete", "pods", "shop"), ("create", "clusterroles", ""),
                    ("create", "rolebindings", "shop"), ("impersonate", "users", ""), ("get", "nodes", ""), ("list", "namespaces", ""),
                    ("update", "leases.coordination.k8s.io", "shop"), ("create", "serviceaccounts/token", "shop"), ("update", "secrets", "shop"))

    def test_polled_secrets_are_only_read_by_name(self):
        self.lab.install(secrets="poll")
        self.expect(True, ("get", "secrets", "shop"), ("create", "secrets", "shop"))
        self.expect(False, ("list", "secrets", "shop"), ("watch", "secrets", "shop"), ("list", "secrets", ""), ("watch", "secrets", ""))

    def test_named_namespaces_only(self):
        self.lab.install(watchNamespaces=["shop"])
        self.expect(True, ("get", "secrets", "shop"), ("list", CRD, "shop"), ("patch", "configmaps", "shop"))
        for namespace in ("other", NAMESPACE, "kube-system", ""):
            self.expect(False, ("get", "secrets", namespace), ("list", "secrets", namespace), ("create", "secrets", namespace),
                        ("list", CRD, namespace), ("patch", "configmaps", namespace), ("create", "deployments.apps", namespace))
        self.expect(True, ("update", "leases.coordination.k8s.io", NAMESPACE))

    def test_users_with_the_cluster_s_roles(self):
        self.lab.install()
        for role in ("view", "edit", "admin"):
            self.lab.kubectl("-n", "shop", "create", "rolebinding", f"{role}-of-shop", f"--clusterrole={role}", f"--user={role}")
        # The cluster joins the roles in its own time.
        wait_until("the roles are joined", lambda: self.lab.may("get", CRD, "shop", "view") and self.lab.may("patch", CRD, "shop", "edit"))
        self.assertFalse(self.lab.may("patch", CRD, "shop", "view"))
        self.assertTrue(self.lab.may("delete", CRD, "shop", "admin"))
        self.assertTrue(self.lab.may("patch", f"{CRD}/scale", "shop", "edit"))
        self.assertFalse(self.lab.may("patch", f"{CRD}/status", "shop", "admin"), "status is the operator's")
        self.assertFalse(self.lab.may("get", CRD, "other", "admin"))


class PoolFile:
    """A pool whose server does not exist: the operator makes all its objects, the fake pods answer nothing."""

    spec = {"postgres": {"host": "db.shop.svc"},
            "databases": [{"name": "orders", "credentialsSecretRef": {"name": "app"}, "application": {"instancesFrom": {"name": "web"}}},
                          {"name": "billing", "credentialsSecretRef": {"name": "app"}}],
            "pgbouncer": {"networkPolicy": True}}
    without_secret = spec | {"databases": [{"name": "orders", "credentialsSecretRef": {"name": "missing"}}]}
    smaller = spec | {"databases": spec["databases"][:1], "pgbouncer": {"disruptionBudget": {"enabled": False}}}


class TheOperatorAsInstalled(unittest.TestCase):
    """Arguments that the program does not know, or a right that it lacks, end here."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(ChartLab())
        for namespace in ("shop", "other"):
            cls.lab.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app", "namespace": namespace},
                           "stringData": {"username": "app", "password": "first"}})
            cls.lab.kubectl("-n", namespace, "create", "deployment", "web", "--image=none", "--replicas=3")
        cls.lab.kubectl("-n", "other", "create", "serviceaccount", "prometheus")

    def pool(self, namespace):
        return self.lab.get(CRD, "orders", namespace)

    def await_pool(self, what, holds):
        wait_until(what, lambda: is_current(self.pool("shop")) and holds(self.pool("shop")["status"]), timeout=120, pause=0.3)

    def lives_through_a_pool(self, name, **values):
        port = free_port()
        self.lab.install(web={"port": port}, rbac={"readers": [READER]}, **values)
        before = len(self.lab.audit_events(ACCOUNT))
        operator = self.lab.start_as_installed(name)
        self.probes_and_readers_are_answered(port)
        self.lab.install(POOLS, "pools", "shop", pools={"orders": {"spec": PoolFile.without_secret}})
        wait_until("an event tells of the Secret", lambda: "SecretNotFound" in [one["reason"] for one in self.lab.list("event", "shop")],
                   timeout=60)
        self.lab.install(POOLS, "pools", "shop", pools={"orders": {"spec": PoolFile.spec}})
        self.await_pool("the pool has two databases", lambda status: len(status.get("databases", [])) == 2)
        self.assertIsNotNone(self.lab.get("networkpolicy", "orders-pool", "shop"))
        self.lab.install(POOLS, "pools", "shop", pools={"orders": {"spec": PoolFile.smaller}})
        self.await_pool("the pool has one database", lambda status: len(status.get("databases", [])) == 1)
        wait_until("what is not wanted is gone", lambda: not self.lab.get("networkpolicy", "orders-pool", "shop")
                   and not self.lab.get("poddisruptionbudget", "orders-pool", "shop"), timeout=60)
        self.assertTrue(operator.is_running, operator.log)
        self.lab.uninstall("pools", "shop")
        wait_until("the pool's objects are gone", lambda: not self.lab.get("deployment", "orders-pool", "shop"), timeout=60)
        self.assertEqual(operator.stop(), 0, operator.log)
        self.assertEqual(self.lab.refused(before), [])
        self.the_test_pod_succeeds(name)
        self.lab.kubectl("-n", "shop", "delete", "event", "--all")
        self.lab.uninstall()

    def the_test_pod_succeeds(self, name):
        """`helm test` itself needs a node that runs pods: tests/e2e/chart_node_test.py."""
        pod = next(yaml.safe_load_all(self.lab.helm("get", "hooks", "poolwright", "-n", NAMESPACE)))
        kubeconfig = self.lab.kubeconfig_of_service_account(NAMESPACE, "poolwright")
        for container in pod["spec"]["containers"]:
            ran = subprocess.run([BINARY, *container["args"], "--kubeconfig", kubeconfig], capture_output=True, text=True)
            self.assertEqual(ran.returncode, 0, f"{name}: {ran.stderr}")

    def probes_and_readers_are_answered(self, port):
        container = self.lab.deployment()["spec"]["template"]["spec"]["containers"][0]
        for probe in ("livenessProbe", "readinessProbe"):
            get = container[probe]["httpGet"]
            wait_until(f"{probe} succeeds", lambda: self.answer(port, get["path"], scheme=get["scheme"].lower()) == 200, timeout=60, pause=0.3)
        self.assertEqual(self.answer(port, "/metrics"), 401)
        for account, code in (("prometheus", 200), ("default", 403)):
            token = self.lab.kubectl("-n", "other", "create", "token", account).strip()
            self.assertEqual(self.answer(port, "/metrics", token), code, account)

    @staticmethod
    def answer(port, path, token="", scheme="https"):
        """The code that the web server answers with; 0 while it does not."""
        request = urllib.request.Request(f"{scheme}://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"} if token else {})
        unchecked = ssl._create_unverified_context()
        try:
            with urllib.request.urlopen(request, timeout=10, context=unchecked if scheme == "https" else None) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return 0

    def test_cluster_wide(self):
        self.lives_through_a_pool("cluster-wide")

    def test_named_namespaces_and_polled_secrets(self):
        self.lives_through_a_pool("named", watchNamespaces=["shop"], secrets="poll")

    def test_a_missing_right_is_noticed(self):
        self.lab.install(web={"port": free_port()})
        self.lab.kubectl("patch", "clusterrole", "poolwright", "--type=json", "-p", '[{"op": "remove", "path": "/rules/0"}]')
        before = len(self.lab.audit_events(ACCOUNT))
        operator = self.lab.start_as_installed("lacking")
        wait_until("the API server has refused something", lambda: self.lab.refused(before), timeout=60)
        operator.stop()
        self.lab.uninstall()


class Kustomize(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab(postgres=False, controllers=True, nodes=1))

    def kustomize(self, folder):
        ran = subprocess.run([self.lab.env["KUBECTL"], "kustomize", ROOT / folder], capture_output=True, text=True, check=True)
        return list(yaml.safe_load_all(ran.stdout))

    @staticmethod
    def by_name(objects):
        return {(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]): one for one in objects}

    def test_the_one_file_is_what_kustomize_makes(self):
        stored = list(yaml.safe_load_all((ROOT / "config/install.yaml").read_text()))
        self.assertEqual(self.by_name(self.kustomize("config/default")), self.by_name(stored))

    def test_it_installs_with_the_samples(self):
        self.lab.kubectl("apply", "--server-side", "-f", str(ROOT / "config/install.yaml"))
        self.lab.crd_established(CRD)
        self.lab.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/poolwright", "--timeout=120s")
        self.lab.kubectl("apply", "--server-side", "-k", str(ROOT / "config/samples"))
        self.assertEqual(len(self.lab.list("cpool")), 3)

    def test_the_server_reads_the_copy_of_the_crd_as_the_original(self):
        specs = []
        for file in ("crds/poolwright.dev_connectionpools.yaml", "config/crd/connectionpools.yaml"):
            text = self.lab.kubectl("create", "--dry-run=server", "-o", "json", "-f", str(ROOT / file)) if not self.lab.get("crd", CRD) \
                else self.lab.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-o", "json", "-f", str(ROOT / file))
            specs.append(json.loads(text)["spec"])
        self.assertEqual(specs[0], specs[1])


if __name__ == "__main__":
    os.chdir(ROOT)
    unittest.main()
