"""That the commands of the pages work, and print what the pages say.

A page is played from top to bottom: blocks marked `sh` are run in one shell, and a `text` block after one must be in its output, apart
from spaces and ages. A `console` block is for the reader only, but `poolwright run` in one starts poolwright here, too.
"""

import functools
import json
import os
import re
import subprocess
import unittest
from pathlib import Path
from typing import Callable

import yaml

from lab import Lab, free_port, wait_until
from local_lab import LocalLab
from operator_lab import BINARY, ROOT, OperatorLab
from pods import PgbouncerNode

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
SECONDS_FOR_A_PAGE = 300


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, text) of all fenced blocks."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def comparable(text: str) -> list[str]:
    """Lines without what differs from run to run."""
    return [re.sub(r"\b\d+[smhd]\b", "AGE", " ".join(line.split())) for line in text.splitlines() if line.strip()]


class FreshLab(OperatorLab):
    """Without what the pages tell a reader to install."""

    def _prepare(self) -> None:
        self.operator_kubeconfig = self.kubeconfig_of_service_account("poolwright-system", "poolwright")


class Shell:
    """One bash for all blocks of a page, so that what one sets the next one sees."""

    END = "--- end of block"

    def __init__(self, environment: dict[str, str], folder: Path = ROOT):
        self._bash = subprocess.Popen(["timeout", str(SECONDS_FOR_A_PAGE), "bash"], cwd=folder, env=environment, text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self) -> "Shell":
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
    def test_commands_work_and_print_what_is_said(self):
        for page in (ROOT / "README.md", ROOT / "docs/quickstart.md", ROOT / "docs/install.md", ROOT / "docs/cli.md"):
            with self.subTest(page.name), FreshLab(controllers=True) as lab, PgbouncerNode(lab):
                self.play(page, Shell(self.environment(lab)), lambda shell, command: lab.start_operator())

    def test_commands_of_local_mode(self):
        with LocalLab() as lab:
            folder = lab.pools.parent
            shell = Shell(self.environment(lab), folder)
            self.play(ROOT / "docs/local.md", shell, functools.partial(self.run_local, folder))

    def play(self, page: Path, shell: Shell, run: Callable[[Shell, str], object]) -> None:
        """`run` is told the first command of the page that runs poolwright."""
        output, is_running, played = "", False, 0
        with shell:
            for language, text in blocks(page):
                if language == "sh":
                    output = shell.run(text)
                    played += 1
                elif language == "text" and played:
                    self.assertEqual([line for line in comparable(text) if line not in comparable(output)], [], output)
                elif language == "console" and "poolwright run" in text and not is_running:
                    run(shell, text.removeprefix("$ ").strip())
                    is_running = True
        self.assertGreater(played, 1)

    @staticmethod
    def run_local(folder: Path, shell: Shell, command: str) -> None:
        shell.run(f"{command} --web-port 0 --first-port {free_port()} >poolwright.log 2>&1 &\ntrap 'kill %1; wait' EXIT")
        status = folder / "pools/.poolwright/orders/status.json"

        def is_ready() -> bool:
            conditions = json.loads(status.read_text())["conditions"] if status.exists() else []
            return any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)
        wait_until("the pool of the page is ready", is_ready)

    @staticmethod
    def environment(lab: Lab) -> dict[str, str]:
        orders = lab.create_database("orders", "orders_app")
        programs = lab.dir / "programs"
        programs.mkdir()
        (programs / "poolwright").symlink_to(BINARY)
        if has_cluster := "KUBECTL" in lab.env:
            (programs / "kubectl").symlink_to(lab.env["KUBECTL"])
        return os.environ | {"KUBECONFIG": lab.kubeconfig if has_cluster else "", "PATH": f"{programs}:{os.environ['PATH']}", "ORDERS_DB_HOST": orders.host,
                             "ORDERS_DB_PORT": str(orders.port), "ORDERS_DB_USER": orders.user, "ORDERS_DB_PASSWORD": orders.password}

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
        with self.assertRaises(AssertionError), Shell(dict(os.environ)) as shell:
            shell.run("false\necho still here\n")


if __name__ == "__main__":
    unittest.main()
