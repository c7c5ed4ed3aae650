"""The demo's application: 20 instances with 5 connections each, made of pgbench; and the eyes on PostgreSQL meanwhile."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ending import wait_for
from lab import PGBENCH, Lab

INSTANCES, CONNECTIONS = 20, 5

# Works 3 ms in the database, then does something else for 30 ms, as applications do.
LIKE_AN_APPLICATION = "begin;\nselect pg_sleep(0.003);\nselect 1;\ncommit;\n\\sleep 30 ms\n"
FAR_TOO_LONG = 600  # seconds
AS_FAST_AS_POSSIBLE = "select 1;\n"


@dataclass(frozen=True)
class Target:
    """A URL, and the addresses that its host name stands for: in a cluster, the Service's name and its pods."""

    url: str
    addresses: list[tuple[str, int]]

    def environment(self, instance: int) -> dict[str, str]:
        """libpq's variables for one instance, so that no password is on a command line. Pods are taken in turn."""
        url = urlsplit(self.url)
        address, port = self.addresses[instance % len(self.addresses)]
        return {"PATH": os.environ["PATH"], "PGHOST": url.hostname, "PGHOSTADDR": address, "PGPORT": str(port),
                "PGUSER": unquote(url.username), "PGPASSWORD": unquote(url.password), "PGDATABASE": unquote(url.path[1:])}


@dataclass
class Outcome:
    transactions_per_second: float = 0
    transactions: int = 0
    errors: list[str] = field(default_factory=list)


class Application:
    """All instances at work, from the first line of the `with` block; for so many seconds, or until stop()."""

    def __init__(self, lab: Lab, target: Target, seconds: int = FAR_TOO_LONG, script: str = LIKE_AN_APPLICATION):
        self._target, self._seconds = target, seconds
        self._folder = lab.dir / "application"
        self._folder.mkdir(exist_ok=True)
        self._script = self._folder / "transaction.sql"
        self._script.write_text(script)
        self._running: list[subprocess.Popen] = []

    def __enter__(self) -> "Application":
        for instance in range(INSTANCES):
            with self._log(instance).open("w") as log:
                self._running.append(subprocess.Popen(
                    [PGBENCH, "-n", "-c", str(CONNECTIONS), "-j", "1", "-P", "1", "-T", str(self._seconds), "-f", str(self._script)],
                    env=self._target.environment(instance), stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.kill()
            process.wait()

    def _log(self, instance: int) -> Path:
        return self._folder / f"{instance}.log"

    def stop(self) -> Outcome:
        """Ends it now. pgbench then keeps its totals to itself; they are summed from what it said each second."""
        died = [self._log(instance) for instance, process in enumerate(self._running) if process.poll() is not None]
        for process in self._running:
            process.terminate()
            process.wait()
        total = self._outcome(r"^progress: .* s, ([\d.]+) tps")
        total.errors += [f"an instance ended: {log.read_text()[-200:]}" for log in died if not total.errors]
        return total

    def outcome(self) -> Outcome:
        """Waits for the end."""
        wait_for("the application's instances are done", lambda: not any(process.poll() is None for process in self._running),
                 self._seconds + 60)
        total = self._outcome(r"actually processed: (\d+)")
        total.errors += ["an instance failed" for process in self._running if process.returncode != 0 and not total.errors]
        return total

    def _outcome(self, transactions: str) -> Outcome:
        total = Outcome()
        for instance in range(INSTANCES):
            text = self._log(instance).read_text()
            total.transactions_per_second += sum(map(float, re.findall(r"^tps = ([\d.]+)", text, re.MULTILINE)))
            total.transactions += int(sum(map(float, re.findall(transactions, text, re.MULTILINE))))
            total.errors += re.findall(r".*(?:error|ERROR|FATAL|aborted).*", text)
        return total


def milliseconds_to_connect(target: Target, times: int) -> float:
    """The average of connecting that often, one after the other."""
    ran = subprocess.run([PGBENCH, "-n", "-C", "-c", "1", "-t", str(times), "-f", "-"], env=target.environment(0), input="select 1;\n",
                         capture_output=True, text=True, timeout=60)
    return _number(r"^average connection time = ([\d.]+) ms", ran.stdout)


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text, re.MULTILINE)
    return float(found[1]) if found else 0.0


class Backends:
    """Counts, every 50 ms, how many backends a database has, until the `with` block ends; `only` is a further SQL condition.

    The one connection by which Poolwright itself watches the server is not counted: it is no client's."""

    def __init__(self, lab: Lab, database: str, only: str = "true"):
        self._lab = lab
        self._from = f"from pg_stat_activity where datname = '{database}' and application_name <> 'poolwright' and {only}"
        self.now, self.highest, self.samples = 0, 0, 0

    def __enter__(self) -> "Backends":
        server = self._lab.superuser
        environment = {"PATH": os.environ["PATH"], "PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": server.user,
                       "PGPASSWORD": server.password, "PGDATABASE": server.name}
        self._psql = subprocess.Popen(["psql", "-XqtA"], env=environment, text=True, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._psql.stdin.write(f"select count(*) {self._from} \\watch 0.05\n")
        self._psql.stdin.flush()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._psql.kill()
        self._thread.join()
        self._psql.communicate()

    def _read(self) -> None:
        for line in self._psql.stdout:
            if line.strip().isdigit():
                self.now = int(line)
                self.highest = max(self.highest, self.now)
                self.samples += 1

    def megabytes(self) -> float:
        """Of memory that they hold now; what several share is counted in parts."""
        pids = self._lab.psql(f"select pid {self._from}")
        kilobytes = 0
        for row in pids:
            with contextlib.suppress(OSError):
                kilobytes += int(_number(r"^Pss: +(\d+)", Path(f"/proc/{row['pid']}/smaps_rollup").read_text()))
        return kilobytes / 1024
