#!/usr/bin/env python3
"""Starts one PgBouncer for bench/console to poll over many consoles, and runs it.

usage: run_console.py BENCH_CONSOLE [CONSOLES=1000] [SECONDS=30]
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "lab"))

from lab import Lab  # noqa: E402

ADMIN = ("bench", "bench")  # of a PgBouncer on loopback that lives as long as this program


def main() -> int:
    program, *rest = sys.argv[1:]
    consoles = int(rest[0]) if rest else 1000
    settings = {"admin_users": ADMIN[0], "max_client_conn": consoles + 10}
    with Lab(kube=False, postgres=False) as lab:
        version = next(one for one in ("1.26", "1.24", "1.18") if lab.has_pgbouncer(one))
        ini = {"databases": {"any": "host=127.0.0.1"}, "pgbouncer": settings}
        bouncer = lab.pgbouncer(version, ini, users=dict([ADMIN]))
        print(f"PgBouncer {version}", flush=True)
        return subprocess.run([program, bouncer.host, str(bouncer.port), *ADMIN, str(consoles), *rest[1:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
