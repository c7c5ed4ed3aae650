"""Poolwright without a cluster: a directory of files, and a PgBouncer that follows it."""

from __future__ import annotations

import json
import re
import ssl
import time
import urllib.request
from dataclasses import dataclass
from typing import Any, Callable

import screen
from ending import go_on, pause, wait_for
from lab import Database, LabError, Program
from load import CONNECTIONS, INSTANCES, Application, Backends, Target
from local_lab import LocalLab
from measure import POOL, SIZE, check, compare, masked

SECOND, FIRST_SIZE = "reports", 4
SMALLER, RESERVE = 10, 5
API = "/api/admin/monitoring/connections"
BURST = "begin;\nselect pg_sleep(0.04);\ncommit;\n"
SHOWN_VARIABLES = ("DATABASE_URL", "DIRECT_URL", "DATABASE_POOL_MAX")


@dataclass
class Stage:
    """What all scenes play on."""

    lab: LocalLab
    is_quick: bool
    entry: dict[str, Any]  # of spec.databases
    program: Program | None = None

    def direct(self) -> Target:
        server = self.lab.superuser
        return Target(self.lab.environment(POOL)["DIRECT_URL"], [(server.host, server.port)])

    def pooled(self, pool: str = POOL) -> Target:
        where = self.lab.pooled(pool)
        return Target(self.lab.environment(pool)["DATABASE_URL"], [(where.host, where.port)])

    def ready(self, not_hash: str = "", pool: str = POOL) -> dict[str, Any] | None:
        """The status, when the PgBouncer was read back and runs another configuration than `not_hash`."""
        status = self.lab.status(pool)
        good = {entry["type"] for entry in status.get("conditions", []) if entry["status"] == "True"}
        hashes = {pod.get("configHash") for pod in status.get("pods", [])}
        is_current = hashes == {status.get("configHash")} and status.get("configHash") != not_hash
        return status if {"Ready", "Programmed"} <= good and is_current else None

    def answers(self, password: str | None = None) -> bool:
        where = self.lab.pooled(POOL)
        try:
            login = Database(where.host, where.port, where.name, where.user, password or where.password)
            return self.lab.psql("select 1 as one", login) == [{"one": "1"}]
        except LabError:
            return False

    def base(self) -> str:
        port = re.search(r"web_listens.*?port\W+(\d+)", self.program.log)[1]
        return f"https://127.0.0.1:{port}"

    def ask(self, what: str) -> dict[str, Any]:
        """The REST API. Its certificate was made at the start, so nobody can know it."""
        token = (self.lab.out / "web-token").read_text().strip()
        request = urllib.request.Request(f"{self.base()}{API}/{what}", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=10) as answer:
            return json.load(answer)

    def alerts(self) -> list[dict[str, Any]]:
        return self.ask("alerts")["alerts"]


def start(stage: Stage) -> None:
    server = stage.lab.psql("show server_version")[0]["server_version"].split()[0]
    screen.done(f"PostgreSQL {server} on port {stage.lab.superuser.port}, with the database orders")
    screen.say("What a developer writes: one file for the pool, and a folder with the login, as a mounted Secret would look.")
    screen.command("ls -A pools pools/orders-app")
    screen.output("pools:\norders-app\norders.yaml\n\npools/orders-app:\npassword\nusername")
    screen.command("cat pools/orders.yaml")
    screen.output((stage.lab.pools / "orders.yaml").read_text())
    screen.command("poolwright run --local pools &")
    begin = time.monotonic()
    stage.program = stage.lab.start_local()
    wait_for("the pool is ready", stage.ready)
    pod = stage.lab.status(POOL)["pods"][0]
    screen.done(f"{time.monotonic() - begin:.1f} s later PgBouncer {pod['pgbouncerVersion']} listens on port {stage.lab.pooled(POOL).port}, "
                "and was read back: it runs what was written")


def show_what_it_became(stage: Stage) -> None:
    environment, password = stage.lab.environment(POOL), stage.lab.pooled(POOL).password
    screen.say("The application takes its URLs out of a .env file that only its owner can read:")
    screen.command("cat pools/.poolwright/orders/orders.env")
    screen.output("\n".join(f"{name}={masked(environment[name], password)}" for name in SHOWN_VARIABLES))
    screen.say("PgBouncer's own files are beside it; the lines that matter most of pgbouncer.ini:")
    ini = (stage.lab.out / POOL / "config/pgbouncer.ini").read_text().splitlines()
    shown = [line for line in ini if line.startswith(("[", "orders =", "max_client_conn", "pool_mode", "query_wait"))]
    screen.output("\n".join(shown))


def watch_it(stage: Stage) -> None:
    screen.say(f"""Poolwright watches all the while: statistics, alerts, metrics for Prometheus and a page at
               {stage.base()}, for whoever has the token in pools/.poolwright/web-token. Now a burst: {INSTANCES * CONNECTIONS} clients
               without a pause, each of whose transactions works 40 ms.""")
    with Application(stage.lab, stage.pooled(), script=BURST) as application:
        alerts = wait_for("an alert is raised", stage.alerts)
        pool = stage.ask("pool")["pools"][0]["connections"]
        outcome = application.stop()
    screen.command(f"curl -ks -H \"Authorization: Bearer $TOKEN\" {stage.base()}{API}/alerts")
    for alert in alerts[:3]:
        screen.output(f"{alert['severity']}  {alert['alert']}: {alert['message']}\n  {alert['runbook']}")
    check(not outcome.errors, f"{pool['total']} connections of {pool['max']}, {pool['waitingClients']} clients waited for one meanwhile; "
          f"errors that clients saw in {outcome.transactions} transactions: {len(outcome.errors)}")


def size_it(stage: Stage) -> None:
    screen.say(f"""A second pool may have {SIZE} connections, too, but begins with {FIRST_SIZE}. Then the same {INSTANCES * CONNECTIONS} clients
               come, and poolwright finds the size that they need:""")
    stage.lab.write_pool(SECOND, [stage.lab.login(SECOND) | {"poolSize": {"min": 2, "initial": FIRST_SIZE, "max": SIZE}}])
    wait_for("the second pool is ready", lambda: stage.ready(pool=SECOND))

    def entry() -> dict[str, Any]:
        return stage.lab.status(SECOND)["databases"][0]
    sizes: list[tuple[float, int]] = []
    with Backends(stage.lab, SECOND) as backends, Application(stage.lab, stage.pooled(SECOND), script=BURST) as application:
        begin = time.monotonic()

        def is_full() -> bool:
            now = entry()
            if not sizes or sizes[-1][1] != now["size"]:
                sizes.append((time.monotonic() - begin, now["size"]))
            return now["size"] == SIZE
        wait_for("the pool has grown", is_full)
        reason = entry()["sizeReason"]
        pause(2)
        outcome = application.stop()
    screen.table(["after", "size"], [[f"{seconds:.1f} s", str(size)] for seconds, size in sizes])
    screen.say(f"Why, says the status: {reason}")
    check(not outcome.errors and backends.highest <= SIZE, f"errors that clients saw: {len(outcome.errors)}; PostgreSQL's backends: "
          f"{backends.highest} at most. Down it goes slowly, over minutes, so that the next burst finds the pool ready")


def change_it_live(stage: Stage) -> None:
    screen.say(f"""The {INSTANCES} instances are at work. Meanwhile the file is saved twice and the password is changed. The time counts
               from then until PgBouncer was read back; what stands in the table was asked of PgBouncer itself.""")
    pid, rows = stage.lab.bouncer_pid(POOL), []
    with Backends(stage.lab, "orders") as backends, Application(stage.lab, stage.pooled()) as application:
        for text, make, read_back in changes(stage):
            pause(1 if stage.is_quick else 3)
            before, begin = stage.lab.status(POOL)["configHash"], time.monotonic()
            make()
            wait_for(f"{text} is live", lambda: stage.ready(before))
            rows.append([text, read_back(), f"{time.monotonic() - begin:.1f} s"])
        wait_for("PgBouncer closed what is too many", lambda: backends.now <= SMALLER + RESERVE)
        outcome = application.stop()
    screen.table(["change", "PgBouncer says", "live after"], rows)
    for error in outcome.errors[:3]:
        screen.output(error)
    check(not outcome.errors, f"errors that clients saw in {outcome.transactions} transactions: {len(outcome.errors)}")
    check(stage.lab.bouncer_pid(POOL) == pid, "PgBouncer was not restarted")
    check(backends.highest <= SIZE, f"PostgreSQL's backends: {backends.highest} at most, {backends.now} at the end, where {SMALLER} and a "
          f"reserve of {RESERVE} are allowed")


def changes(stage: Stage) -> list[tuple[str, Callable[[], Any], Callable[[], str]]]:
    smaller = stage.entry | {"poolSize": {"min": 2, "max": SMALLER}}
    old, new = stage.lab.pooled(POOL).password, "Rotated: 100% #2"

    def write(**spec: Any) -> None:
        stage.lab.write_pool(POOL, [smaller], **spec)

    def rotate() -> None:
        stage.lab.psql(f"alter role orders_app password '{new}'")
        stage.lab.write_secret("orders-app", "orders_app", new)

    def login_says(password: str) -> str:
        return "opens" if stage.answers(password) else "refused"

    def setting(command: str, name: str, column: str, key: str) -> str:
        return next(row[column] for row in stage.lab.console(POOL, command) if row[key] == name)

    return [
        (f"poolSize.max: {SIZE} -> {SMALLER}", write, lambda: f"pool_size={setting('SHOW DATABASES', 'orders', 'pool_size', 'name')}"),
        ("queryWaitSeconds: 120 -> 30", lambda: write(pgbouncer={"timeouts": {"queryWaitSeconds": 30}}),
         lambda: f"query_wait_timeout={setting('SHOW CONFIG', 'query_wait_timeout', 'value', 'key')}"),
        ("another password", rotate, lambda: f"new: {login_says(new)}, old: {login_says(old)}"),
    ]


def make_a_mistake(stage: Stage) -> None:
    good = (stage.lab.pools / "orders.yaml").read_text()
    screen.command("sed -i 's/max: 10/max: 0/' pools/orders.yaml")
    stage.lab.write_file("orders.yaml", good.replace("max: 10", "max: 0"))
    wait_for("it is told", lambda: "file_refused" in stage.program.log)
    line = next(line for line in stage.program.log.splitlines() if "file_refused" in line)
    said = re.search(r"orders\.yaml:[^\"]*", line)
    screen.say("The log says:")
    screen.output(said[0] if said else line)
    check(stage.answers(), "the pool serves as before")
    stage.lab.write_file("orders.yaml", good)


def kill_it(stage: Stage) -> None:
    pid = stage.lab.bouncer_pid(POOL)
    screen.say("Poolwright is killed (kill -9) under load, and started again.")
    with Application(stage.lab, stage.pooled()) as application:
        pause(1)
        stage.program.kill()
        pause(1)
        stage.program = stage.lab.start_local(name="again")
        wait_for("it took over", lambda: "pgbouncer_adopted" in stage.program.log)
        pause(1)
        outcome = application.stop()
    check(not outcome.errors, f"errors that clients saw in {outcome.transactions} transactions: {len(outcome.errors)}")
    check(stage.lab.bouncer_pid(POOL) == pid, "the same PgBouncer went on and was taken over")


def end_it(stage: Stage) -> None:
    screen.command("kill %1")
    begin = time.monotonic()
    stage.lab.stop_local()
    with Backends(stage.lab, "orders") as backends:
        wait_for("its connections are gone", lambda: backends.samples and backends.now == 0)
    screen.done(f"{time.monotonic() - begin:.1f} s later no PgBouncer and no connection to PostgreSQL is left")


SCENES: list[tuple[str, Callable[[Stage], None]]] = [
    ("", start),
    ("What it became", show_what_it_became),
    (f"{INSTANCES * CONNECTIONS} clients on {SIZE} connections", compare),
    ("A burst, and who tells", watch_it),
    ("The right size", size_it),
    ("Changed while it works", change_it_live),
    ("A mistake", make_a_mistake),
    ("A crash", kill_it),
    ("The end", end_it),
]


def play(is_quick: bool) -> None:
    screen.heading("Twelve lines of YAML in a directory")
    # More connections than PostgreSQL's default of 100, or the comparison without a pool could not be made.
    with LocalLab(max_connections=150) as lab:
        stage = Stage(lab, is_quick, lab.login("orders"))
        lab.write_pool(POOL, [stage.entry])
        for title, scene in SCENES:
            go_on()
            if title:
                screen.heading(title)
            scene(stage)
