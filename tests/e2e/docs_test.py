"""That the commands of the pages work, and print what the pages say.

A page is played from top to bottom, in one shell: blocks marked `sh` are run, and a `text` block after one must be in its output, apart
from spaces, times and hashes. In a `console` block the lines after `$` are run one by one, and what follows each must be in its output
(`...` stands for anything); a block without `$` is an output that differs from run to run. Commands that need another machine than
this one are in ELSEWHERE, with the test that runs them.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import time
import unittest
from pathlib import Path
from typing import Callable
from urllib.parse import quote

import yaml

from lab import Lab, free_port, wait_until
from local_lab import LocalLab
from operator_lab import BINARY, NAMESPACE, ROOT, OperatorLab, condition
from pods import PgbouncerNode

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SECONDS_FOR_A_PAGE = 300
SECONDS_TO_SHOW = 30  # for what a command looks at

# What is not run here, by how it begins or ends, and what runs it.
ELSEWHERE = {
    r"\./dev (demo|test|cluster demo)\b": "tests/e2e/demo_test.py",
    r"helm install\b": "tests/e2e/chart_node_test.py",
    r".*# (secrets: poll|watchNamespaces: \[shop\])$": "tests/chart/cluster_test.py",
    r"docker compose\b|cp \.env\.example": "tests/e2e/compose_test.py",
    r"docker build\b": "tests/lint/images_test.py",  # holds them equal to what images/build makes, since there is no container engine
    r"\./dev build|images/build|ctr --namespace": "tests/e2e/node_test.py",
    r"poolwright run .*--attach|cd pools/\.poolwright": "tests/e2e/local_test.py",
    r"cat pools/\.poolwright": "tests/e2e/docs_test.py",  # docs/local.md
    r"kubectl -n poolwright-system port-forward": "tests/e2e/monitoring_page_test.py",
    r"source <\(poolwright completion|poolwright completion": "tests/e2e/cli_test.py",
    r"export ORDERS_DB_": "tests/e2e/docs_test.py",  # environment() of this file
}


def runs_elsewhere(command: str) -> bool:
    return any(re.match(pattern, command) for pattern in ELSEWHERE)


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, text) of all fenced blocks."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[tuple[str, str]]:
    """(command, what is printed after it) of a `console` block; none where it is only an output."""
    parts = re.split(r"^\$ ((?:.*\\\n)*.*)\n", block, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def comparable(text: str) -> list[str]:
    """Lines without what differs from run to run."""
    for pattern, what in ((r"\b\d+[smhd]\b", "AGE"), (r"\b20\d\d-\d\d-\d\dT[\d:]+Z", "TIME"), (r"\b[0-9a-f]{16,64}\b", "HASH")):
        text = re.sub(pattern, what, text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def missing_lines(expected: str, output: str) -> list[str]:
    """Lines that the page shows and the output does not have; `...` in one stands for anything."""
    printed = comparable(output)

    def is_printed(line: str) -> bool:
        pattern = ".*".join(re.escape(part) for part in line.split("..."))
        return any(re.fullmatch(pattern, other) for other in printed)
    return [line for line in comparable(expected) if not is_printed(line)]


def repository(lab: Lab) -> Path:
    """A folder that looks like the root of this tree, in which a page may write files."""
    folder = lab.dir / "repository"
    folder.mkdir(exist_ok=True)
    for entry in ROOT.iterdir():
        if entry.name not in (".git", "build") and not (folder / entry.name).exists():
            (folder / entry.name).symlink_to(entry)
    return folder


class FreshLab(OperatorLab):
    """Without what the pages tell a reader to install."""

    def _prepare(self) -> None:
        self.operator_kubeconfig = self.kubeconfig_of_service_account("poolwright-system", "poolwright")


class Shell:
    """One bash for all blocks of a page, so that what one sets the next one sees."""

    END = "--- end of block"

    def __init__(self, environment: dict[str, str], folder: Path):
        self._bash = subprocess.Popen(["timeout", str(SECONDS_FOR_A_PAGE), "bash"], cwd=folder, env=environment, text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self._bash.communicate()

    def run(self, block: str) -> str:
        """Its output; AssertionError when a command of it fails."""
        # The shell itself ends when a command fails: its commands must run in it, not in a child.
        self._bash.stdin.write(f"set -eo pipefail\n{block}\nset +e; printf '\\n%s\\n' '{self.END}'\n")
        self._bash.stdin.flush()
        lines = []
        for line in self._bash.stdout:
            if line.startswith(self.END):
                return "".join(lines)
            lines.append(line)
        raise AssertionError(f"this block failed:\n{block}\n{''.join(lines)[-2000:]}")


class PagesTest(unittest.TestCase):
    def test_commands_that_begin_with_an_empty_cluster(self):
        for page in ("docs/quickstart.md", "docs/cli.md"):
            with self.subTest(page), FreshLab(controllers=True) as lab, PgbouncerNode(lab):
                self.play(page, Shell(self.environment(lab), repository(lab)), lambda shell, command: lab.start_operator(),
                          {"render --diff": "render --diff --allow-loopback-hosts"})

    def test_commands_that_begin_with_a_pool(self):
        """The pages that somebody opens who has installed it."""
        with OperatorLab(controllers=True) as lab, PgbouncerNode(lab):
            environment, port = self.environment(lab), free_port()
            lab.start_operator("--web-address", "127.0.0.1", "--web-port", str(port))
            self.prepare_pool(lab, environment)
            for page in ("README.md", "docs/install.md", "docs/operations.md", "docs/clients.md", "docs/monitoring.md", "docs/images.md"):
                with self.subTest(page):
                    self.play(page, Shell(environment, repository(lab)), None, {"poolwright.poolwright-system.svc:8443": f"127.0.0.1:{port}"})

    def test_commands_of_local_mode(self):
        with LocalLab() as lab:
            folder, port = lab.pools.parent, free_port()
            shell = Shell(self.environment(lab), folder)
            self.play("docs/local.md", shell, functools.partial(self.run_local, folder, port), {"127.0.0.1:8443": f"127.0.0.1:{port}"})

    def test_every_command_is_on_a_page_that_is_played(self):
        played = re.findall(r'"((?:docs/\w+|README)\.md)"', Path(__file__).read_text())
        for page in PAGES:
            has_commands = any(language == "sh" or (language == "console" and commands(text)) for language, text in blocks(page))
            self.assertEqual(has_commands, str(page.relative_to(ROOT)) in played, page)
        for test in ELSEWHERE.values():
            self.assertTrue((ROOT / test).is_file(), test)

    def play(self, page: str, shell: Shell, run: Callable[[Shell, str], object] | None, instead: dict[str, str] | None = None) -> None:
        """`run` is told the first command of the page that runs poolwright; None where it runs. `instead`: what a text stands for here."""
        output, played = "", 0
        with shell:
            for language, text in blocks(ROOT / page):
                for theirs, ours in (instead or {}).items():
                    text = text.replace(theirs, ours)
                if language == "sh":
                    output = "" if runs_elsewhere(text) else shell.run(text)
                    played += 1
                elif language == "text" and played:
                    self.assertEqual(missing_lines(text, output), [], output)
                elif language == "console":
                    run = self.play_commands(commands(text), shell, run)
                    played += 1
        self.assertGreater(played, 0)

    def play_commands(self, block: list[tuple[str, str]], shell: Shell, run: Callable[[Shell, str], object] | None):
        """`run`, or None when it was used."""
        for command, expected in block:
            if runs_elsewhere(command):
                continue
            if command.startswith("poolwright run"):
                if run is not None:
                    run(shell, command)
                run = None
            elif not expected:
                shell.run(command)
            else:
                self.expect(command, expected, shell)
        return run

    def expect(self, command: str, expected: str, shell: Shell) -> None:
        """What is looked at may need a moment to become what the page shows; what is shown may be a failure."""
        end = time.monotonic() + (SECONDS_TO_SHOW if command.startswith("kubectl get") else 0)
        while missing := missing_lines(expected, output := shell.run(f"{{ {command}\n}} || true")):
            if time.monotonic() > end:
                self.fail(f"{command}\nprinted\n{output}\nand not\n{missing}")
            time.sleep(0.5)

    @staticmethod
    def prepare_pool(lab: OperatorLab, environment: dict[str, str]) -> None:
        """The pool `orders` in the namespace `shop`, which is the one that kubectl looks at, with what else the pages speak of."""
        for name in ("argocd", "monitoring"):
            lab.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        account = {"name": "prometheus", "namespace": "monitoring"}
        lab.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        lab.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "prometheus"},
                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "poolwright-monitoring-reader"},
                   "subjects": [{"kind": "ServiceAccount"} | account]})
        lab.kubectl("config", "set-context", "--current", "--namespace", NAMESPACE)
        lab.apply_secret("orders-app", {"username": environment["ORDERS_DB_USER"], "password": environment["ORDERS_DB_PASSWORD"]})
        lab.apply(lab.pool("orders", [{"name": "orders", "credentialsSecretRef": {"name": "orders-app"}}]))
        lab.wait_for_pool("orders", lambda pool: condition(pool, "Ready") == "True")
        environment["DATABASE_URL"] = lab.url_secret("orders", "orders")["DATABASE_URL"]

    @staticmethod
    def run_local(folder: Path, web_port: int, shell: Shell, command: str) -> None:
        shell.run(f"{command} --web-port {web_port} --first-port {free_port()} >poolwright.log 2>&1 &\ntrap 'kill %1; wait' EXIT")
        status = folder / "pools/.poolwright/orders/status.json"

        def is_ready() -> bool:
            conditions = json.loads(status.read_text())["conditions"] if status.exists() else []
            return any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)
        wait_until("the pool of the page is ready", is_ready)

    @staticmethod
    def environment(lab: Lab) -> dict[str, str]:
        orders, admin = lab.create_database("orders", "orders_app"), lab.superuser
        programs = lab.dir / "programs"
        programs.mkdir()
        (programs / "poolwright").symlink_to(Path(BINARY).resolve())
        if has_cluster := "KUBECTL" in lab.env:
            (programs / "kubectl").symlink_to(lab.env["KUBECTL"])
        return os.environ | {"KUBECONFIG": lab.kubeconfig if has_cluster else "", "PATH": f"{programs}:{os.environ['PATH']}", "ORDERS_DB_HOST": orders.host,
                             "ORDERS_DB_PORT": str(orders.port), "ORDERS_DB_USER": orders.user, "ORDERS_DB_PASSWORD": orders.password,
                             "ADMIN_URL": f"postgresql://{admin.user}:{quote(admin.password)}@{admin.host}:{admin.port}/{admin.name}"}

    def test_pools_in_yaml_blocks_are_valid(self):
        seen = 0
        for page in PAGES:
            for text in (text for language, text in blocks(page) if language == "yaml"):
                if any(isinstance(one, dict) and one.get("kind") == "ConnectionPool" for one in yaml.safe_load_all(text)):
                    ran = subprocess.run([BINARY, "validate", "-f", "-"], input=text, capture_output=True, text=True)
                    self.assertEqual(ran.returncode, 0, f"{page.name}: {ran.stdout}{ran.stderr}")
                    seen += 1
        self.assertGreater(seen, 0)

    def test_links_lead_somewhere(self):
        for page in PAGES:
            for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
                self.assertTrue((page.parent / target).exists(), f"{page.name}: {target}")

    def test_a_block_that_fails_is_noticed(self):
        with self.assertRaises(AssertionError), Shell(dict(os.environ), ROOT) as shell:
            shell.run("false\necho still here\n")


if __name__ == "__main__":
    unittest.main()
