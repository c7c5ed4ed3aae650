"""Clients that work without a pause while something happens to the pool, and a count of what they lost.

Each transaction inserts one row. pgbench counts what its clients saw committed, the table what the server committed: more rows than that
means a client got an error for a transaction that was committed.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from dataclasses import dataclass

from lab import PGBENCH, Database

SHORT = "begin;\ninsert into work (note) values ('short');\nselect count(*) from work where id < 10;\ncommit;\n\\sleep 20 ms\n"
LONG = "begin;\ninsert into work (note) values ('long');\nselect pg_sleep(0.3);\ncommit;\n\\sleep 20 ms\n"


@dataclass(frozen=True)
class Clients:
    name: str
    script: str
    count: int
    options: tuple[str, ...]


# Kept connections with prepared statements, long transactions, and clients that connect anew for each transaction. Each has a thread of its
# own: while one connects, the others of its thread would stand still inside their transactions, and hold the servers that it waits for.
KINDS = (Clients("prepared", SHORT, 8, ("-M", "prepared")), Clients("long", LONG, 12, ("-M", "simple")),
         Clients("connecting", SHORT, 3, ("-C", "-M", "simple")))


class Load:
    """Works from the start of the `with` block to its end, in runs of `seconds`: so long does a client keep its connection. `once`: one run.
    """

    def __init__(self, where: Database, seconds: int = 3, kinds: tuple[str, ...] = (), once: bool = False):
        self._where, self._seconds, self._once = where, seconds, once
        self._is_ending = threading.Event()
        self._scripts = tempfile.TemporaryDirectory()
        self._threads = [threading.Thread(target=self._drive, args=(kind,), daemon=True)
                         for kind in KINDS if not kinds or kind.name in kinds]
        self._lock = threading.Lock()
        self.transactions, self.complaints = 0, []

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_ending.set()
        for thread in self._threads:
            thread.join()
        self._scripts.cleanup()

    def _drive(self, kind: Clients) -> None:
        script = os.path.join(self._scripts.name, kind.name)
        with open(script, "w") as file:
            file.write(kind.script)
        command = [PGBENCH, "-n", "-c", str(kind.count), "-j", str(kind.count), "-T", str(self._seconds), *kind.options, "-f", script,
                   "-h", self._where.host, "-p", str(self._where.port), "-U", self._where.user, self._where.name]
        while True:
            ran = subprocess.run(command, env={"PGPASSWORD": self._where.password, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
            done = next((int(line.split(":")[1].split("/")[0]) for line in ran.stdout.splitlines()
                         if line.startswith("number of transactions actually processed")), 0)
            with self._lock:
                self.transactions += done
                if ran.returncode or "ERROR" in ran.stderr or "FATAL" in ran.stderr:
                    self.complaints.append(f"{kind.name}: {ran.stderr.strip()[-600:]}")
            if self._once or self._is_ending.is_set():
                return
