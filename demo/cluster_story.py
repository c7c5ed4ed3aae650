"""The operator at work in a cluster: a real API server, etcd and controllers, with PgBouncer pods as processes of this machine."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import yaml

import clients
import screen
from ending import go_on, pause, wait_for
from kube_api import KubeApi
from lab import Database, LabError
from load import CONNECTIONS, INSTANCES, Application, Backends, Target
from measure import POOL, SIZE, check, compare, masked
from operator_lab import NAMESPACE, OperatorLab, condition, is_current, secret_values
from pods import PgbouncerNode

ROOT = Path(__file__).resolve().parents[1]
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


def play(is_quick: bool) -> None:
    screen.heading("A control plane, PostgreSQL and the operator")
    # More connections than PostgreSQL's default of 100, or the comparison without a pool could not be made.
    with OperatorLab(controllers=True, max_connections=150) as lab, PgbouncerNode(lab) as node:
        api = KubeApi(lab.dir, int(lab.env["KUBE_PORT"]))
        stage = Stage(lab, node, api, is_quick)
        for title, scene in scenes(is_quick):
            go_on()
            if title:
                screen.heading(title)
            scene(stage)
        screen.heading("The end")


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
