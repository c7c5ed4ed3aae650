"""The docker-compose files: their form by a validator of the compose specification, and their programs run as processes of this
machine, with the same command lines and scripts, on the same files."""

import json
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

import yaml

import clients
from lab import free_port
from local_lab import BINARY, ROOT, LocalLab

FILES = ("docker-compose.dev.yml", "docker-compose.prod.yml")
VALIDATE = """
import sys, compose_spec
print(sorted(compose_spec.PyOptions(apply_merge=True).from_yaml(sys.stdin.read()).service_names()))
"""


def interpolated(text: str, values: dict[str, str]) -> str:
    """`${NAME:-default}`, `${NAME:?message}` and `$$`, as docker compose does it."""
    def value(found: re.Match) -> str:
        return values.get(found[1]) or (found[3] if found[2] == ":-" else f"<{found[1]} is missing>")
    return re.sub(r"(?<!\$)\$\{([A-Z_]+)(:-|:\?)([^}]*)\}", value, text)


def load(name: str) -> dict:
    text = interpolated((ROOT / name).read_text(), {"POSTGRES_PASSWORD": "x"})
    return yaml.safe_load(text.replace("$$", "$"))


class FormTest(unittest.TestCase):
    def test_both_follow_the_compose_specification(self):
        if reason := clients.missing("psycopg"):
            self.skipTest(reason)
        for name in FILES:
            with self.subTest(name):
                text = interpolated((ROOT / name).read_text(), {"POSTGRES_PASSWORD": "x"})
                self.assertNotIn("is missing>", text)
                self.assertEqual(self.validated(text), "['app', 'pgbouncer', 'poolwright', 'postgres', 'prepare', 'redis']")
                with self.assertRaises(subprocess.CalledProcessError):
                    self.validated(text.replace("healthcheck:", "healthchek:"))

    def validated(self, text: str) -> str:
        python = clients._library_dir("python") / "bin/python"
        return subprocess.run([str(python), "-c", VALIDATE], input=text, capture_output=True, text=True, check=True).stdout.strip()

    def test_every_parameter_is_explained_and_none_is_left_over(self):
        used = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", "".join((ROOT / name).read_text() for name in FILES)))
        text = (ROOT / ".env.example").read_text()
        explained = re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE)
        self.assertEqual(sorted(explained), sorted(used))
        defaults = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", "".join((ROOT / name).read_text() for name in FILES)))
        for name, default in defaults.items():
            self.assertIn(f"{name}={default}\n", text)

    def test_no_secret_stands_in_the_production_file(self):
        prod = load("docker-compose.prod.yml")
        for name, service in prod["services"].items():
            self.assertFalse([key for key in service.get("environment", {}) if key.endswith("PASSWORD")], name)
            self.assertNotIn("ports", service, name)


class ProcessesTest(unittest.TestCase):
    """What the services run, with their folders in a folder of the lab."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(LocalLab())
        if not cls.lab.has_pgbouncer("1.26"):
            raise unittest.SkipTest("no PgBouncer 1.26 on this machine")

    def test_dev(self):
        self.play("docker-compose.dev.yml")

    def test_prod(self):
        self.play("docker-compose.prod.yml")

    def play(self, name: str) -> None:
        lab, services = self.lab, load(name)["services"]
        lab.begin_anew()
        lab.psql("drop database if exists orders")
        lab.psql("drop role if exists orders_app")
        password = lab.create_database("orders", "orders_app").password
        home, port = lab.pools.parent, free_port()
        shutil.copytree(ROOT / "config/compose/pools", lab.pools, dirs_exist_ok=True)
        # The services' names are hosts there; here all of them are this machine.
        pool = lab.pools / "orders.yaml"
        pool.write_text(pool.read_text().replace("host: postgres #", f"host: {lab.superuser.host}\n    port: {lab.superuser.port} #"))
        (home / "secret").write_text(password)
        places = {"/login": str(lab.pools / "orders-app"), "/out": str(lab.out), "/pools": str(lab.pools), "/run/secrets/postgres_password": str(home / "secret"),
                  "65532:65532": f"{os.geteuid()}:{os.getegid()}", "=pgbouncer:6432": f"=127.0.0.1:{port}"}

        def here(text: str) -> str:
            return re.sub("|".join(map(re.escape, sorted(places, key=len, reverse=True))), lambda found: places[found[0]], text)

        def script(service: str) -> list[str]:
            return [*services[service]["entrypoint"], *map(here, services[service]["command"])]

        environment = os.environ | {"LOGIN_USER": "orders_app", "LOGIN_PASSWORD": password}
        subprocess.run(script("prepare"), env=environment, check=True)
        os.chmod(lab.out, 0o755)
        command = [here(word) for word in services["poolwright"]["command"]]
        lab._local = lab.start(f"poolwright-{name}", [BINARY, *command, "--web-port", "0"])
        folder = Path(here(services["pgbouncer"]["working_dir"]))
        lab.wait_for("PgBouncer's files", (folder / "pool.ini").exists)
        self.assertIn("exec pgbouncer pool.ini", services["pgbouncer"]["command"][0])
        lab.run("pgbouncer", "start", "1.26", f"compose-{port}", str(folder / "pool.ini"), cwd=folder)
        lab.wait_until_ready("orders")
        lab.wait_for("the URLs", (folder / "orders.env").exists)
        healthy = subprocess.run(["sh", "-c", here(services["pgbouncer"]["healthcheck"]["test"][1])], capture_output=True, text=True)
        self.assertEqual((healthy.returncode, healthy.stdout.strip()), (0, "1"), healthy.stderr)
        application = lab.start(f"app-{name}", script("app"))
        lab.wait_for("the application works", lambda: "through the pool as orders_app" in application.log)
        application.kill()
        self.assertEqual(json.loads((folder / "status.json").read_text())["endpoint"], f"127.0.0.1:{port}")
        lab.run("pgbouncer", "stop", f"compose-{port}")


if __name__ == "__main__":
    unittest.main()
