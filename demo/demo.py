#!/usr/bin/env python3
"""./dev demo: poolwright at work on this machine, with a real PostgreSQL and real PgBouncers.

usage: demo.py [--cluster] [--quick]
  --cluster   then the same in a cluster: a real API server, etcd and controllers
  --quick     shorter loads, and without the Prisma client: what the tests run

The stories are in local_story.py and cluster_story.py, each a list of scenes. Ctrl-C ends it at any moment.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / part) for part in ("lab", "e2e", "clients")]

import cluster_story  # noqa: E402
import local_story  # noqa: E402
import screen  # noqa: E402
from ending import go_on, run_in_own_session  # noqa: E402
from lab import LabError  # noqa: E402
from measure import failures  # noqa: E402
from operator_lab import BINARY  # noqa: E402


def play(is_quick: bool, has_cluster: bool) -> None:
    begin = time.monotonic()
    local_story.play(is_quick)
    if has_cluster:
        go_on()
        cluster_story.play(is_quick)
    screen.done(f"everything that was started is ended and removed, after {time.monotonic() - begin:.0f} s")
    if not has_cluster:
        screen.say("`./dev demo --cluster` goes on with the same in a Kubernetes cluster.")
    if failures:
        sys.exit(f"demo: {len(failures)} of the claims above did not hold")


def main() -> int:
    parser = argparse.ArgumentParser(description="Poolwright at work on this machine.")
    parser.add_argument("--cluster", action="store_true", help="then the same in a cluster")
    parser.add_argument("--quick", action="store_true", help="shorter loads, and without the Prisma client")
    arguments = parser.parse_args()
    if not Path(BINARY).is_file():
        sys.exit(f"demo: no poolwright at {BINARY}: run ./dev demo, or ./dev build")
    return run_in_own_session(lambda: play(arguments.quick, arguments.cluster))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (LabError, TimeoutError, subprocess.TimeoutExpired) as error:
        sys.exit(f"demo: {error}")
