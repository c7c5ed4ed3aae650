"""What the monitoring tests share: the fixture program, a Prometheus, and programs that a machine may lack."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest
import urllib.parse
import urllib.request

import yaml
from lab import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "charts/poolwright/files/dashboard.json").read_text())
RULES = ROOT / "charts/poolwright/files/alerts.yaml"
VARIABLES = {"$namespace": ".*", "$pool": ".*", "$__rate_interval": "15s"}
START_SECONDS_MAX = 60
sys.path.insert(0, str(ROOT / "tests/integration/serve"))


def serve_fixture():
    """The newest build of serve_fixture."""
    if given := os.environ.get("POOLWRIGHT_SERVE_FIXTURE"):
        return pathlib.Path(given)
    built = list(ROOT.glob("build/*/tests/integration/serve/serve_fixture"))
    if not built:
        raise unittest.SkipTest("serve_fixture is not built: cmake --build --preset asan --target serve_fixture")
    return max(built, key=lambda path: path.stat().st_mtime)


def program(name, package):
    found = shutil.which(name)
    if not found:
        raise unittest.SkipTest(f"{name} is not installed (package {package})")
    return found


def web_modules():
    """The folder with the libraries of web/package-lock.json."""
    done = subprocess.run([ROOT / "web/install.sh"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise unittest.SkipTest(f"the libraries of web/package-lock.json: {done.stderr.strip()}")
    return pathlib.Path(done.stdout.strip())


class Prometheus:
    """Prometheus scraping `target` each second, with the rules, for as long as the `with` block runs."""

    def __init__(self, target, token, folder):
        self.url = f"http://127.0.0.1:{free_port()}"
        rules = pathlib.Path(folder, "alerts.yaml")
        rules.write_text(RULES.read_text())
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "scrape_configs": [{
                "job_name": "poolwright", "honor_labels": True, "authorization": {"credentials": token},
                "scheme": target.split(":")[0], "tls_config": {"insecure_skip_verify": True},
                "static_configs": [{"targets": [target.split("//")[1]]}]}],
        }
        path = pathlib.Path(folder, "prometheus.yaml")
        path.write_text(yaml.safe_dump(config))
        self.log = pathlib.Path(folder, "prometheus.log")
        self.command = [program("prometheus", "prometheus"), f"--config.file={path}", f"--storage.tsdb.path={folder}/data",
                        f"--web.listen-address={self.url.removeprefix('http://')}"]

    def __enter__(self):
        with self.log.open("w") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)

    def get(self, path, **parameters):
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        return self.get("/api/v1/query", query=expression)["result"]

    def until(self, holds, what):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if holds():
                    return
            time.sleep(0.3)
        raise AssertionError(f"{what} did not come about:\n{self.log.read_text()[-2000:]}")


def dashboard_queries():
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            yield panel["title"], expression
