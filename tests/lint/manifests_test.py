"""What is derived from other files is current, and the version stands in one place."""

import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERSION = (ROOT / "VERSION").read_text().strip()

sys.path.insert(0, str(ROOT / "scripts"))
import manifests  # noqa: E402  # of the folder that was just put on the path


class Derived(unittest.TestCase):
    def test_everything_is_current(self):
        self.assertEqual([str(path) for path in manifests.stale()], [], "run ./dev manifests")

    def test_copies_have_no_anchors(self):
        for path in ("charts/poolwright/files/crd.yaml", "config/crd/connectionpools.yaml", "config/install.yaml"):
            self.assertIsNone(re.search(r"(: |- )[&*]\w", (ROOT / path).read_text()), path)

    def test_every_value_of_the_chart_is_explained(self):
        rows = manifests.values_table.table(ROOT / "charts/poolwright").splitlines()[2:]
        self.assertGreater(len(rows), 40)
        self.assertEqual([row for row in rows if row.endswith("|  |")], [])

    def test_a_copy_that_is_not_current_is_found(self):
        path = pathlib.Path("charts/poolwright/files/rules.yaml")
        make = manifests.GENERATED[path]
        manifests.GENERATED[path] = lambda: make() + "# more\n"
        self.addCleanup(manifests.GENERATED.__setitem__, path, make)
        self.assertEqual(manifests.stale(), [path])


class Version(unittest.TestCase):
    def test_it_is_semantic(self):
        self.assertRegex(VERSION, r"^\d+\.\d+\.\d+$")

    def test_charts_have_it(self):
        for chart in ("poolwright", "poolwright-pools"):
            text = (ROOT / "charts" / chart / "Chart.yaml").read_text()
            self.assertEqual(re.findall(r"^(?:version|appVersion): (.*)$", text, re.MULTILINE), [VERSION, VERSION], chart)

    def test_the_installed_image_has_it(self):
        self.assertIn(f"image: poolwright/poolwright:{VERSION}\n", (ROOT / "config/install.yaml").read_text())

    def test_no_other_file_names_it(self):
        ran = subprocess.run(["git", "grep", "-lwF", VERSION, "--", "*.md", "*.yaml", "*.sh", "*.py", "*.txt", "*.json", "*Dockerfile", "dev", "images"],
                             cwd=ROOT, capture_output=True, text=True)
        written = {str(path) for path in manifests.GENERATED}
        self.assertEqual([name for name in ran.stdout.split() if name not in written | {"CHANGELOG.md"} and "lock" not in name], [])

    def test_the_program_takes_it_from_the_file(self):
        self.assertIn("VERSION", (ROOT / "CMakeLists.txt").read_text())
        self.assertNotIn(VERSION, (ROOT / "operator/cli/version.h.in").read_text())


if __name__ == "__main__":
    unittest.main()
