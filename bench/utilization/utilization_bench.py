#!/usr/bin/env python3
"""How near the utilization that the operator tells is to what PostgreSQL saw, beside gauges as exporters read them.

usage: utilization_bench.py [--seconds N] [--load NAME]
  --seconds N    of each load (default 40)
  --load NAME    only this one

A real PgBouncer with 20 connections under loads that come in bursts. The truth: pg_stat_activity, 50 times a second, the mean of the last three
seconds. Each second it is compared with what the operator tells at that moment (and what it tells with the truth of a second earlier, to show how much of
the error is that it comes late), and with the gauge of busy server connections that an exporter gives: read in that second, and as a dashboard
shows it that reads it every 15 seconds. Prints a table in Markdown; errors are percentage points.
"""

from __future__ import annotations

import argparse
import bisect
import contextlib
import itertools
import json
import random
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any, Iterator

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("tests/lab", "tests/e2e", "bench")]

from figures import percentile, table  # noqa: E402
from lab import PGBENCH, Database, wait_until  # noqa: E402
from local_lab import LocalLab  # noqa: E402

SIZE = 20
WINDOW_SECONDS = 3.0
LAG_SECONDS = 1.0  # by which a report is behind: the time of the newest look at the PgBouncer, and of the report that is made of it
SCRAPE_SECONDS = 15
TRUTH = ("select extract(epoch from clock_timestamp()), count(*) filter (where state <> 'idle') from pg_stat_activity"
         " where usename = 'load_app' and backend_type = 'client backend' \\watch 0.02\n")
WORK = "begin;\nselect pg_sleep({} + {} * random());\ncommit;\n"
PAUSE = "\\set rest random({}, {})\n\\sleep :rest ms\n"


def work(shortest: float, spread: float, rest_ms: tuple[int, int] | None = None) -> str:
    """A transaction of so many seconds, and the pause of its client."""
    return WORK.format(shortest, spread) + (PAUSE.format(*rest_ms) if rest_ms else "")


# What runs at the same time: clients, their script, and for bursts how many transactions each makes before all pause for seconds of this range.
LOADS: dict[str, list[tuple[int, str, tuple[int, float, float] | None]]] = {
    "steady, 2 ms": [(30, work(0.001, 0.002, (4, 16)), None)],
    "bursts of 2 ms, a quarter of a second each": [(18, work(0.001, 0.002), (80, 0.4, 1.6))],
    "bursts of 2 ms, two seconds each": [(18, work(0.001, 0.002), (700, 1.0, 4.0))],
    "20 to 100 ms": [(24, work(0.020, 0.080, (10, 80)), None)],
    "0.2 to 2 s": [(20, work(0.2, 1.8, (200, 1200)), None)],
    "bursts of 2 ms beside eight of 3 s": [(10, work(0.001, 0.002), (80, 0.4, 1.6)), (8, work(2.5, 1.0, (500, 2000)), None)],
}


class Load:
    """pgbench in the background, until the `with` block ends."""

    def __init__(self, where: Database, parts: list[tuple[int, str, tuple[int, float, float] | None]]):
        self._where, self._parts, self._is_over = where, parts, threading.Event()

    def __enter__(self) -> "Load":
        self._threads = [threading.Thread(target=self._run, args=part) for part in self._parts]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, clients: int, script: str, burst: tuple[int, float, float] | None) -> None:
        chance = random.Random(clients)
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            length = ["-t", str(burst[0])] if burst else ["-T", "3600"]
            command = [PGBENCH, "-n", "-c", str(clients), "-j", "1", *length, "-f", file.name, "-h", self._where.host, "-p",
                       str(self._where.port), "-U", self._where.user, self._where.name]
            while not self._is_over.is_set():
                process = subprocess.Popen(command, env={"PGPASSWORD": self._where.password, "PATH": "/usr/bin:/bin"},
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                while process.poll() is None and not self._is_over.wait(0.01):
                    pass
                process.kill()
                process.wait()
                self._is_over.wait(chance.uniform(*burst[1:]) if burst else 0)


class Truth:
    """How many connections of the pool were in a transaction, 50 times a second."""

    def __init__(self, server: Database):
        self._server, self.times, self._busy = server, [], []

    def __enter__(self) -> "Truth":
        where = self._server
        self._process = subprocess.Popen(
            ["psql", "-XAtq", "-h", where.host, "-p", str(where.port), "-U", where.user, where.name], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={"PGPASSWORD": where.password, "PATH": "/usr/bin:/bin"})
        self._process.stdin.write(TRUTH)
        self._process.stdin.flush()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._thread.join()
        self._process.wait()

    def _read(self) -> None:
        for line in self._process.stdout:
            if found := re.match(r"([\d.]+)\|(\d+)$", line):
                self.times.append(float(found[1]))
                self._busy.append(int(found[2]))

    def mean(self, begin: float, end: float) -> float:
        first, last = bisect.bisect(self.times, begin), bisect.bisect(self.times, end)
        return sum(self._busy[first:last]) / (last - first)


class Operator:
    """What it tells: the busy connections by its own reckoning, and those that the gauge of PgBouncer shows."""

    def __init__(self, lab: LocalLab, port: int):
        self._url = f"https://127.0.0.1:{port}/api/admin/monitoring/connections/pool"
        self._token = (lab.out / "web-token").read_text().strip()
        self._tls = ssl._create_unverified_context()

    def report(self) -> dict[str, Any]:
        request = urllib.request.Request(self._url, headers={"Authorization": f"Bearer {self._token}"})
        with urllib.request.urlopen(request, timeout=10, context=self._tls) as answer:
            return json.load(answer)

    def reports(self, seconds: float) -> Iterator[tuple[float, float, float]]:
        """time, busy, gauge: once for each report."""
        end, before = time.time() + seconds, ""
        while time.time() < end:
            report = self.report()
            connections = report["pools"][0]["connections"]
            if report["timestamp"] != before and before and connections["busy"] is not None:
                yield time.time(), connections["busy"], connections["active"]
            before = report["timestamp"]
            time.sleep(0.05)


def points(values: list[float], truths: list[float]) -> str:
    errors = [100 * abs(value - truth) / SIZE for value, truth in zip(values, truths)]
    return f"{sum(errors) / len(errors):.1f} / {percentile(errors, 95):.1f}"


def compare(name: str, where: Database, server: Database, operator: Operator, seconds: int) -> list[str]:
    with Load(where, LOADS[name]), Truth(server) as truth:
        time.sleep(WINDOW_SECONDS + 3)
        seen = list(operator.reports(seconds))
        time.sleep(0.2)
        truths = [truth.mean(at - WINDOW_SECONDS, at) for at, _, _ in seen]
        earlier = [truth.mean(at - WINDOW_SECONDS - LAG_SECONDS, at - LAG_SECONDS) for at, _, _ in seen]
        rate = len(truth.times) / (truth.times[-1] - truth.times[0])
    gauges = [gauge for _, _, gauge in seen]
    scraped = list(itertools.chain.from_iterable([gauge] * SCRAPE_SECONDS for gauge in gauges[::SCRAPE_SECONDS]))
    shares = [100 * one / SIZE for one in truths]
    told = [busy for _, busy, _ in seen]
    return [name, f"{sum(shares) / len(shares):.0f} ({min(shares):.0f}-{max(shares):.0f})", points(told, truths), points(told, earlier),
            points(gauges, truths), points(scraped, truths), f"{rate:.0f}"]


@contextlib.contextmanager
def pool() -> Iterator[tuple[LocalLab, Operator]]:
    with LocalLab() as lab:
        login = lab.login("load") | {"poolSize": {"min": SIZE, "max": SIZE}, "maxConnections": SIZE, "reservePoolSize": 0}
        lab.write_pool("load", [login], sizing={"mode": "Fixed"})
        program = lab.start_local()
        lab.wait_until_ready("load")
        port = wait_until("it listens", lambda: re.search(r"web_listens.*?port\D+(\d+)", program.log))[1]
        operator = Operator(lab, int(port))
        wait_until("it has seen the PgBouncer", lambda: operator.report()["pools"], 30)
        yield lab, operator


def main() -> None:
    parser = argparse.ArgumentParser(description="Utilization beside gauges, against pg_stat_activity.")
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--load", choices=list(LOADS))
    arguments = parser.parse_args()
    names = [arguments.load] if arguments.load else list(LOADS)
    with pool() as (lab, operator):
        rows = [compare(name, lab.pooled("load"), lab.superuser, operator, arguments.seconds) for name in names]
    table(f"Busy connections of {SIZE}: error in percentage points, mean / 95 % of the time below",
          ["transactions", "true utilization, % (least-most)", "the operator", f"against {LAG_SECONDS:.0f} s earlier", "gauge, each second",
           f"gauge, every {SCRAPE_SECONDS} s", "samples/s"], rows)


if __name__ == "__main__":
    main()
