"""That `./dev demo` ends clean: by itself, with all of its claims true, and by Ctrl-C at any moment."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid
from pathlib import Path

from operator_lab import ROOT

MARK = "POOLWRIGHT_DEMO_TEST"
FAR_TOO_LONG = 600


def processes_with(mark: str) -> list[str]:
    """The command lines of all living processes that inherited this variable."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            pass  # it ended meanwhile, or belongs to somebody else
    return found


class DemoTest(unittest.TestCase):
    def setUp(self):
        self.mark = uuid.uuid4().hex
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="poolwright-demo-test-"))
        os.chmod(self.folder, 0o711)  # PostgreSQL's user must get through it
        self.addCleanup(self.leaves_nothing)

    def leaves_nothing(self):
        # Whose parent was killed goes on for as long as one step takes.
        for _ in range(600):
            if not processes_with(self.mark):
                break
            time.sleep(0.1)
        self.assertEqual(processes_with(self.mark), [])
        self.assertEqual(os.listdir(self.folder), [])

    def start(self, *options: str) -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, str(ROOT / "demo/demo.py"), "--quick", *options], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, env=os.environ | {MARK: self.mark, "TMPDIR": self.folder})
        self.addCleanup(process.stdout.close)
        return process

    def read_to(self, process: subprocess.Popen, text: str) -> None:
        for line in process.stdout:
            if text in line:
                return
        self.fail(f"the demo ended without printing {text!r}")

    def test_it_ends_by_itself_and_keeps_its_word(self):
        output, _ = self.start("--cluster").communicate(timeout=FAR_TOO_LONG)
        self.assertNotIn("NOT SO", output)
        self.assertIn("no client of the pool saw an error", output)
        self.assertIn("everything that was started is ended and removed", output)
        self.assertNotIn("password=orders", output)
        self.assertLessEqual(max(map(len, output.splitlines())), 100)

    def test_ctrl_c_while_the_lab_starts(self):
        self.interrupt_at("1. ")

    def test_ctrl_c_while_the_pool_starts(self):
        self.interrupt_at("poolwright run --local")

    def test_ctrl_c_while_clients_work(self):
        self.interrupt_at("select 1")

    def test_ctrl_c_after_poolwright_was_killed(self):
        self.interrupt_at("kill -9")

    def test_ctrl_c_while_pods_start(self):
        self.interrupt_at("apply -f orders.yaml", "--cluster")

    def test_the_end_of_the_parent_ends_it(self):
        process = self.start()
        self.read_to(process, "2. ")
        process.kill()
        process.wait()

    def interrupt_at(self, text, *options):
        process = self.start(*options)
        self.read_to(process, text)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)  # an impatient user
        output, _ = process.communicate(timeout=FAR_TOO_LONG)
        self.assertNotIn("Traceback", output)
        self.assertEqual(process.returncode, 130)


if __name__ == "__main__":
    unittest.main()
