#!/usr/bin/env python3
"""Pools that find their size beside a static one, on a real PgBouncer and PostgreSQL, in the same run.

usage: resize_bench.py [--seconds N] [--scenario NAME] [--out DIR]
  --seconds N      of each scenario and policy (default 55: all of them take less than 12 minutes)
  --scenario NAME  only this one
  --out DIR        writes resize.csv, a plot of each scenario, and what was decided and why (decisions-NAME.txt) there

pgbench sends transactions at the times of a Poisson process, whether the earlier ones are done or not (but CPU saturation, which is closed), from
the same seeds for both policies. Before the clock starts, the load that a scenario begins with runs for some seconds. A transaction of 50 ms that
takes longer has waited, for a connection or a lock: the table has the 99th percentile of that wait, over all transactions that were due within
the time, however late they came. Backends are counted in pg_stat_activity 20 times a second. "react" is the time from the first sight of waiting
clients with every server connection in use to a larger size, as the console shows both (10 times a second).
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("tests/lab", "tests/e2e", "bench")]

from figures import percentile, table  # noqa: E402
from lab import PGBENCH, Database  # noqa: E402
from local_lab import LocalLab  # noqa: E402

BUDGET, STATIC, WORK_SECONDS = 60, 25, 0.05
WARM_UP_SECONDS, SEED = 6, 4711
SHORT = f"begin;\nselect pg_sleep({WORK_SECONDS});\ncommit;\n"
LOCKED = "begin;\nselect pg_sleep(0.05);\nupdate hot set n = n + 1;\ncommit;\n"
HOLD = "begin;\nupdate hot set n = n + 1;\nselect pg_sleep(3);\ncommit;\n\\sleep 9 s\n"
BURN = "select count(*) from generate_series(1, 40000);\n"
LEAK = "begin;\nselect 1;\n\\sleep 2000 s\ncommit;\n"  # more than 2147 s overflow in pgbench, and are no sleep at all


@dataclass(frozen=True)
class Stream:
    """Clients with one script; rate 0: as fast as they can. From and to: shares of the scenario; what begins with it runs from the warm-up on."""
    script: str
    clients: int
    rate: int = 0
    begins: float = 0.0
    ends: float = 1.0
    pool: str = "first"
    is_measured: bool = True


SCENARIOS: dict[str, list[Stream]] = {
    "burst x10": [Stream(SHORT, 60, 60), Stream(SHORT, 90, 540, 0.3, 0.6)],
    "slow by a lock": [Stream(SHORT, 80, 200), Stream(LOCKED, 60, 8), Stream(HOLD, 1, is_measured=False)],
    "CPU saturation": [Stream(BURN, 80)],
    "two pools": [Stream(SHORT, 40, 60), Stream(SHORT, 40, 60, pool="second"), Stream(SHORT, 60, 500, 0.3, 0.7, pool="second")],
    "leak": [Stream(SHORT, 80, 200), Stream(LEAK, 15, begins=0.2, is_measured=False)],
}


@dataclass
class Seen:
    latencies: list[float] = field(default_factory=list)  # of what was due within the time
    done: int = 0  # within the time
    errors: int = 0
    backends: list[tuple[float, int]] = field(default_factory=list)
    sizes: list[tuple[float, int, int]] = field(default_factory=list)  # time, size, waiting; sums over the pools
    reactions: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Window:
    """The time that is measured, by the clock of pgbench's logs."""
    start: float
    seconds: int

    def of(self, stream: Stream) -> tuple[float, int]:
        """When the stream begins, and for how long."""
        begin = self.start + self.seconds * stream.begins if stream.begins else self.start - WARM_UP_SECONDS
        return begin, max(1, round(self.start + self.seconds * stream.ends - begin))

    def holds(self, moment: float) -> bool:
        return self.start <= moment < self.start + self.seconds


def run_stream(stream: Stream, seed: int, where: Database, window: Window, seen: Seen, lock: threading.Lock) -> None:
    begin, length = window.of(stream)
    time.sleep(max(0.0, begin - time.time()))
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.sql"
        script.write_text(stream.script)
        # What is due is sent, also when it is late: a pool that is too small does not get rid of its queue by the end of the time.
        amount = ["-R", str(stream.rate), "-t", str(stream.rate * length // stream.clients)] if stream.rate else ["-T", str(length)]
        process = subprocess.Popen([PGBENCH, "-n", "-c", str(stream.clients), "-j", "1", *amount, f"--random-seed={seed}", "-f", str(script), "-l",
                                    "--log-prefix", f"{folder}/log", "-h", where.host, "-p", str(where.port), "-U", where.user, where.name],
                                   env={"PGPASSWORD": where.password, "PATH": "/usr/bin:/bin"}, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        try:
            _, complaint = process.communicate(timeout=length + 60 if stream.is_measured else length)
        except subprocess.TimeoutExpired:
            process.kill()
            _, complaint = process.communicate()
        if not stream.is_measured:
            return
        lines = [line.split() for file in Path(folder).glob("log*") for line in file.read_text().splitlines()]
        ended = [(int(cells[4]) + int(cells[5]) / 1e6, int(cells[2]) / 1e6) for cells in lines if cells[2].isdigit()]
        with lock:
            seen.errors += complaint.count("ERROR") + complaint.count("FATAL")
            seen.done += sum(window.holds(moment) for moment, _ in ended)
            # A latency counts from the moment at which the transaction was due, where there is a rate.
            seen.latencies += [latency for moment, latency in ended if window.holds(moment - latency)]


def count_backends(lab: LocalLab, names: list[str], seen: Seen, over: threading.Event) -> None:
    server = lab.superuser
    listed = ", ".join(f"'{name}'" for name in names)
    query = f"select count(*) from pg_stat_activity where datname in ({listed}) and application_name <> 'poolwright' \\watch 0.05\n"
    psql = subprocess.Popen(["psql", "-XAtq", "-h", server.host, "-p", str(server.port), "-U", server.user, "postgres"], text=True,
                            env={"PGPASSWORD": server.password, "PATH": "/usr/bin:/bin"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    psql.stdin.write(query)
    psql.stdin.flush()
    threading.Thread(target=lambda: (over.wait(), psql.kill()), daemon=True).start()
    with psql:
        for line in psql.stdout:
            if line.strip().isdigit():
                seen.backends.append((time.monotonic(), int(line)))


class Consoles:
    """Size, servers and waiting clients of each pool, from its console, ten times a second."""

    def __init__(self, lab: LocalLab, names: list[str], seen: Seen):
        self._lab, self._names, self._seen = lab, names, seen
        self._waits_since: dict[str, tuple[float, int] | None] = {}

    def watch(self, over: threading.Event) -> None:
        while not over.wait(0.1):
            now, sizes, waiting = time.monotonic(), 0, 0
            for name in self._names:
                size = int(next(row["pool_size"] for row in self._lab.console(name, "SHOW DATABASES") if row["name"] == name))
                rows = [row for row in self._lab.console(name, "SHOW POOLS") if row["database"] == name]
                held = sum(int(row[key]) for row in rows for key in ("sv_active", "sv_idle", "sv_used", "sv_login"))
                queue = sum(int(row["cl_waiting"]) for row in rows)
                self._note(name, now, size, queue > 0 and held >= size)
                sizes, waiting = sizes + size, waiting + queue
            self._seen.sizes.append((now, sizes, waiting))

    def _note(self, name: str, now: float, size: int, is_full: bool) -> None:
        since = self._waits_since.get(name)
        if since and size > since[1]:
            self._seen.reactions.append(now - since[0])
            self._waits_since[name] = None
        elif not is_full:
            self._waits_since[name] = None
        elif not since:
            self._waits_since[name] = (now, size)


def decisions(log: str) -> str:
    """The changes of sizes that an operator logged, with its reasons."""
    events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return "".join(f"{event['ts']}  {event['database']} {event['from']} -> {event['to']}  {event['reason']}: {event['why']}\n"
                   for event in events if event["msg"] == "pool_resized")


def run(name: str, policy: str, seconds: int, out: Path) -> Seen:
    streams, seen = SCENARIOS[name], Seen()
    pools = sorted({stream.pool for stream in streams})
    with LocalLab(versions=("1.24",)) as lab:
        for pool in pools:
            size = {"min": 2, "max": BUDGET, "initial": 5} if policy == "ours" else {"min": 2, "max": STATIC, "initial": STATIC}
            database = lab.login(pool) | {"poolSize": size, "maxConnections": BUDGET, "reservePoolSize": 0}
            lab.write_pool(pool, [database], pgbouncer={"maxClientConnections": 400}, sizing={"mode": "Auto" if policy == "ours" else "Fixed"},
                           postgres={"host": lab.superuser.host, "port": lab.superuser.port,
                                     "connectionBudget": {"max": BUDGET, "reserved": 0}})
        local = lab.start_local()
        for pool in pools:
            lab.wait_until_ready(pool)
            where = lab.pooled(pool)
            lab.psql("create table hot (n bigint); insert into hot values (0)",
                     Database(lab.superuser.host, lab.superuser.port, pool, where.user, where.password))
        window, over, lock = Window(time.time() + WARM_UP_SECONDS, seconds), threading.Event(), threading.Lock()
        watchers = [threading.Thread(target=count_backends, args=(lab, pools, seen, over)),
                    threading.Thread(target=Consoles(lab, pools, seen).watch, args=(over,))]
        loads = [threading.Thread(target=run_stream, args=(stream, SEED + number, lab.pooled(stream.pool), window, seen, lock))
                 for number, stream in enumerate(streams)]
        for thread in loads:
            thread.start()
        time.sleep(max(0.0, window.start - time.time()))
        for thread in watchers:
            thread.start()
        for thread in loads:
            thread.join()
        over.set()
        for thread in watchers:
            thread.join()
        if policy == "ours":
            (out / f"decisions-{slug(name)}.txt").write_text(decisions(local.log))
    return seen


def seconds_over(seen: Seen) -> float:
    pairs = zip(seen.backends, seen.backends[1:])
    return sum(after[0] - before[0] for before, after in pairs if before[1] > BUDGET)


def figures(name: str, policy: str, seen: Seen, seconds: int) -> list[str]:
    floor = 0.0 if name == "CPU saturation" else WORK_SECONDS
    counts = [count for _, count in seen.backends]
    wait = max(0.0, percentile(seen.latencies, 99) - floor)
    react = f"{max(seen.reactions):.1f}" if seen.reactions else "-"
    return [name, policy, f"{1000 * wait:.0f}", f"{seen.done / seconds:.0f}", f"{sum(counts) / len(counts):.1f}", str(max(counts)),
            f"{seconds_over(seen):.1f}", react, str(seen.errors)]


def slug(name: str) -> str:
    return name.replace(" ", "-").lower()


def plot(name: str, runs: dict[str, Seen], path: Path) -> None:
    """Backends (line) and size (dashed) over time, one colour a policy."""
    width, height, left, top = 720, 240, 40, 24
    longest = max(seen.backends[-1][0] - seen.backends[0][0] for seen in runs.values())
    highest = max(BUDGET, max(count for seen in runs.values() for _, count in seen.backends))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>', f'<text x="{left}" y="16">{name}: backends, and size (dashed)</text>']

    def line(points: list[tuple[float, int]], begin: float, colour: str, dash: str) -> str:
        places = " ".join(f"{left + (width - left - 10) * (at - begin) / longest:.1f},{height - 20 - (height - 20 - top) * value / highest:.1f}"
                          for at, value in points)
        return f'<polyline points="{places}" fill="none" stroke="{colour}" {dash}/>'

    for number, (policy, seen) in enumerate(runs.items()):
        colour, begin = ("#1f77b4", "#d62728")[number], seen.backends[0][0]
        parts.append(line(seen.backends[::4], begin, colour, ""))
        parts.append(line([(at, size) for at, size, _ in seen.sizes], begin, colour, 'stroke-dasharray="4 3"'))
        parts.append(f'<text x="{width - 200 + 90 * number}" y="16" fill="{colour}">{policy}</text>')
    parts.append(f'<text x="4" y="{top + 4}">{highest}</text><text x="4" y="{height - 18}">0</text>'
                 f'<text x="{width - 40}" y="{height - 4}">{longest:.0f} s</text></svg>')
    path.write_text("\n".join(parts) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Pools that find their size beside a static one.")
    parser.add_argument("--seconds", type=int, default=55)
    parser.add_argument("--scenario", choices=list(SCENARIOS))
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench-resize")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    head = ["situation", "policy", "p99 wait, ms", "transactions/s", "mean backends", "most", "s over budget", "react, s", "errors"]
    rows = []
    for name in [arguments.scenario] if arguments.scenario else list(SCENARIOS):
        runs = {policy: run(name, policy, arguments.seconds, arguments.out) for policy in ("static", "ours")}
        rows += [figures(name, policy, seen, arguments.seconds) for policy, seen in runs.items()]
        plot(name, runs, arguments.out / f"resize-{slug(name)}.svg")
        print(rows[-2:], flush=True)
    with open(arguments.out / "resize.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])
    table(f"A budget of {BUDGET} connections; static: {STATIC} for each pool. {arguments.seconds} s each after {WARM_UP_SECONDS} s of warm-up, "
          f"arrivals from seed {SEED} on", head, rows)


if __name__ == "__main__":
    main()
