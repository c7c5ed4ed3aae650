#!/usr/bin/env python3
"""Real client programs, run on the variables that an application would get from the Secret of a ConnectionPool.

    import clients
    clients.run("prisma", {"DATABASE_URL": ...})    ->  {"client": "prisma", "ok": True, "user": ..., "server_pid": ...}
    clients.missing("jdbc")                         ->  None, or why this machine cannot run it

Each program makes one transaction with two queries, and prints one JSON line. On the command line:

    tests/clients/clients.py                        the names of all clients, and which are missing
    tests/clients/clients.py prisma                 runs one on this process's own environment
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PSQL_QUERY = """
begin;
select pg_backend_pid() as first \\gset
select pg_backend_pid() as second \\gset
select json_build_object('client', 'psql', 'ok', :first = :second, 'user', current_user,
                         'database', current_database(), 'server_pid', :first);
commit;
"""

# The client, and the key of the Secret whose value it connects to.
DEFAULT_VARIABLE = {
    "prisma": "DATABASE_URL",
    "prisma-load": "DATABASE_URL",
    "node-postgres": "DATABASE_URL",
    "psql": "uri",
    "psycopg": "uri",
    "asyncpg": "uri",
    "jdbc": "jdbc-uri",
}


def _library_dir(kind: str) -> Path:
    """The folder in the cache where `./dev deps` put the libraries; the shell scripts say which."""
    script = f'. "{HERE}/../../scripts/common.sh"; {kind}_clients_dir'
    return Path(subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True).stdout.strip())


def _needs(client: str) -> tuple[str, str]:
    """The program and the kind of libraries that a client needs."""
    if client in ("prisma", "prisma-load", "node-postgres"):
        return "node", "node"
    if client in ("psycopg", "asyncpg"):
        return "python3", "python"
    if client == "jdbc":
        return "java", "jdbc"
    return "psql", ""


def missing(client: str) -> str | None:
    """Why this client cannot be run here, or None."""
    program, libraries = _needs(client)
    if not shutil.which(program):
        return f"{program} is not installed"
    if libraries and not _library_dir(libraries).is_dir():
        return f"the {libraries} libraries are not in the cache (./dev deps clients)"
    return None


@contextlib.contextmanager
def _node_command(program: str, arguments: list[str]):
    """Node looks for modules beside the program's file, so the programs get a folder with a link to the installed modules."""
    libraries = _library_dir("node")
    with tempfile.TemporaryDirectory(prefix="poolwright-node-") as folder:
        shutil.copytree(HERE / "node" / "src", Path(folder) / "src")
        shutil.copy(HERE / "node" / "package.json", folder)
        for name in ("node_modules", "generated"):
            (Path(folder) / name).symlink_to(libraries / name)
        yield [str(libraries / "node_modules/.bin/tsx"), f"{folder}/src/{program}.ts", *arguments]


@contextlib.contextmanager
def _command(client: str, variable: str, environment: dict[str, str], arguments: list[str]):
    if client in ("prisma", "prisma-load"):
        with _node_command(client.replace("-", "_"), arguments) as command:
            yield command
    elif client == "node-postgres":
        with _node_command("node_postgres", [variable]) as command:
            yield command
    elif client in ("psycopg", "asyncpg"):
        yield [str(_library_dir("python") / "bin/python"), str(HERE / "python" / f"{client}_client.py"), variable]
    elif client == "jdbc":
        yield ["java", "-cp", f"{_library_dir('jdbc')}/*", str(HERE / "jdbc/JdbcClient.java"), variable]
    elif client == "psql":
        yield ["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-f", "-", environment[variable]]
    else:
        raise ValueError(f"no client {client!r}; there are {', '.join(DEFAULT_VARIABLE)}")


def run(client: str, environment: dict[str, str], variable: str | None = None, arguments: list[str] | None = None,
        timeout: float = 120) -> dict:
    """Runs one client and returns its JSON line. A client that fails returns {"ok": False, "error": ...}.

    `environment` is what the client sees besides PATH and HOME, so that nothing of ours leaks in. `variable` names the URL to
    connect to; the default is the Secret's key for that client.
    """
    variable = variable or DEFAULT_VARIABLE.get(client, "")
    full = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | environment
    with _command(client, variable, full, [str(argument) for argument in arguments or []]) as command:
        ran = subprocess.run(command, env=full, input=PSQL_QUERY, capture_output=True, text=True, timeout=timeout)
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    if lines:
        return json.loads(lines[-1])
    return {"client": client, "ok": False, "error": ran.stderr.strip()[-500:] or f"exit code {ran.returncode}"}


def load(environment: dict[str, str], *, clients: int, pool: int = 0, seconds: float = 3, pause_ms: int = 0) -> dict:
    """Prisma clients at work: {"ok", "transactions", "finds", "failed", "errors", "servers", "slowestMs", ...}."""
    return run("prisma-load", environment, arguments=[clients, pool, seconds, pause_ms], timeout=seconds + 120)


def main(arguments: list[str]) -> int:
    if not arguments:
        for client in DEFAULT_VARIABLE:
            print(f"{client:14} {missing(client) or 'ready'}")
        return 0
    outcome = run(arguments[0], dict(os.environ), arguments=arguments[1:])
    print(json.dumps(outcome))
    return 0 if outcome["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
