"""The operator is killed, the API server goes away, the leader changes: the end state is always the same."""

import base64
import http.server
import json
import re
import ssl
import subprocess
import threading
import unittest

from lab import free_port, wait_until
from operator_lab import NAMESPACE, OPERATOR_USER, OperatorLab, condition, is_current

KINDS = ("serviceaccount", "secret", "configmap", "service", "poddisruptionbudget", "deployment")


class Webhook:
    """Sees every write before it is stored. Armed with n, it lets n writes of the operator pass, and at the next one kills the
    operator and refuses: so exactly n writes happened."""

    def __init__(self, lab):
        self._lab, self._lock = lab, threading.Lock()
        self._left, self._victim = None, None
        self.fired = threading.Event()
        folder = lab.dir / "webhook"
        folder.mkdir()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=webhook", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key", "-out",
                        folder / "crt"], check=True, capture_output=True)
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                allowed = webhook.decide(review["request"])
                answer = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                                     "response": {"uid": review["request"]["uid"], "allowed": allowed}}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                """Nothing: a killed operator breaks connections, and that is the point."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "crt", folder / "key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._register((folder / "crt").read_bytes())

    def _register(self, certificate):
        rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE", "DELETE"], "resources": ["*/*"]}
        self._lab.apply({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                         "metadata": {"name": "crash"}, "webhooks": [{
                             "name": "crash.poolwright.dev", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                             "failurePolicy": "Fail", "timeoutSeconds": 10, "rules": [rule],
                             "clientConfig": {"url": f"https://127.0.0.1:{self._server.server_port}/",
                                              "caBundle": base64.b64encode(certificate).decode()}}]})

    def arm(self, writes, victim):
        with self._lock:
            self._left, self._victim = writes, victim
            self.fired.clear()

    def decide(self, request):
        if request["userInfo"]["username"] != OPERATOR_USER:
            return True
        with self._lock:
            if self._left is None:
                return True
            if self._left > 0:
                self._left -= 1
                return True
            if not self.fired.is_set():
                self._victim.kill()
                self.fired.set()
            return False

    def disarm(self):
        with self._lock:
            self._left = None

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def normal(value, name):
    """What two runs have to agree in: without generated logins, what follows from them, and what the API server adds."""
    text = json.dumps(value, sort_keys=True).replace(name, "NAME")
    text = re.sub(r"[0-9a-f]{64}|poolwright-(users-)?[0-9a-f]{16}", "HASH", text)
    value = json.loads(text)
    metadata = value["metadata"]
    for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"):
        metadata.pop(field, None)
    metadata["ownerReferences"][0].pop("uid")
    value.pop("status", None)
    if value["kind"] == "Secret":
        value["data"] = sorted(value["data"])
    if value["kind"] == "Service":
        for field in ("clusterIP", "clusterIPs"):
            value["spec"].pop(field, None)
    return value


class Recovery(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(OperatorLab(postgres=False))
        cls.lab.apply_secret("app", {"username": "app", "password": "p"})

    def apply(self, name, **spec):
        self.lab.apply({"apiVersion": "poolwright.dev/v1alpha1", "kind": "ConnectionPool",
                        "metadata": {"name": name, "namespace": NAMESPACE},
                        "spec": {"postgres": {"host": "db.shop.svc", "connectionBudget": {"max": 10000}},
                                 "databases": [{"name": "app", "credentialsSecretRef": {"name": "app"}}]} | spec})

    def children(self, name):
        found = {}
        for kind in KINDS:
            for item in self.lab.list(kind, NAMESPACE):
                owners = item["metadata"].get("ownerReferences", [])
                if owners and owners[0]["name"] == name:
                    found[f"{kind}/{item['metadata']['name'].replace(name, 'NAME')}"] = normal(item, name)
        return found

    def done(self, name):
        return self.lab.wait_for_pool(name, lambda pool: condition(pool, "Accepted") == "True" and is_current(pool))

    def test_killed_after_each_single_write_the_end_state_is_the_same(self):
        operator = self.lab.start_operator(name="undisturbed")
        self.apply("calm")
        self.done("calm")
        reference = self.children("calm")
        writes = len([event for event in self.lab.operator_writes() if event["objectRef"].get("name", "").startswith("calm")])
        self.assertEqual(operator.stop(), 0)
        self.assertGreaterEqual(writes, 9)

        webhook = Webhook(self.lab)
        self.addCleanup(webhook.close)
        self.addCleanup(self.lab.kubectl, "delete", "validatingwebhookconfiguration", "crash")
        for count in range(writes):
            with self.subTest(writes=count):
                self.check_killed_after(count, webhook, reference)

    def check_killed_after(self, count, webhook, reference):
        name = f"crash{count}"
        victim = self.lab.start_operator(name=f"victim-{count}")
        webhook.arm(count, victim)
        self.apply(name)
        self.assertTrue(webhook.fired.wait(180), "the operator wrote less than in the undisturbed run")
        webhook.disarm()
        again = self.lab.start_operator(name=f"again-{count}")
        self.done(name)
        self.assertEqual(again.stop(), 0)
        self.assertEqual(self.children(name), reference)

    def test_the_api_server_is_restarted(self):
        operator = self.lab.start_operator(name="restart")
        self.apply("restart")
        self.done("restart")
        self.lab.kill_apiserver()
        self.lab.start_apiserver()
        self.apply("restart", pgbouncer={"maxClientConnections": 300})
        wait_until("the change is rendered", lambda: "max_client_conn = 310" in self.ini("restart"), timeout=180)
        self.assertTrue(operator.is_running)
        self.assertEqual(operator.stop(), 0)

    def ini(self, name):
        return self.lab.get("configmap", f"{name}-pool", NAMESPACE)["data"]["pgbouncer.ini"]

    def test_the_standby_takes_over_and_two_never_work_at_once(self):
        first = self.lab.start_operator(name="first", leader_election=True)
        wait_until("the first one leads", lambda: "leadership_gained" in first.log)
        second = self.lab.start_operator(name="second", leader_election=True)
        self.apply("led")
        self.done("led")
        self.assertNotIn("leadership_gained", second.log)
        first.kill()
        wait_until("the second one leads", lambda: "leadership_gained" in second.log, timeout=180)
        self.apply("led", pgbouncer={"maxClientConnections": 300})
        wait_until("the change is rendered", lambda: "max_client_conn = 310" in self.ini("led"), timeout=180)
        # Asked to end, it gives the lease back: nobody has to wait for its end.
        self.assertEqual(second.stop(), 0)
        lease = self.lab.get("lease", "poolwright", "poolwright-system")
        self.assertFalse(lease["spec"].get("holderIdentity"))


if __name__ == "__main__":
    unittest.main()
