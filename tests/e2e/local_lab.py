"""What the tests and the demo of local mode share: a lab with PostgreSQL, a directory of resources, and poolwright on it.

    with LocalLab() as lab:
        lab.write_pool("orders", [lab.login("orders")])
        lab.start_local()
        lab.wait_until_ready("orders")
        lab.psql("select 1", lab.pooled("orders"))
"""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
from pathlib import Path
from typing import Any, Callable
from urllib.parse import unquote, urlsplit

import yaml

from lab import Database, Lab, Program, free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("POOLWRIGHT_BINARY", str(ROOT / "build/release/operator/poolwright"))
VERSIONS = ("1.18", "1.24", "1.26")


class LocalLab(Lab):
    """A Lab of databases only. `versions` are the PgBouncers that poolwright may choose of."""

    def __init__(self, *, versions: tuple[str, ...] = VERSIONS, **options: Any):
        super().__init__(**{"kube": False} | options)
        self._versions = versions
        self._local: Program | None = None

    def __enter__(self) -> "LocalLab":
        super().__enter__()
        self._runs = 0
        self.begin_anew()
        return self

    def begin_anew(self) -> None:
        """An empty directory and nothing that runs; the databases stay."""
        self.stop_local()
        self._runs += 1
        home = self.dir / f"local-{self._runs}"
        self.pools, self.out = home / "pools", home / "out"
        self.pools.mkdir(mode=0o700, parents=True)
        self.first_port = free_port()

    def stop_local(self) -> None:
        if self._local and self._local.is_running:
            self._local.stop()  # its PgBouncers are sessions of their own
        self._local = None

    def __exit__(self, *failure: object) -> None:
        self.stop_local()
        super().__exit__(*failure)

    # -- the directory --

    def login(self, database: str, password: str | None = None) -> dict[str, Any]:
        """A database with its Secret as a folder of files; the entry for spec.databases."""
        created = self.create_database(database, f"{database}_app", password)
        self.write_secret(f"{database}-app", created.user, created.password)
        return {"name": database, "credentialsSecretRef": {"name": f"{database}-app"}}

    def write_secret(self, name: str, user: str, password: str) -> None:
        folder = self.pools / name
        folder.mkdir(mode=0o700, exist_ok=True)
        for key, value in (("username", user), ("password", password)):
            fresh = folder / f".{key}"
            fresh.write_text(value + "\n")
            fresh.chmod(0o600)
            fresh.rename(folder / key)

    def write_pool(self, name: str, databases: list[dict[str, Any]], **spec: Any) -> Path:
        postgres = {"host": self.superuser.host, "port": self.superuser.port}
        manifest = {"apiVersion": "poolwright.dev/v1alpha1", "kind": "ConnectionPool", "metadata": {"name": name},
                    "spec": {"postgres": postgres, "databases": databases} | spec}
        return self.write_file(f"{name}.yaml", yaml.safe_dump(manifest, sort_keys=False))

    def write_file(self, name: str, text: str) -> Path:
        fresh, path = self.pools / f".{name}.new", self.pools / name
        fresh.write_text(text)
        fresh.rename(path)
        return path

    # -- poolwright --

    def start_local(self, *arguments: str, name: str = "local", is_second: bool = False) -> Program:
        programs = [word for version in self._versions if self.has_pgbouncer(version)
                    for word in ("--pgbouncer", self.env["PGBOUNCER_" + version.replace(".", "_")])]
        if "--web-port" not in arguments:
            arguments += ("--web-port", "0")
        started = self.start(f"{name}-{self._runs}", [BINARY, "run", "--local", str(self.pools), "--out", str(self.out), "--first-port",
                                        str(self.first_port), *programs, *arguments])
        self._local = self._local if is_second else started
        return started

    def status(self, pool: str) -> dict[str, Any]:
        try:
            return json.loads((self.out / pool / "status.json").read_text())
        except FileNotFoundError:
            return {}

    def condition(self, pool: str, kind: str) -> dict[str, Any]:
        return next((entry for entry in self.status(pool).get("conditions", []) if entry["type"] == kind), {})

    def wait_for(self, what: str, holds: Callable[[], Any], timeout: float = 60) -> Any:
        try:
            return wait_until(what, holds, timeout)
        except Exception:
            print(self._local.log[-6000:] if self._local else "")
            raise

    def wait_until_ready(self, pool: str, not_hash: str = "") -> dict[str, Any]:
        """Serving, and every process read back; with another configuration than `not_hash`."""
        def ready() -> dict[str, Any] | None:
            status = self.status(pool)
            good = {entry["type"] for entry in status.get("conditions", []) if entry["status"] == "True"}
            hashes = {pod.get("configHash") for pod in status.get("pods", [])}
            is_current = hashes == {status.get("configHash")} and status.get("configHash") != not_hash
            return status if {"Ready", "Programmed"} <= good and is_current else None
        return self.wait_for(f"pool {pool} is ready", ready)

    def environment(self, pool: str, database: str | None = None) -> dict[str, str]:
        """The .env file as a shell reads it."""
        text = (self.out / pool / f"{database or pool}.env").read_text()
        words = [word for line in text.splitlines() if not line.startswith("#") for word in shlex.split(line)]
        return dict(word.split("=", 1) for word in words)

    def pooled(self, pool: str, database: str | None = None) -> Database:
        return from_url(self.environment(pool, database)["DATABASE_URL"])

    def console(self, pool: str, command: str) -> list[dict[str, str]]:
        kept = json.loads((self.out / f".state/objects/Secret.{pool}-pool-console.json").read_text())["object"]["data"]
        login = {key: base64.b64decode(value).decode() for key, value in kept.items()}
        where = self.pooled(pool)
        return self.psql(command, Database(where.host, where.port, "pgbouncer", login["admin-username"], login["admin-password"]))

    def bouncer_pid(self, pool: str) -> int:
        """Of the process that poolwright started; 0 while there is none."""
        try:
            return json.loads((self.out / f".state/{pool}.process").read_text())["process"]["pid"]
        except FileNotFoundError:
            return 0


def from_url(url: str) -> Database:
    parts = urlsplit(url)
    return Database(parts.hostname, parts.port, parts.path[1:], unquote(parts.username), unquote(parts.password))


def is_alive(pid: int) -> bool:
    try:
        return not re.search(r"\) [ZX] ", Path(f"/proc/{pid}/stat").read_text())
    except OSError:
        return False
