"""The alert rules: promtool's checks and unit tests, and that each rule has its runbook and its test."""

import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml
from monitoring_parts import ROOT, program

RULES = ROOT / "charts/poolwright/files/alerts.yaml"
CASES = ROOT / "tests/e2e/monitoring/rules_test.yaml"
MIXIN = ROOT / "tests/e2e/monitoring/mixin_rules.yaml"


def promtool(*arguments):
    return subprocess.run([program("promtool", "prometheus"), *map(str, arguments)], capture_output=True, text=True, check=False)


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


class Rules(unittest.TestCase):
    def test_promtool_reads_them(self):
        done = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_they_raise_what_they_should(self):
        done = promtool("test", "rules", CASES)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_cases_notice_a_changed_limit_time_or_severity(self):
        text = RULES.read_text()
        for before, after in [("seconds >= 5", "seconds >= 4"), ("poolwright_budget_connections >= 0.9", "poolwright_budget_connections >= 0.95"),
                              ("for: 10s", "for: 25s"), ("severity: critical", "severity: warning"), ("keep_firing_for: 1m", "keep_firing_for: 5m"),
                              ('{pool!=""}', ""), ("poolwright_pgbouncer_up == 1", "poolwright_pgbouncer_up >= 0")]:
            with self.subTest(before), tempfile.TemporaryDirectory() as folder:
                self.assertIn(before, text)
                pathlib.Path(folder, "alerts.yaml").write_text(text.replace(before, after))
                cases = yaml.safe_load(CASES.read_text()) | {"rule_files": [f"{folder}/alerts.yaml", str(MIXIN)]}
                pathlib.Path(folder, "cases.yaml").write_text(yaml.safe_dump(cases))
                self.assertNotEqual(promtool("test", "rules", f"{folder}/cases.yaml").returncode, 0)

    def test_every_rule_has_a_runbook_and_a_case(self):
        cases = yaml.safe_load(CASES.read_text())
        raised = {(case["alertname"], alert["exp_labels"].get("severity"))
                  for test in cases["tests"] for case in test["alert_rule_test"] for alert in case["exp_alerts"]}
        for rule in rules():
            name = rule["alert"]
            self.assertEqual(rule["annotations"]["runbook_url"], f"docs/runbooks/{name}.md")
            self.assertTrue((ROOT / rule["annotations"]["runbook_url"]).exists(), name)
            self.assertIn((name, rule["labels"]["severity"]), raised)

    def test_every_alert_of_the_operator_has_a_rule(self):
        header = (ROOT / "operator/health/alerts.cpp").read_text()
        kinds = set(re.findall(r'return "([A-Z]\w+)";', header))
        self.assertGreater(len(kinds), 10)
        self.assertEqual(kinds - {rule["alert"] for rule in rules()}, set())


if __name__ == "__main__":
    unittest.main()
