"""Health and actions for Argo CD, run by Lua over test data in the layout of Argo CD's own tests; the examples for Flux and Argo CD."""

import copy
import json
import shutil
import subprocess
import unittest
from typing import Any

import yaml

from charts import ROOT

ARGOCD = ROOT / "config/gitops/argocd"
LUA = shutil.which("lua5.1")  # the language version of Argo CD's interpreter

# Prints a table as JSON; numbers, strings, booleans and tables with string keys are all that these scripts return.
TO_JSON = """
local function json(value)
  if type(value) ~= "table" then
    return type(value) == "string" and string.format("%q", value):gsub("\\\\\\n", "\\\\n") or tostring(value)
  end
  local parts = {}
  if #value > 0 then
    for _, item in ipairs(value) do parts[#parts + 1] = json(item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key, item in pairs(value) do parts[#parts + 1] = string.format("%q", key) .. ":" .. json(item) end
  return "{" .. table.concat(parts, ",") .. "}"
end
"""


def literal(value: Any) -> str:
    """A Lua expression for parsed YAML."""
    if isinstance(value, dict):
        return "{" + ",".join(f"[{literal(key)}]={literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ",".join(map(literal, value)) + "}"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return json.dumps(value).replace("null", "nil")


def run_lua(script: str, obj: dict[str, Any]) -> Any:
    program = f"obj = {literal(obj)}\n{TO_JSON}\nprint(json((function()\n{script}\nend)()))"
    ran = subprocess.run([LUA, "-"], input=program, capture_output=True, text=True)
    if ran.returncode != 0:
        raise AssertionError(ran.stderr)
    return json.loads(ran.stdout)


def pool(name: str) -> dict[str, Any]:
    return yaml.safe_load((ARGOCD / "testdata" / f"{name}.yaml").read_text())


@unittest.skipIf(LUA is None, "lua5.1 is not installed: ./dev deps packages")
class ArgoCd(unittest.TestCase):
    def test_health_of_all_test_data(self):
        script = (ARGOCD / "health.lua").read_text()
        tests = yaml.safe_load((ARGOCD / "health_test.yaml").read_text())["tests"]
        for test in tests:
            with self.subTest(test["inputPath"]):
                obj = yaml.safe_load((ARGOCD / test["inputPath"]).read_text())
                self.assertEqual(run_lua(script, obj), test["healthStatus"])
        self.assertEqual({test["inputPath"] for test in tests}, {f"testdata/{path.name}" for path in (ARGOCD / "testdata").iterdir()})

    def test_an_object_without_a_status_is_progressing(self):
        obj = {key: value for key, value in pool("ready").items() if key != "status"}
        self.assertEqual(run_lua((ARGOCD / "health.lua").read_text(), obj)["status"], "Progressing")

    def action(self, name: str, obj: dict[str, Any]) -> dict[str, Any]:
        return run_lua((ARGOCD / "actions" / name / "action.lua").read_text(), obj)

    def test_pause_and_resume_change_one_annotation(self):
        before = pool("ready")
        paused = self.action("pause", copy.deepcopy(before))
        self.assertEqual(paused["metadata"]["annotations"], {"poolwright.dev/reconcile": "disabled"})
        self.assertEqual(paused["spec"], before["spec"])
        self.assertFalse(self.action("resume", paused)["metadata"]["annotations"])
        self.assertNotIn("annotations", self.action("resume", before)["metadata"])

    def test_reconcile_asks_with_a_time(self):
        asked = self.action("reconcile", pool("ready"))
        self.assertRegex(asked["metadata"]["annotations"]["poolwright.dev/requested-at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_what_is_offered_depends_on_the_pause(self):
        script = (ARGOCD / "actions/discovery.lua").read_text()
        for name, paused in (("ready", False), ("paused", True)):
            offered = run_lua(script, pool(name))
            self.assertEqual(offered, {"pause": {"disabled": paused}, "resume": {"disabled": not paused}, "reconcile": {"disabled": paused}})
            self.assertEqual(set(offered), {path.name for path in (ARGOCD / "actions").iterdir() if path.is_dir()})

    def test_the_settings_hold_these_scripts(self):
        settings = yaml.safe_load((ARGOCD / "argocd-cm.yaml").read_text())["data"]
        self.assertEqual(settings["resource.customizations.health.poolwright.dev_ConnectionPool"], (ARGOCD / "health.lua").read_text())
        actions = yaml.safe_load(settings["resource.customizations.actions.poolwright.dev_ConnectionPool"])
        self.assertEqual(actions["discovery.lua"], (ARGOCD / "actions/discovery.lua").read_text())
        self.assertEqual({one["name"]: one["action.lua"] for one in actions["definitions"]},
                         {path.parent.name: path.read_text() for path in ARGOCD.glob("actions/*/action.lua")})


class Examples(unittest.TestCase):
    def test_they_are_whole(self):
        seen = 0
        for path in [ARGOCD / "application.yaml", *sorted((ROOT / "config/gitops/flux").glob("*.yaml"))]:
            for one in yaml.safe_load_all(path.read_text()):
                self.assertTrue(one["apiVersion"] and one["kind"] and one["metadata"]["name"] and one["spec"], path)
                seen += 1
        self.assertGreaterEqual(seen, 4)


if __name__ == "__main__":
    unittest.main()
