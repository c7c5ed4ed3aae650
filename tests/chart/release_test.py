"""What ./dev release makes: the same bytes each time, charts that Helm takes, a bill of materials that is whole."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

import yaml

from charts import ROOT, find, helm, helm_program
from operator_lab import BINARY

VERSION = (ROOT / "VERSION").read_text().strip()


def release(out: str) -> dict[str, bytes]:
    subprocess.run([sys.executable, ROOT / "scripts/release.py", "--out", out, "--binary", BINARY], check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in Path(out).iterdir()}


class Release(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.files = release(cls.folder)

    def test_it_is_whole(self):
        names = {name for name in self.files if "linux" not in name}
        self.assertEqual(names, {f"poolwright-{VERSION}.tgz", f"poolwright-pools-{VERSION}.tgz", "install.yaml",
                                 f"poolwright-{VERSION}.spdx.json", "SHA256SUMS"})
        self.assertEqual(len(self.files), 6)

    def test_twice_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as again:
            self.assertEqual(release(again), self.files)

    def test_checksums_are_right(self):
        listed = dict(reversed(line.split("  ")) for line in self.files["SHA256SUMS"].decode().splitlines())
        self.assertEqual(listed, {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items() if name != "SHA256SUMS"})

    def test_helm_takes_the_charts(self):
        helm_program()
        for name in ("poolwright", "poolwright-pools"):
            file = f"{self.folder}/{name}-{VERSION}.tgz"
            self.assertIn(f"version: {VERSION}\n", helm("show", "chart", file))
            self.assertEqual(helm("template", "x", file, "-n", "y"), helm("template", "x", ROOT / "charts" / name, "-n", "y"))

    def test_one_version_everywhere(self):
        image = find(list(yaml.safe_load_all(self.files["install.yaml"])), "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"]
        self.assertTrue(image.endswith(f":{VERSION}"), image)
        self.assertEqual(subprocess.run([BINARY, "version"], capture_output=True, text=True).stdout, f"poolwright {VERSION}\n")

    def test_the_program_is_in_its_archive(self):
        name = next(name for name in self.files if "linux" in name)
        with tarfile.open(fileobj=io.BytesIO(self.files[name])) as packed:
            entry = packed.getmember(f"poolwright-{VERSION}/poolwright")
            self.assertEqual(entry.mode, 0o755)
            self.assertEqual(packed.extractfile(entry).read(), Path(BINARY).read_bytes())

    def test_the_bill_of_materials_names_every_library(self):
        bill = json.loads(self.files[f"poolwright-{VERSION}.spdx.json"])
        self.assertEqual((bill["spdxVersion"], bill["dataLicense"]), ("SPDX-2.3", "CC0-1.0"))
        names = [package["name"] for package in bill["packages"]]
        for wanted in ("poolwright", "libc6", "libstdc++6", "libpq5", "libssl3", "libyaml-cpp0.7", "nlohmann-json3-dev"):
            self.assertIn(wanted, names)
        ids = [package["SPDXID"] for package in bill["packages"]]
        self.assertEqual(len(ids), len(set(ids)))
        for relation in bill["relationships"]:
            self.assertIn(relation["relatedSpdxElement"], ids)
        self.assertEqual({relation["relatedSpdxElement"] for relation in bill["relationships"]}, set(ids))


if __name__ == "__main__":
    unittest.main()
