"""The page in a real browser, with 500 pools."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from monitoring_parts import ROOT, program, serve_fixture, web_modules
from fixture import TOKEN, Fixture

POOLS = 500
# Where the pictures go; docs/images holds those of a release.
PICTURES = os.environ.get("POOLWRIGHT_PICTURES")


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        pictures = PICTURES or cls.stack.enter_context(tempfile.TemporaryDirectory())
        server = cls.stack.enter_context(Fixture(serve_fixture(), pools=POOLS, past=int(os.environ.get("POOLWRIGHT_PAST", "300"))))
        command = [program("node", "nodejs"), ROOT / "tests/e2e/monitoring/page_test.cjs", web_modules() / "playwright-core",
                   program("chromium", "chromium"), server.url, TOKEN, pictures]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=180, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        cls.seen = json.loads(done.stdout)
        cls.pictures = {path.name: path.stat().st_size for path in pathlib.Path(pictures).glob("page-*.png")}

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def test_nothing_went_wrong_and_nothing_came_from_elsewhere(self):
        self.assertEqual((self.seen["problems"], self.seen["outside"]), ([], []))

    def test_it_asks_for_a_token_and_says_why_one_was_refused(self):
        self.assertTrue(self.seen["asksForToken"])
        self.assertIn("not the one that this server was started with", self.seen["refusal"])

    def test_all_pools_are_there_sorted_and_can_be_filtered(self):
        self.assertEqual(self.seen["rows"], POOLS)
        self.assertTrue(self.seen["busiestFirst"] and self.seen["busiestLast"])
        self.assertEqual(set(self.seen["filtered"]), {"billing"})
        self.assertTrue(0 < self.seen["troubled"] < POOLS)

    def test_a_pool_has_plots_and_pods_and_a_reason(self):
        self.assertEqual((self.seen["plots"], self.seen["pods"]), (2, 2))
        self.assertRegex(self.seen["plotLabel"], r"Utilization over the last hour: now [\d.]+ %, largest [\d.]+ %\.")
        self.assertRegex(self.seen["legend"][-1], r"^[\d.]+$", "the newest value, where nobody points")
        self.assertRegex(self.seen["reason"], r"Size \d+ \(6–40\) on db-\d+\.example:5432\. The demand")

    def test_alerts_budgets_and_decisions(self):
        self.assertIn(f"{POOLS}", self.seen["tiles"])
        self.assertGreater(self.seen["alerts"], 0)
        self.assertEqual(self.seen["budgets"], POOLS / 10)
        self.assertGreater(self.seen["decisions"], 0)
        self.assertTrue(self.seen["fullestFirst"])
        self.assertEqual((self.seen["shares"], self.seen["sharesAfterwards"]), (10, 10))
        self.assertTrue(self.seen["fromAlert"])

    def test_it_can_be_read_by_everybody(self):
        self.assertEqual(self.seen["unnamed"], 0)
        for theme, contrast in self.seen["contrast"].items():
            self.assertGreaterEqual(contrast, 4.5, theme)
        self.assertEqual(set(self.pictures), {"page-light.png", "page-dark.png"})

    def test_signing_out_leaves_nothing(self):
        self.assertTrue(self.seen["signedOut"] and self.seen["tokenIsGone"])
        self.assertNotIn("token", self.seen["address"], "a token in the link is removed from the address")

    def test_a_refresh_is_quick(self):
        print(f"    a refresh of {POOLS} rows takes {self.seen['refreshMs']:.1f} ms")


if __name__ == "__main__":
    unittest.main()
