#!/usr/bin/env python3
"""./dev demo: the operator at work on this machine, with a real API server, a real PostgreSQL and real PgBouncers.

usage: demo.py [--quick]
  --quick   shorter loads, and without the Prisma client: what the tests run

The story is in the functions below, in the order in which `main` calls them. Ctrl-C ends it at any moment.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / part) for part in ("lab", "e2e", "clients")]

import yaml  # noqa: E402

import clients  # noqa: E402
import screen  # noqa: E402
from ending import go_on, pause, run_in_own_session, wait_for  # noqa: E402
from kube_api import KubeApi  # noqa: E402
from lab import Database, LabError  # noqa: E402
from load import (AS_FAST_AS_POSSIBLE, CONNECTIONS, INSTANCES, LIKE_AN_APPLICATION, Application, Backends, Outcome,  # noqa: E402
                  Target, milliseconds_to_connect)
from operator_lab import BINARY, NAMESPACE, OperatorLab, condition, is_current, secret_values  # noqa: E402
from pods import PgbouncerNode  # noqa: E402

POOL, SIZE = "orders", 25
SMALLER, RESERVE = 10, 5
POOL_PATH = f"/apis/poolwright.dev/v1alpha1/namespaces/{NAMESPACE}/connectionpools/{POOL}"
SHOWN_KEYS = ("DATABASE_URL", "DIRECT_URL", "pgbouncer-uri", "pgbouncer-jdbc-uri", "DATABASE_POOL_MAX")


@dataclass
class Stage:
    """What all scenes play on."""

    lab: OperatorLab
    node: PgbouncerNode
    api: KubeApi
    is_quick: bool

    def pool(self) -> dict[str, Any] | None:
        return self.api.get(POOL_PATH)

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        return self.lab.kubectl("-n", NAMESPACE, *arguments, stdin=stdin)

    def show(self, *arguments: str) -> None:
        screen.command(f"kubectl {' '.join(arguments)}")
        screen.output(self.kubectl(*arguments))

    def urls(self) -> dict[str, str]:
        return self.lab.url_secret(POOL, "orders")

    def addresses(self) -> list[tuple[str, int]]:
        return self.node.ready_addresses(NAMESPACE, self.lab.get("service", f"{POOL}-pool", NAMESPACE)["spec"]["selector"])

    def direct(self) -> Target:
        server = self.lab.superuser
        return Target(self.urls()["DIRECT_URL"], [(server.host, server.port)])

    def pooled(self) -> Target:
        """There is no cluster DNS here: the host name of the URL stands for the pods, as the Service makes it in a cluster."""
        return Target(self.urls()["DATABASE_URL"], self.addresses())

    def console(self, address: tuple[str, int], command: str) -> list[dict[str, str]]:
        """What one PgBouncer says of itself, to the administrator whose login only the operator's Secret has."""
        login = secret_values(self.lab.get("secret", f"{POOL}-pool-console", NAMESPACE))
        return self.lab.psql(command, Database(*address, "pgbouncer", login["admin-username"], login["admin-password"]))


# -- the scenes --


def start(stage: Stage) -> None:
    version = re.search(r"Server Version: (\S+)", stage.lab.kubectl("version"))[1]
    server = stage.lab.psql("show server_version")[0]["server_version"].split()[0]
    screen.done(f"Kubernetes {version}: API server, etcd and controllers, on loopback ports of their own")
    screen.done(f"PostgreSQL {server} with the database orders")
    screen.done("a node that runs PgBouncer pods as processes of this machine, on the files of their ConfigMap and Secret")
    stage.lab.start_operator()
    screen.done("the operator, with the rights of config/rbac and no others")


def apply_the_pool(stage: Stage) -> None:
    entry = stage.lab.login("orders")
    manifest = yaml.safe_load((ROOT / "config/samples/smallest.yaml").read_text())
    manifest["spec"]["postgres"] = {"host": stage.lab.superuser.host, "port": stage.lab.superuser.port}
    assert manifest["spec"]["databases"] == [entry], "the sample's Secret is another one"
    text = yaml.safe_dump(manifest, sort_keys=False)
    screen.say("This is config/samples/smallest.yaml, with the PostgreSQL of this demo:")
    screen.command("cat orders.yaml")
    screen.output(text)

    screen.command(f"kubectl -n {NAMESPACE} apply -f orders.yaml")
    begin = time.monotonic()
    screen.output(stage.kubectl("apply", "-f", "-", stdin=text))
    wait_for("the pool is ready", lambda: is_ready(stage.pool()))
    screen.done(f"{time.monotonic() - begin:.1f} s later all its objects exist, and two PgBouncers run and were read back")
    stage.show("get", "cpool")
    stage.show("get", "deployment,service,configmap,secret", "-l", f"poolwright.dev/pool={POOL}")


def is_ready(pool: dict[str, Any] | None) -> bool:
    return is_current(pool) and condition(pool, "Ready") == "True"


def show_what_it_became(stage: Stage) -> None:
    screen.command(f"kubectl -n {NAMESPACE} get configmap {POOL}-pool -o jsonpath='{{.data.pgbouncer\\.ini}}'")
    screen.output(stage.lab.get("configmap", f"{POOL}-pool", NAMESPACE)["data"]["pgbouncer.ini"])
    secret, urls = f"{POOL}-orders-url", stage.urls()
    screen.say(f"The application takes its URL out of the Secret {secret}. It has {len(urls)} keys, among them:")
    screen.output("\n".join(f"{key}\n  {masked(urls[key], urls['password'])}" for key in SHOWN_KEYS))


def masked(text: str, password: str) -> str:
    return text.replace(password, "********").replace("?", "\n    ?")


@dataclass
class Measured:
    outcome: Outcome
    backends: int
    megabytes: float


def measure(stage: Stage, target: Target, seconds: int, script: str, only: str = "true") -> Measured:
    go_on()
    with Backends(stage.lab, "orders", only) as backends, Application(stage.lab, target, seconds, script) as application:
        pause(seconds / 2)
        megabytes = backends.megabytes()
        outcome = application.outcome()
    for error in outcome.errors[:3]:
        screen.output(error)
    return Measured(outcome, backends.highest, megabytes)


def compare(stage: Stage) -> None:
    seconds = 4 if stage.is_quick else 8
    screen.say(f"""{INSTANCES} instances of an application with {CONNECTIONS} connections each, {INSTANCES * CONNECTIONS} in all. Each
               makes a transaction that works 3 ms in the database, and then does something else for 30 ms. For {seconds} s
               straight to PostgreSQL by DIRECT_URL, then through the pool by DATABASE_URL; and both without any pause, too: only
               `select 1`, as fast as it goes.""")
    ways = (stage.direct(), stage.pooled())
    scripts = (LIKE_AN_APPLICATION, AS_FAST_AS_POSSIBLE)
    # The connections that the pool has already opened do not count for those who go past it.
    direct, fast_direct = (measure(stage, ways[0], seconds, script, "application_name = 'pgbench'") for script in scripts)
    pooled, fast_pooled = (measure(stage, ways[1], seconds, script) for script in scripts)
    connect = [f"{milliseconds_to_connect(way, 20 if stage.is_quick else 200):.1f} ms" for way in ways]
    both = ((direct, fast_direct), (pooled, fast_pooled))
    screen.table(["", "straight", "through the pool"], [
        ["client connections"] + [str(INSTANCES * CONNECTIONS)] * 2,
        ["PostgreSQL backends, most at once", *(str(max(one.backends, two.backends)) for one, two in both)],
        ["memory of these backends", *(f"{one.megabytes:.0f} MB" for one, _ in both)],
        ["errors that clients saw", *(str(len(one.outcome.errors + two.outcome.errors)) for one, two in both)],
        ["transactions/s of the application", *(f"{one.outcome.transactions_per_second:.0f}" for one, _ in both)],
        ["time to connect", *connect],
        ["`select 1`/s without pauses", *(f"{two.outcome.transactions_per_second:.0f}" for _, two in both)],
    ])
    screen.say("""Clients, poolers and server share this machine's cores here. The last line is where a pool costs most: it adds a hop to
               every query, and takes away the crowd of backends; which weighs more depends on the machine. The second line is what it
               is for: PostgreSQL admits 100 connections by default, of all applications together.""")
    check(max(pooled.backends, fast_pooled.backends) <= SIZE, f"PostgreSQL never had more than {SIZE} backends of this pool")
    check(pooled.outcome.transactions > 0 and not pooled.outcome.errors and not fast_pooled.outcome.errors, "no client of the pool saw an error")


def run_prisma(stage: Stage) -> None:
    reason = clients.missing("prisma-load")
    if reason:
        screen.say(f"Left out: {reason}.")
        return
    urls = stage.urls()
    with stage.node.service(NAMESPACE, f"{POOL}-pool") as (host, port), Backends(stage.lab, "orders") as backends:
        url = re.sub(r"@[^/]+/", f"@{host}:{port}/", urls["DATABASE_URL"])
        go_on()
        ran = clients.load({"DATABASE_URL": url, "DATABASE_URL_DIRECT": urls["DIRECT_URL"]}, clients=INSTANCES, seconds=5, pause_ms=100)
        go_on()
    check(ran.get("ok", False), f"{INSTANCES} PrismaClients with connection_limit={ran.get('pool')} out of the URL made "
          f"{ran.get('transactions')} interactive transactions, {ran.get('failed', ran.get('error'))} failed")
    check(backends.highest <= SIZE, f"at most {backends.highest} backends meanwhile")


@dataclass
class Change:
    """One change to the living pool: how to make it, and what each PgBouncer then says."""

    text: str
    make: Callable[[], Any]
    read_back: Callable[[tuple[str, int]], str]


def change_it_live(stage: Stage) -> None:
    screen.say(f"""The {INSTANCES} instances are at work. Meanwhile the pool is changed three times. The time counts from the command to
               the moment when the status says that every pod was read back; then we ask each PgBouncer ourselves.""")
    pids, rows = stage.node.pids(), []
    with Backends(stage.lab, "orders") as backends, Application(stage.lab, stage.pooled()) as application:
        for change in changes(stage):
            pause(1 if stage.is_quick else 3)
            rows.append(make(stage, change))
        wait_for("PgBouncer closed what is too many", lambda: backends.now <= SMALLER + RESERVE)
        pause(1)
        outcome = application.stop()
    screen.table(["change", *sorted(pod_names(stage)), "live after"], rows)
    for error in outcome.errors[:3]:
        screen.output(error)
    check(not outcome.errors, f"errors that clients saw in {outcome.transactions} transactions: {len(outcome.errors)}")
    check(stage.node.pids() == pids, "no PgBouncer was restarted")
    check(backends.highest <= SIZE, f"PostgreSQL's backends: {backends.highest} at most, {backends.now} at the end, where {SMALLER} and a "
          f"reserve of {RESERVE} are allowed")


def changes(stage: Stage) -> list[Change]:
    def patch(spec: dict[str, Any]) -> Callable[[], str]:
        return lambda: stage.kubectl("patch", "cpool", POOL, "--type=merge", "-p", json.dumps({"spec": spec}))

    def rotate() -> None:
        stage.lab.psql("alter role orders_app password 'Rotated: 100% #2'")
        stage.lab.apply_secret("orders-app", {"username": "orders_app", "password": "Rotated: 100% #2"})

    database = stage.pool()["spec"]["databases"][0]
    old = stage.urls()["password"]
    smaller = database | {"poolSize": {"min": 2, "max": SMALLER}}
    return [
        Change(f"poolSize.max: {SIZE} -> {SMALLER}", patch({"databases": [smaller]}), lambda pod: f"pool_size={database_setting(stage, pod, 'pool_size')}"),
        Change("queryWaitSeconds: 120 -> 30", patch({"pgbouncer": {"timeouts": {"queryWaitSeconds": 30}}}),
               lambda pod: f"query_wait_timeout={config_setting(stage, pod, 'query_wait_timeout')}"),
        Change("another password", rotate, lambda pod: f"new: {login_says(stage, pod, stage.urls()['password'])}, old: {login_says(stage, pod, old)}"),
    ]


def make(stage: Stage, change: Change) -> list[str]:
    """The row of the table."""
    before = stage.pool()["status"]["configHash"]
    begin = time.monotonic()
    change.make()
    wait_for(f"{change.text} is live", lambda: is_live(stage.pool(), before))
    after = time.monotonic() - begin
    return [change.text, *(change.read_back(address) for _, address in sorted(named_addresses(stage).items())), f"{after:.1f} s"]


def is_live(pool: dict[str, Any], old_hash: str) -> bool:
    """Every pod runs a configuration that is not the old one, and the operator has seen it."""
    status = pool["status"]
    hashes = {pod.get("configHash") for pod in status["pods"]}
    return is_ready(pool) and condition(pool, "Programmed") == "True" and hashes == {status["configHash"]} and old_hash not in hashes


def pod_names(stage: Stage) -> list[str]:
    return ["pod " + name.rsplit("-", 1)[1] for name in stage.node.pids()]


def named_addresses(stage: Stage) -> dict[str, tuple[str, int]]:
    pods = stage.lab.list("pods", NAMESPACE)
    return {pod["metadata"]["name"]: (pod["status"]["podIP"], 6432) for pod in pods if "podIP" in pod["status"]}


def database_setting(stage: Stage, address: tuple[str, int], column: str) -> str:
    return next(row[column] for row in stage.console(address, "SHOW DATABASES") if row["name"] == "orders")


def config_setting(stage: Stage, address: tuple[str, int], key: str) -> str:
    return next(row["value"] for row in stage.console(address, "SHOW CONFIG") if row["key"] == key)


def login_says(stage: Stage, address: tuple[str, int], password: str) -> str:
    try:
        stage.lab.psql("select 1", Database(*address, "orders", "orders_app", password))
        return "opens"
    except LabError:
        return "refused"


def delete_it(stage: Stage) -> None:
    screen.command(f"kubectl -n {NAMESPACE} delete cpool {POOL}")
    begin = time.monotonic()
    screen.output(stage.kubectl("delete", "cpool", POOL))
    wait_for("its objects are gone", lambda: not owned_objects(stage), 120)
    wait_for("its PgBouncers are gone", lambda: not stage.node.pids(), 120)
    with Backends(stage.lab, "orders") as backends:
        wait_for("its connections are gone", lambda: backends.samples and backends.now == 0)
    screen.done(f"{time.monotonic() - begin:.0f} s later: no object, no PgBouncer, no connection to PostgreSQL is left")


def owned_objects(stage: Stage) -> str:
    return stage.kubectl("get", "deployment,replicaset,pod,service,configmap,secret,pdb", "-l", f"poolwright.dev/pool={POOL}", "-o", "name")


# -- around them --

_failures: list[str] = []


def check(holds: bool, text: str) -> None:
    """The demo claims nothing that it did not see."""
    if holds:
        screen.done(text)
    else:
        _failures.append(text)
        screen.say(f"NOT SO: {text}")


def play(is_quick: bool) -> None:
    begin = time.monotonic()
    screen.heading("A control plane, PostgreSQL and the operator")
    # More connections than PostgreSQL's default of 100, or the comparison without a pool could not be made.
    with OperatorLab(controllers=True, max_connections=150) as lab, PgbouncerNode(lab) as node:
        stage = Stage(lab, node, KubeApi(lab.dir, int(lab.env["KUBE_PORT"])), is_quick)
        for title, scene in scenes(is_quick):
            go_on()
            if title:
                screen.heading(title)
            scene(stage)
        screen.heading("The end")
    screen.done(f"everything that was started is ended and removed, after {time.monotonic() - begin:.0f} s")
    if _failures:
        sys.exit(f"demo: {len(_failures)} of the claims above did not hold")


def scenes(is_quick: bool) -> list[tuple[str, Callable[[Stage], None]]]:
    prisma = [] if is_quick else [("The real Prisma 7 client, with DATABASE_URL as it is in the Secret", run_prisma)]
    return [
        ("", start),
        ("Twelve lines of YAML", apply_the_pool),
        ("What they became", show_what_it_became),
        (f"{INSTANCES * CONNECTIONS} clients on {SIZE} connections", compare),
        *prisma,
        ("Changed while it works", change_it_live),
        ("Deleted", delete_it),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="The operator at work on this machine.")
    parser.add_argument("--quick", action="store_true", help="shorter loads, and without the Prisma client")
    is_quick = parser.parse_args().quick
    if not Path(BINARY).is_file():
        sys.exit(f"demo: no operator at {BINARY}: run ./dev demo, or ./dev build")
    return run_in_own_session(lambda: play(is_quick))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (LabError, TimeoutError, subprocess.TimeoutExpired) as error:
        sys.exit(f"demo: {error}")
