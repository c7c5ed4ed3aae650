"""The lab for Python tests: real etcd, kube-apiserver, PostgreSQL, PgBouncer and Redis, for as long as a `with` block lasts.

    with Lab(audit=True) as lab:
        lab.apply(manifest)
        orders = lab.create_database("orders", "orders_app")
        bouncer = lab.pgbouncer("1.24", ini={"databases": {...}, "pgbouncer": {...}}, users={"orders_app": "secret"})
        operator = lab.start("operator", [binary, "run"], env={"KUBECONFIG": lab.kubeconfig})

It drives the shell program `lab` beside this file. Everything is below one temporary folder and on loopback; when this process
ends, even by SIGKILL, what it started is ended and the folder is removed. With POOLWRIGHT_LAB_KEEP=1 in the environment its folder
of logs is copied before that. A part that this machine does not have raises unittest.SkipTest. Instances belong to one thread.
"""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping

LAB = Path(__file__).resolve().parent / "lab"
PGBENCH = shutil.which("pgbench") or "/usr/lib/postgresql/15/bin/pgbench"

Ini = Mapping[str, Mapping[str, Any]]


class LabError(Exception):
    """A part did not do what it was told; the text says which, and ends with what it printed."""


def free_port() -> int:
    """A loopback port that nothing listens on and no outgoing connection will take."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    return [int(port) for port in _output([str(LAB), "ports", str(count)]).split()]


def wait_until(what: str, condition: Callable[[], Any], timeout: float = 30, pause: float = 0.05) -> Any:
    """The first true value of condition(); LabError after `timeout` seconds. For waiting only: tests assert no times."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"after {timeout} s still not: {what} (last value: {value!r})")
        time.sleep(pause)


def read_env(path: Path) -> dict[str, str]:
    """KEY=VALUE lines."""
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


@dataclass(frozen=True)
class Database:
    """A database on the lab's PostgreSQL, and the role that owns it."""

    host: str
    port: int
    name: str
    user: str
    password: str

    def on(self, host: str, port: int) -> "Database":
        """The same, reached through a pooler."""
        return Database(host, port, self.name, self.user, self.password)


class Bouncer:
    """A running PgBouncer. The operator may own its files: then `ini` is only the path that it was started with."""

    def __init__(self, lab: "Lab", name: str, version: str, ini: Path):
        self.lab, self.name, self.version, self.ini = lab, name, version, ini
        settings = read_ini(ini)["pgbouncer"]
        self.host = settings.get("listen_addr", "127.0.0.1").replace("*", "127.0.0.1").split(",")[0]
        self.port = int(settings.get("listen_port", 6432))

    def console(self, command: str, user: str, password: str) -> list[dict[str, str]]:
        """The rows of a SHOW command by column name; of other commands none."""
        return self.lab.psql(command, Database(self.host, self.port, "pgbouncer", user, password))

    def stop(self) -> None:
        self.lab.run("pgbouncer", "stop", self.name)

    def kill(self) -> None:
        self.lab.run("pgbouncer", "kill", self.name)

    def start(self) -> None:
        self.lab.run("pgbouncer", "start", self.version, self.name, str(self.ini))

    @property
    def log(self) -> str:
        return (self.lab.dir / "log" / f"pgbouncer-{self.name}.log").read_text()


class Program:
    """A program of the test's own, the operator above all."""

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], log: Path):
        self.name, self.log_path = name, log
        with log.open("ab") as output:
            self.process = subprocess.Popen(command, env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, timeout: float = 30) -> int:
        """TERM, then the exit code. A program that does not end is killed, and that is a LabError."""
        if self.is_running:
            self.process.terminate()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise LabError(f"{self.name} did not end within {timeout} s of TERM; its log ends:\n{self.log[-2000:]}") from None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Lab:
    """See the top of the file. The parts are chosen by the constructor; `with` starts and ends them."""

    def __init__(self, *, kube: bool = True, postgres: bool = True, redis: bool = False, controllers: bool = False,
                 nodes: int = 0, audit: bool = False, max_connections: int = 100):
        parts = [name for name, wanted in (("kube", kube), ("postgres", postgres), ("redis", redis)) if wanted]
        self._options = ["--parts", ",".join(parts), "--max-connections", str(max_connections)]
        self._options += ["--nodes", str(nodes)] if nodes else []
        self._options += ["--controllers"] * controllers + ["--audit"] * audit
        self._programs: list[Program] = []
        self._bouncers = 0

    # -- life --

    def __enter__(self) -> "Lab":
        # Through SystemExit a TERM unwinds `with` blocks, as Ctrl-C does by itself.
        self._old_term = signal.signal(signal.SIGTERM, lambda *_: exit(143))
        self.dir = Path(tempfile.mkdtemp(prefix="poolwright-lab-"))
        _output([str(LAB), "up", *self._options, "--while", str(os.getpid()), str(self.dir)])
        return self

    def __exit__(self, *_: object) -> None:
        for program in self._programs:
            if program.is_running:
                program.kill()
        if os.environ.get("POOLWRIGHT_LAB_KEEP"):
            kept = tempfile.mkdtemp(prefix="poolwright-kept-")
            shutil.copytree(self.dir / "log", kept, dirs_exist_ok=True)
            print(f"lab: logs kept in {kept}")
        self.run("down")
        signal.signal(signal.SIGTERM, self._old_term)

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        """A command of the shell program, on this lab. What it starts runs in the folder `cwd`."""
        return _output([str(LAB), *arguments, str(self.dir)], cwd=cwd)

    @property
    def env(self) -> dict[str, str]:
        """What the lab says of itself: KUBECONFIG, PGPORT and so on."""
        return read_env(self.dir / "env")

    # -- Kubernetes --

    @property
    def kubeconfig(self) -> str:
        """Of a user who may do everything."""
        return self.env["KUBECONFIG"]

    def kubeconfig_for(self, name: str, user: str, *groups: str) -> str:
        """A kubeconfig that acts as any user; `name` is the file's."""
        self.run("kubeconfig", name, user, *groups)
        return str(self.dir / f"{name}.kubeconfig")

    def kubeconfig_of_service_account(self, namespace: str, name: str) -> str:
        """With the rights, and in the audit log the name, of that ServiceAccount."""
        return self.kubeconfig_for(f"{namespace}-{name}", f"system:serviceaccount:{namespace}:{name}",
                                   "system:serviceaccounts", f"system:serviceaccounts:{namespace}")

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        return _output([self.env["KUBECTL"], "--kubeconfig", self.kubeconfig, *arguments], stdin)

    def apply(self, *manifests: Mapping[str, Any] | str | Path) -> None:
        """Server-side apply of objects, YAML text or files."""
        for manifest in manifests:
            text = manifest.read_text() if isinstance(manifest, Path) else manifest
            self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-",
                         stdin=text if isinstance(text, str) else json.dumps(text))

    def get(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any] | None:
        """The object, or None when it does not exist."""
        text = self.kubectl("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text.strip() else None

    def list(self, kind: str, namespace: str | None = None) -> list[dict[str, Any]]:
        where = ["-n", namespace] if namespace else ["--all-namespaces"]
        return json.loads(self.kubectl("get", kind, *where, "-o", "json"))["items"]

    def crd_established(self, name: str) -> None:
        """Waits until a CustomResourceDefinition can be used."""
        self.kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=30s")

    def audit_events(self, user: str | None = None, verbs: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """The answered requests, oldest first, all of them or one user's; `verbs` as RBAC has them, e.g. WRITE_VERBS."""
        wanted = set(verbs) if verbs is not None else None
        events = [json.loads(line) for line in Path(self.env["KUBE_AUDIT_LOG"]).read_text().splitlines() if line.endswith("}")]
        return [event for event in events
                if (user is None or event["user"]["username"] == user) and (wanted is None or event["verb"] in wanted)]

    def stop_apiserver(self) -> None:
        self.run("apiserver", "stop")

    def kill_apiserver(self) -> None:
        self.run("apiserver", "kill")

    def start_apiserver(self) -> None:
        """Again, on the same port and with the same data; returns when it is ready."""
        self.run("apiserver", "start")

    # -- PostgreSQL --

    @property
    def superuser(self) -> Database:
        env = self.env
        password = Path(env["PG_SUPERUSER_PASSWORD_FILE"]).read_text().strip()
        return Database(env["PGHOST"], int(env["PGPORT"]), "postgres", env["PG_SUPERUSER"], password)

    def create_database(self, name: str, user: str, password: str | None = None) -> Database:
        """A role and a database that it owns."""
        password = password or secrets.token_hex(12)
        self.create_role(user, password)
        self.psql(f"create database {_quoted(name)} owner {_quoted(user)}")
        server = self.superuser
        return Database(server.host, server.port, name, user, password)

    def create_role(self, user: str, password: str, options: str = "") -> None:
        literal = password.replace("'", "''")
        self.psql(f"create role {_quoted(user)} login password '{literal}' {options}")

    def psql(self, sql: str, where: Database | None = None, timeout: float = 30) -> list[dict[str, str]]:
        """The rows of one statement by column name, all values as text. By default as the superuser; LabError when it fails."""
        where = where or self.superuser
        env = os.environ | {"PGHOST": where.host, "PGPORT": str(where.port), "PGUSER": where.user, "PGDATABASE": where.name,
                            "PGPASSWORD": where.password, "PGCONNECT_TIMEOUT": "10", "PGOPTIONS": ""}
        text = _output(["psql", "-X", "-q", "--csv", "-v", "ON_ERROR_STOP=1", "-c", sql], env=env, timeout=timeout)
        return list(csv.DictReader(io.StringIO(text)))

    def stop_postgres(self) -> None:
        self.run("postgres", "stop")

    def kill_postgres(self) -> None:
        self.run("postgres", "kill")

    def start_postgres(self) -> None:
        self.run("postgres", "start")

    # -- PgBouncer --

    def has_pgbouncer(self, version: str) -> bool:
        """Whether this machine has it; a test for which it has not is skipped."""
        return _pgbouncer_variable(version) in self.env

    def pgbouncer(self, version: str, ini: Ini | str | Path, users: Mapping[str, str] | None = None,
                  hba: str | None = None, name: str | None = None) -> Bouncer:
        """Starts a PgBouncer and returns when it listens.

        `ini` is a file, its text, or its sections; sections get what they leave out: a free port on 127.0.0.1, SCRAM, the files made
        of `users` (name to password) and `hba`. Text and sections are put into a folder of the lab. A file must be readable for the
        user postgres when the tests run as root.
        """
        self._bouncers += 1
        name = name or f"{version.replace('.', '-')}-{self._bouncers}"
        if not isinstance(ini, Path):
            ini = self._write_pgbouncer_files(name, ini, users or {}, hba)
        bouncer = Bouncer(self, name, version, ini)
        bouncer.start()
        return bouncer

    def _write_pgbouncer_files(self, name: str, ini: Ini | str, users: Mapping[str, str], hba: str | None) -> Path:
        folder = self.dir / "pgbouncer-files" / name
        folder.mkdir(parents=True)
        (folder / "userlist.txt").write_text(userlist(users))
        if hba is not None:
            (folder / "hba.conf").write_text(hba)
        if not isinstance(ini, str):
            settings = {"listen_addr": "127.0.0.1", "listen_port": 0, "unix_socket_dir": "", "auth_file": folder / "userlist.txt",
                        "auth_type": "hba" if hba is not None else "scram-sha-256"}
            settings |= {"auth_hba_file": folder / "hba.conf"} if hba is not None else {}
            settings |= ini.get("pgbouncer", {})
            settings["listen_port"] = settings["listen_port"] or free_port()
            ini = render_ini(dict(ini) | {"pgbouncer": settings})
        path = folder / "pgbouncer.ini"
        path.write_text(ini)
        return path

    # -- the test's own programs --

    def start(self, name: str, command: list[str], env: Mapping[str, str] | None = None) -> Program:
        """Starts a program whose output goes to a log of the lab; it is killed with the lab. `env` is added to ours."""
        program = Program(name, [str(word) for word in command], os.environ | dict(env or {}), self.dir / "log" / f"{name}.log")
        self._programs.append(program)
        return program


WRITE_VERBS = ("create", "update", "patch", "delete", "deletecollection")


def userlist(users: Mapping[str, str]) -> str:
    """The text of a PgBouncer auth_file."""
    return "".join('"{}" "{}"\n'.format(*(word.replace('"', '""') for word in pair)) for pair in users.items())


def render_ini(sections: Ini) -> str:
    """Sections to text, as they are: nothing is quoted. [pgbouncer] comes last."""
    ordered = sorted(sections, key=lambda section: section == "pgbouncer")
    return "\n".join("\n".join([f"[{section}]", *(f"{key} = {value}" for key, value in sections[section].items()), ""])
                     for section in ordered)


def read_ini(path: Path) -> dict[str, dict[str, str]]:
    sections: dict[str, dict[str, str]] = {"pgbouncer": {}}
    current: dict[str, str] = {}
    for line in path.read_text().splitlines():
        text = line.strip()
        if text.startswith("["):
            current = sections.setdefault(text.strip("[]"), {})
        elif "=" in text and text[0] not in ";#":
            key, value = text.split("=", 1)
            current[key.strip()] = value.strip()
    return sections


def _pgbouncer_variable(version: str) -> str:
    return "PGBOUNCER_" + version.replace(".", "_")


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _output(command: list[str], stdin: str = "", env: Mapping[str, str] | None = None, timeout: float = 180,
            cwd: Path | None = None) -> str:
    """stdout of a command that succeeds. The arguments in the error are cut: they may hold a statement with a password."""
    ran = subprocess.run(command, input=stdin, env=env, capture_output=True, text=True, timeout=timeout, cwd=cwd)
    if ran.returncode == 77:
        raise unittest.SkipTest(ran.stderr.strip())
    if ran.returncode != 0:
        raise LabError(f"{' '.join(command)[:200]}: exit code {ran.returncode}: {ran.stderr.strip()[-2000:]}")
    return ran.stdout
