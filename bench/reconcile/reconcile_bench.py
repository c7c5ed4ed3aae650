#!/usr/bin/env python3
"""How fast the operator is and how much it asks of the API server. Counted and timed by the API server's audit log where it can be.

usage: reconcile_bench.py [--pools N] [--changes N] [--changes-without-nudge N]
  --pools N                    pools applied one by one, and as many again at once (default 100)
  --changes N                  live changes of a pool with two PgBouncers (default 50)
  --changes-without-nudge N    the same when the operator may not annotate pods; up to a minute each (default 5)

Prints tables in Markdown. The operator is that of POOLWRIGHT_BINARY, by default the release build.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import random
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("tests/lab", "tests/e2e", "bench")]

from figures import percentile, row, table  # noqa: E402
from kube_api import KubeApi  # noqa: E402
from lab import Program, WRITE_VERBS, wait_until  # noqa: E402
from operator_lab import NAMESPACE, OPERATOR_USER, OperatorLab, condition, is_current  # noqa: E402
from pods import PgbouncerNode  # noqa: E402

POOLS_PATH = f"/apis/poolwright.dev/v1alpha1/namespaces/{NAMESPACE}/connectionpools"
SECRET = "app-login"
CREATED = 201
STILL_SECONDS = 15  # the operator is done when it asked for nothing for so long; a new one first looks at the servers


class PoolApi(KubeApi):
    def merge_patch(self, path: str, body: dict[str, Any]) -> None:
        self._request("PATCH", path, body, "application/merge-patch+json")


# -- from `apply` to all objects --


def bench_objects(lab: OperatorLab, pools: int) -> None:
    lab.apply_secret(SECRET, {"username": "app", "password": "p"})
    operator = lab.start_operator()
    settle(lab)
    before = len(operator_events(lab))
    one_by_one = [f"one-{number:03}" for number in range(pools)]
    apply_one_by_one(lab, one_by_one)
    settle(lab)
    requests = operator_events(lab)[before:]
    at_once = [f"all-{number:03}" for number in range(pools)]
    lab.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": [manifest(n) for n in at_once]}))
    wait_until("all pools have a status", lambda: all(is_current(pool) for pool in lab.list("cpool", NAMESPACE)), 300, 0.5)
    settle(lab)

    events = lab.audit_events()
    rows = []
    for title, names in ((f"{pools} pools, one after the other", one_by_one), (f"{pools} pools in one `kubectl apply`", at_once)):
        objects, statuses = latencies(events, names)
        rows.append([title, milliseconds(objects, 50), milliseconds(objects, 99), milliseconds(statuses, 50), milliseconds(statuses, 99)])
    table("From the request that creates a ConnectionPool to its objects and its status, at the API server",
          ["", "all objects, p50", "p99", "first status, p50", "p99"], rows)
    show_requests(requests, pools)
    print(f"Memory of the operator (RSS) with {2 * pools} pools: {resident_megabytes(operator):.0f} MB\n", flush=True)
    bench_resync(lab, operator, 2 * pools)


def manifest(name: str) -> dict[str, Any]:
    """A pool on a server that does not exist: nothing here opens a connection. All of them fit into its budget."""
    return {"apiVersion": "poolwright.dev/v1alpha1", "kind": "ConnectionPool", "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"postgres": {"host": "db.shop.svc", "connectionBudget": {"max": 100_000}},
                     "databases": [{"name": "app", "credentialsSecretRef": {"name": SECRET}}]}}


def apply_one_by_one(lab: OperatorLab, names: list[str]) -> None:
    with contextlib.closing(PoolApi(lab.dir, int(lab.env["KUBE_PORT"]))) as api:
        for name in names:
            api.create(POOLS_PATH, manifest(name))
            wait_until(f"{name} has a status", lambda: is_current(api.get(f"{POOLS_PATH}/{name}")))


def latencies(events: list[dict[str, Any]], names: list[str]) -> tuple[list[float], list[float]]:
    """Seconds from the creation of each pool to its last object, and to its first status."""
    created, last_object, first_status = {}, {}, {}
    for event in events:
        place = event.get("objectRef", {})
        name, is_operator = place.get("name", ""), event["user"]["username"] == OPERATOR_USER
        if place.get("resource") == "connectionpools":
            if event["verb"] == "create":
                created[name] = moment(event["requestReceivedTimestamp"])
            elif is_operator and place.get("subresource") == "status":
                first_status.setdefault(name, moment(event["stageTimestamp"]))
        elif is_operator and event["responseStatus"]["code"] == CREATED:
            pool = "-".join(name.split("-")[:2])
            last_object[pool] = moment(event["stageTimestamp"])
    return ([last_object[name] - created[name] for name in names], [first_status[name] - created[name] for name in names])


def moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def show_requests(events: list[dict[str, Any]], pools: int) -> None:
    """Those about one object. How many lists and watches there are does not depend on the number of pools."""
    def of_one(event: dict[str, Any]) -> str:
        place = event["objectRef"]
        return f"{event['verb']} {place['resource']}" + (f"/{place['subresource']}" if "subresource" in place else "")

    counts = collections.Counter(of_one(event) for event in events if "name" in event.get("objectRef", {}))
    rows = [[kind, f"{count / pools:.2f}"] for kind, count in sorted(counts.items())]
    table("Requests of the operator for one new pool", ["request", "per pool"], rows + [["all", f"{counts.total() / pools:.2f}"]])


def resident_megabytes(program: Program) -> float:
    pages = int(Path(f"/proc/{program.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


# -- a resync --


def bench_resync(lab: OperatorLab, operator: Program, pools: int) -> None:
    def restart_operator() -> None:
        operator.stop()
        lab.start_operator(name="operator-again")

    def restart_apiserver() -> None:
        lab.stop_apiserver()
        lab.start_apiserver()

    triggers = {
        "every pool annotated": lambda: lab.kubectl("-n", NAMESPACE, "annotate", "cpool", "--all", "bench.example.com/touched=1"),
        "the Secret that all name annotated": lambda: lab.kubectl("-n", NAMESPACE, "annotate", "secret", SECRET, "bench.example.com/touched=1"),
        "operator restarted": restart_operator,
        "API server restarted": restart_apiserver,
    }
    rows = []
    for text, pull in triggers.items():
        before = len(operator_events(lab))
        pull()
        settle(lab)
        events = operator_events(lab)[before:]
        verbs = collections.Counter(event["verb"] for event in events)
        writes = collections.Counter(event["objectRef"]["resource"] == "events" for event in events if event["verb"] in WRITE_VERBS)
        rows.append([text, *map(str, (verbs["get"], verbs["list"] + verbs["watch"], writes[False], writes[True]))])
    # A new operator tells once more of an alert that goes on: the server of these pools does not answer.
    table(f"Requests of the operator when nothing that matters changed, {pools} pools",
          ["what happened", "get", "list and watch", "writes", "events"], rows)


def operator_events(lab: OperatorLab) -> list[dict[str, Any]]:
    return lab.audit_events(OPERATOR_USER)


def settle(lab: OperatorLab) -> None:
    """Returns when the operator has asked for nothing for a while, but whether the API server is there."""
    seen = [-1, 0.0]

    def is_still() -> bool:
        count = sum("objectRef" in event for event in operator_events(lab))
        if count != seen[0]:
            seen[:] = [count, time.monotonic()]
        return time.monotonic() - seen[1] > STILL_SECONDS
    wait_until("the operator is still", is_still, 300, 0.5)


# -- a change of a living pool --


def bench_live_changes(changes: int, without_nudge: int) -> None:
    with OperatorLab(controllers=True) as lab, PgbouncerNode(lab) as node, contextlib.closing(PoolApi(lab.dir, int(lab.env["KUBE_PORT"]))) as api:
        lab.start_operator()
        lab.apply(lab.pool("live", [lab.login("live")]))
        lab.wait_for_pool("live", lambda pool: condition(pool, "Ready") == "True")
        pids = node.pids()
        rows = [row("pods annotated, so that the kubelet looks at once", [live_after(api, 30 + number) for number in range(changes)])]
        if without_nudge:
            forbid_annotating_pods(lab)
            # At any point of the minute in which the node looks by itself.
            late = [live_after(api, 200 + number, random.uniform(0, 60)) for number in range(without_nudge)]
            rows.append(row("not annotated: the kubelet's own period", late))
        assert node.pids() == pids, "a PgBouncer was restarted"
    table("From the request that changes a pool to the status that says both PgBouncers were read back, seconds",
          ["", "changes", "p50", "p99", "longest"], rows)


def live_after(api: PoolApi, query_wait_seconds: int, pause: float = 0.5) -> float:
    """Changes one timeout; the seconds until it was read back."""
    time.sleep(pause)
    path = f"{POOLS_PATH}/live"
    old = api.get(path)["status"]["configHash"]
    begin = time.monotonic()
    api.merge_patch(path, {"spec": {"pgbouncer": {"timeouts": {"queryWaitSeconds": query_wait_seconds}}}})
    wait_until("the change is live", lambda: is_live(api.get(path), old), 180, 0.02)
    return time.monotonic() - begin


def is_live(pool: dict[str, Any], old_hash: str) -> bool:
    status = pool["status"]
    hashes = {pod.get("configHash") for pod in status.get("pods", [])}
    return is_current(pool) and condition(pool, "Programmed") == "True" and hashes == {status["configHash"]} and old_hash not in hashes


def forbid_annotating_pods(lab: OperatorLab) -> None:
    role = lab.get("clusterrole", "poolwright")
    for rule in role["rules"]:
        if rule["resources"] == ["pods"]:
            rule["verbs"].remove("patch")
    lab.kubectl("replace", "-f", "-", stdin=json.dumps(role))


# -- tables --


def milliseconds(values: list[float], percent: int) -> str:
    return f"{percentile(values, percent) * 1000:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast the operator is, and how much it asks.")
    parser.add_argument("--pools", type=int, default=100)
    parser.add_argument("--changes", type=int, default=50)
    parser.add_argument("--changes-without-nudge", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.pools:
        with OperatorLab(postgres=False) as lab:
            bench_objects(lab, arguments.pools)
    if arguments.changes:
        bench_live_changes(arguments.changes, arguments.changes_without_nudge)


if __name__ == "__main__":
    main()
