"""The commands that talk to a cluster, as `kubectl poolwright ...` and as `poolwright ...`, against a real API server and the operator."""

import io
import json
import os
import pty
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

import yaml

from operator_lab import BINARY, NAMESPACE, OperatorLab, is_current

PASSWORD = "correct-horse-battery"


class CommandCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(OperatorLab())
        cls.operator = cls.lab.start_operator()
        cls.login = cls.lab.login("orders", password=PASSWORD)
        cls.lab.apply(cls.lab.pool("orders", [cls.login]))
        cls.lab.wait_for_pool("orders", is_current)
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        (cls.folder / "kubectl-poolwright").symlink_to(Path(BINARY).resolve())

    def environment(self, **more):
        return os.environ | {"KUBECONFIG": self.lab.env["KUBECONFIG"], "PATH": f"{self.folder}:{os.environ['PATH']}"} | more

    def run_command(self, *arguments, code=0, env=None):
        done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=120,
                              env=env or self.environment())
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done


class Looking(CommandCase):
    def test_status_of_all_and_of_one(self):
        line = self.run_command("status", "-n", NAMESPACE).stdout.splitlines()[1].split()
        self.assertEqual(line[:2], [NAMESPACE, "orders"])
        one = self.run_command("status", "orders", "-n", NAMESPACE).stdout
        for part in ("CONDITION", "ResolvedRefs", "orders-pool.shop.svc:6432", "orders-orders-url"):
            self.assertIn(part, one)
        self.assertNotIn("\x1b", one, "no colours in a pipe")

    def test_output_for_programs(self):
        pool = json.loads(self.run_command("status", "orders", "-n", NAMESPACE, "-o", "json").stdout)
        self.assertEqual(pool["metadata"]["name"], "orders")
        self.assertNotIn("managedFields", pool["metadata"])
        pools = yaml.safe_load(self.run_command("status", "-A", "-o", "yaml").stdout)
        self.assertEqual([item["metadata"]["name"] for item in pools["items"]], ["orders"])
        rows = json.loads(self.run_command("top", "-A", "-o", "json").stdout)
        self.assertEqual(rows[0]["pool"], "orders")

    def test_colours_are_for_terminals_and_can_be_refused(self):
        for refuse, expected in (("", True), ("1", False)):
            main, other = pty.openpty()
            env = self.environment(TERM="xterm", NO_COLOR=refuse)
            subprocess.run([BINARY, "status", "orders", "-n", NAMESPACE], stdout=other, env=env, timeout=60, check=True)
            os.close(other)
            shown = b""
            try:
                while part := os.read(main, 65536):
                    shown += part
            except OSError:
                pass  # the other end is closed
            os.close(main)
            self.assertIn(b"CONDITION", shown)
            self.assertEqual(b"\x1b[" in shown, expected)

    def test_explain_says_why_and_what_would_change_it(self):
        text = self.run_command("explain", "orders", "-n", NAMESPACE).stdout
        self.assertIn("orders: 25 server connections", text)
        self.assertIn("why: ", text)
        self.assertIn("poolSize.m", text)
        self.assertIn("no database nothing", self.run_command("explain", "orders", "nothing", "-n", NAMESPACE, code=1).stderr)

    def test_as_a_plugin_of_kubectl(self):
        done = subprocess.run([self.lab.env.get("KUBECTL", "kubectl"), "poolwright", "status", "orders", "-n", NAMESPACE],
                              capture_output=True, text=True, timeout=120,
                              env=self.environment(PATH=f"{self.folder}:{self.lab.env.get('PATH', os.environ['PATH'])}"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("CONDITION", done.stdout)
        helped = subprocess.run([self.folder / "kubectl-poolwright", "--help"], capture_output=True, text=True, timeout=60)
        self.assertIn("kubectl poolwright", helped.stdout)

    def test_errors_say_what_to_do_next(self):
        self.assertIn("poolwright status -A", self.run_command("status", "gone", "-n", NAMESPACE, code=1).stderr)
        self.assertIn("nowhere", self.run_command("status", "--context", "nowhere", code=1).stderr)
        nobody = self.environment(KUBECONFIG=self.lab.kubeconfig_of_service_account("poolwright-system", "default"))
        denied = self.run_command("status", "orders", "-n", NAMESPACE, code=1, env=nobody).stderr
        self.assertIn("kubectl auth can-i", denied)
        self.run_command("status", "--nonsense", code=2)

    def test_completion_knows_every_command(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.run_command("completion", shell).stdout
            for command in ("status", "explain", "psql", "report"):
                self.assertIn(command, script)
        script = self.run_command("completion", "bash").stdout
        words = 'COMP_WORDS=(poolwright exp); COMP_CWORD=1; _poolwright; echo "${COMPREPLY[@]}"'
        self.assertEqual(subprocess.run(["bash", "-c", script + words], capture_output=True, text=True, check=True).stdout.strip(),
                         "explain")


class Secrets(CommandCase):
    def test_url_is_masked_unless_revealed(self):
        masked = self.run_command("url", "orders", "-n", NAMESPACE)
        self.assertIn("orders_app:***@orders-pool.shop.svc:6432/orders", masked.stdout)
        self.assertNotIn(PASSWORD, masked.stdout + masked.stderr)
        self.assertIn(PASSWORD, self.run_command("url", "orders", "orders", "-n", NAMESPACE, "--reveal").stdout)
        self.assertIn("DATABASE_URL", self.run_command("url", "orders", "-n", NAMESPACE, "--key", "NO", code=1).stderr)

    def test_psql_gets_the_login_by_the_environment(self):
        spy = self.folder / "psql"
        spy.write_text('#!/bin/sh\necho "args:$*"; tr "\\0" " " </proc/$$/cmdline; echo; env | grep ^PG | sort\n')
        spy.chmod(0o755)
        shown = self.run_command("psql", "orders", "-n", NAMESPACE, "--", "-c", "select 1").stdout
        spy.unlink()
        self.assertIn("args:-c select 1", shown)
        self.assertIn(f"PGPASSWORD={PASSWORD}", shown)
        self.assertIn("PGHOST=orders-pool.shop.svc", shown)
        self.assertNotIn(PASSWORD, shown.split("PGDATABASE")[0])

    def test_psql_reaches_the_database(self):
        done = self.run_command("psql", "orders", "-n", NAMESPACE, "--direct", "--", "-XAtc", "select current_user")
        self.assertEqual(done.stdout.strip(), "orders_app")

    def test_report_holds_no_secret_value(self):
        path = self.folder / "report.tar.gz"
        self.lab.kubectl("-n", NAMESPACE, "annotate", "connectionpools.poolwright.dev", "orders", f"example.com/leak={PASSWORD}")
        self.assertEqual(self.run_command("report", "-n", NAMESPACE, "-o", path).stdout.strip(), str(path))
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
            files = {member.name: archive.extractfile(member).read().decode() for member in archive}
        self.assertIn("orders/ConfigMap.yaml", files)
        self.assertIn("orders/connectionpool.yaml", files)
        self.assertIn("pool_size", files["orders/ConfigMap.yaml"])
        self.assertIn("everything could be read", files["not-read.txt"])
        whole = "\n".join(files.values())
        self.assertIn("(redacted)", files["orders/connectionpool.yaml"])
        for secret in self.lab.list("secret", NAMESPACE):
            for key in ("password", "admin-password", "stats-password", "DATABASE_URL", "userlist.txt"):
                if value := secret.get("data", {}).get(key):
                    self.assertNotIn(value, whole, key)
        self.assertNotIn(PASSWORD, whole)


class Difference(CommandCase):
    def manifest(self, **spec):
        path = self.folder / "pool.yaml"
        path.write_text(yaml.safe_dump(self.lab.pool("orders", [self.login], **spec)))
        return path

    def test_nothing_where_nothing_would_change(self):
        done = self.run_command("render", "--diff", "--allow-loopback-hosts", "-f", self.manifest())
        self.assertEqual(done.stdout, "")
        self.assertIn("nothing would change", done.stderr)

    def test_what_would_change_without_secret_values(self):
        file = self.manifest(pgbouncer={"timeouts": {"queryWaitSeconds": 7}, "replicas": 3})
        done = self.run_command("render", "--diff", "--allow-loopback-hosts", "-f", file, code=3)
        self.assertIn("~ ConfigMap shop/orders-pool", done.stdout)
        self.assertIn("- query_wait_timeout = 120", done.stdout)
        self.assertIn("+ query_wait_timeout = 7", done.stdout)
        self.assertIn("spec.replicas: 2 -> 3", done.stdout)
        self.assertNotIn(PASSWORD, done.stdout)

    def test_a_new_pool_is_all_new(self):
        path = self.folder / "new.yaml"
        path.write_text(yaml.safe_dump(self.lab.pool("fresh", [self.login])))
        done = self.run_command("render", "--diff", "--allow-loopback-hosts", "-f", path, code=3)
        self.assertIn("+ Deployment shop/fresh-pool", done.stdout)
        self.assertIsNone(self.lab.get("deployment", "fresh-pool", NAMESPACE))


if __name__ == "__main__":
    unittest.main()
