"""What the monitoring tests share: the fixture program, and programs that a machine may lack."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def web_modules():
    """The folder with the libraries of web/package-lock.json."""
    done = subprocess.run([ROOT / "web/install.sh"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise unittest.SkipTest(f"the libraries of web/package-lock.json: {done.stderr.strip()}")
    return pathlib.Path(done.stdout.strip())
