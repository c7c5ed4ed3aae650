"""That a real API server takes our CRD, fills in its defaults and refuses what tests/data/bad_pools.yaml says is bad, with the
words of the rule and at the place that it names."""

import base64
import copy
import http.client
import json
import re
import ssl
import sys
import unittest
from pathlib import Path
from typing import Any, Iterator

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from lab import Lab, LabError  # noqa: E402

NAME = "connectionpools.poolwright.dev"
CRD = ROOT / "crds" / "poolwright.dev_connectionpools.yaml"
TABLE = yaml.safe_load((ROOT / "tests" / "data" / "bad_pools.yaml").read_text())
URL = "/apis/poolwright.dev/v1alpha1/namespaces/default/connectionpools?dryRun=All&fieldValidation=Strict"


def merged(target: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def bad_pool(case: dict) -> dict:
    spec = copy.deepcopy(TABLE["base"])
    if "database" in case:
        patches = case["database"] if isinstance(case["database"], list) else [case["database"]]
        spec["databases"] = [merged(spec["databases"][0], patch) for patch in patches]
    return pool("bad", merged(spec, case.get("patch", {})))


def pool(name: str, spec: dict) -> dict:
    return {"apiVersion": "poolwright.dev/v1alpha1", "kind": "ConnectionPool", "metadata": {"name": name, "namespace": "default"},
            "spec": spec}


def messages(schema: Any) -> Iterator[str]:
    """Of all CEL rules."""
    if isinstance(schema, dict):
        yield from (rule["message"] for rule in schema.get("x-kubernetes-validations", []))
        schema = list(schema.values())
    if isinstance(schema, list):
        for inner in schema:
            yield from messages(inner)


def plain_path(text: str) -> str:
    """`labels[team]` of the API server is `labels.team` in our messages."""
    return re.sub(r"\[([A-Za-z][A-Za-z0-9_-]*)\]", r".\1", text)


class CrdTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab(postgres=False))
        cls.lab.apply(CRD)
        cls.lab.crd_established(NAME)
        cls.api = cls.connect()

    @classmethod
    def connect(cls) -> http.client.HTTPSConnection:
        """To the API server as the kubeconfig says: two hundred kubectls would take a minute."""
        config = yaml.safe_load(Path(cls.lab.kubeconfig).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        certificate = cls.lab.dir / "crd_test.pem"
        certificate.touch(mode=0o600)
        certificate.write_bytes(b"".join(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
        tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        tls.load_cert_chain(certificate)
        return http.client.HTTPSConnection(cluster["server"].removeprefix("https://"), context=tls, timeout=30)

    def create(self, body: dict) -> str | None:
        """None, or why the API server refuses."""
        self.api.request("POST", URL, json.dumps(body), {"Content-Type": "application/json"})
        response = self.api.getresponse()
        answer = json.loads(response.read())
        return None if response.status == 201 else answer["message"]

    def test_the_schema_is_structural(self):
        conditions = {c["type"]: c["status"] for c in self.lab.get("crd", NAME)["status"]["conditions"]}
        self.assertEqual(conditions.get("Established"), "True")
        self.assertNotEqual(conditions.get("NonStructuralSchema"), "True")

    def test_samples_are_accepted(self):
        samples = sorted(set((ROOT / "config" / "samples").glob("*.yaml")) - {ROOT / "config/samples/kustomization.yaml"})
        self.assertGreaterEqual(len(samples), 3)
        for sample in samples:
            self.lab.kubectl("create", "--dry-run=server", "--validate=strict", "-f", str(sample))

    def test_bad_pools_are_refused(self):
        rules = set(messages(yaml.safe_load(CRD.read_text())))
        said = set()
        for case in TABLE["cases"]:
            with self.subTest(case["name"]):
                text = self.create(bad_pool(case))
                if case.get("server") is False:
                    self.assertIsNone(text)
                    continue
                self.assertIsNotNone(text)
                self.assertIn(case["path"], plain_path(text))
                words = case.get("server-words", case["words"])
                if words in rules or "server-words" in case:
                    self.assertIn(words, text)
                    said.add(words)
        self.assertEqual(rules - said, set(), "rules of the CRD without a case in the table")

    def test_nothing_looks_healthy_before_it_was_seen(self):
        self.lab.apply(pool("fresh", TABLE["base"]))
        conditions = {c["type"]: (c["status"], c["reason"]) for c in self.lab.get("cpool", "fresh")["status"]["conditions"]}
        self.assertEqual(conditions, {kind: ("Unknown", "Pending") for kind in ("Accepted", "ResolvedRefs", "Programmed", "Ready")})
        row = self.lab.kubectl("get", "poolwright", "-n", "default").splitlines()
        self.assertEqual(row[0].split(), ["NAME", "READY", "REASON", "PODS", "SIZE", "MAX", "UTIL%", "AGE"])
        self.assertEqual(row[1].split()[:3], ["fresh", "Unknown", "Pending"])

    def test_replicas_are_scaled_through_the_scale_subresource(self):
        self.lab.apply(pool("scaled", TABLE["base"]))
        self.lab.kubectl("scale", "cpool/scaled", "-n", "default", "--replicas=5")
        self.assertEqual(self.lab.get("cpool", "scaled")["spec"]["pgbouncer"]["replicas"], 5)
        with self.assertRaisesRegex(LabError, "must not be above the poolSize.max"):
            self.lab.kubectl("scale", "cpool/scaled", "-n", "default", "--replicas=26")
        status = {"status": {"replicas": 5, "selector": "a=b"}}
        self.lab.kubectl("patch", "cpool/scaled", "-n", "default", "--subresource=status", "--type=merge", "-p", json.dumps(status))
        scale = json.loads(self.lab.kubectl("get", "--raw", URL.split("?")[0] + "/scaled/scale"))
        self.assertEqual(scale["status"], {"replicas": 5, "selector": "a=b"})


if __name__ == "__main__":
    unittest.main()
