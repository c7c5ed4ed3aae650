#!/usr/bin/env python3
"""How soon a change is live, on a real Kubernetes node: from the request that makes it to the status that says both PgBouncers were read back;
for a password, to the moment when both let a client in with it.

usage: live_bench.py [--changes N] [--pools-without-nudge N]
  --changes N               of each kind: size, timeout, password, list of databases (default 50)
  --pools-without-nudge N   the same change of a timeout, in N pools at once, when the operator may not annotate pods; each is then live when
                            the kubelet looks by itself, once a minute (default 6)

Prints tables in Markdown. Needs what tests/lab/node needs. The operator is that of POOLWRIGHT_BINARY, by default the release build.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import itertools
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("tests/lab", "tests/e2e", "bench", "bench/reconcile")]

from figures import row, table  # noqa: E402
from lab import Database, LabError, wait_until  # noqa: E402
from node_lab import POOLER_PORT, NodeLab  # noqa: E402
from operator_lab import NAMESPACE  # noqa: E402
from reconcile_bench import POOLS_PATH, PoolApi, forbid_annotating_pods, is_live  # noqa: E402

SECRETS_PATH = f"/api/v1/namespaces/{NAMESPACE}/secrets"
NUMBERS = itertools.count(1)


class Changes:
    """One pool, and what can be changed of it. Each call makes one change that the pool does not have yet."""

    def __init__(self, lab: NodeLab, api: PoolApi):
        self._lab, self._api = lab, api
        self._login, self._other = lab.login("live"), lab.login("other")
        lab.serve("live", [self._login])

    def size(self) -> None:
        self._set({"sizing": {"mode": "Fixed"}, "databases": [self._login | {"poolSize": {"min": 2, "max": 10 + 2 * (next(NUMBERS) % 8)}}]})

    def timeout(self) -> None:
        self._set({"pgbouncer": {"timeouts": {"queryWaitSeconds": 30 + next(NUMBERS) % 1000}}})

    def databases(self) -> None:
        self._set({"databases": [self._login, self._other] if next(NUMBERS) % 2 else [self._login]})

    def _set(self, spec: dict[str, Any]) -> None:
        self._api.merge_patch(f"{POOLS_PATH}/live", {"spec": spec})


def live_after(api: PoolApi, change: Callable[[], None]) -> float:
    """Seconds until the status says that both PgBouncers were read back."""
    old = api.get(f"{POOLS_PATH}/live")["status"]["configHash"]
    begin = time.monotonic()
    change()
    wait_until("the change is live", lambda: is_live(api.get(f"{POOLS_PATH}/live"), old), 180, 0.02)
    return time.monotonic() - begin


def password_after(lab: NodeLab, api: PoolApi) -> float:
    """Seconds until every PgBouncer lets a client in with the new password."""
    password = f"Rotated-{next(NUMBERS)}"
    lab.psql(f"alter role live_app password '{password}'")
    left = [Database(pod["status"]["podIP"], POOLER_PORT, "live", "live_app", password) for pod in lab.pool_pods("live")]
    begin = time.monotonic()
    api.merge_patch(f"{SECRETS_PATH}/live-app", {"data": {"password": base64.b64encode(password.encode()).decode()}})
    while left:
        with contextlib.suppress(LabError):
            lab.psql("select 1", left[0])
            left.pop(0)
    return time.monotonic() - begin


def without_nudge(lab: NodeLab, api: PoolApi, pools: int) -> list[float]:
    """One change takes about a minute, so that of all pools is made at once."""
    names = [f"slow-{number}" for number in range(pools)]
    for name in names:
        lab.apply(lab.pool(name, [lab.login(name.replace("-", "_"))], pgbouncer={"replicas": 2}))
    for name in names:
        ready_hash(lab, name)
    forbid_annotating_pods(lab)
    return all_live_after(lab, api, names, {"queryWaitSeconds": 31})


def all_live_after(lab: NodeLab, api: PoolApi, names: list[str], timeouts: dict[str, int]) -> list[float]:
    """Seconds until each of the pools runs these, changed at once."""
    old = {name: ready_hash(lab, name) for name in names}
    begun, seconds = {}, {}
    for name in names:
        begun[name] = time.monotonic()
        api.merge_patch(f"{POOLS_PATH}/{name}", {"spec": {"pgbouncer": {"timeouts": timeouts}}})

    def all_live() -> bool:
        for name in set(names) - set(seconds):
            if is_live(api.get(f"{POOLS_PATH}/{name}"), old[name]):
                seconds[name] = time.monotonic() - begun[name]
        return len(seconds) == len(names)
    wait_until("all changes are live", all_live, 300, 0.1)
    return list(seconds.values())


def ready_hash(lab: NodeLab, name: str) -> str:
    return lab.wait_for_pool(name, lambda pool: is_live(pool, ""))["status"]["configHash"]


@contextlib.contextmanager
def node() -> Iterator[tuple[NodeLab, PoolApi]]:
    with NodeLab() as lab, contextlib.closing(PoolApi(lab.dir, int(lab.env["KUBE_PORT"]))) as api:
        lab.deploy_operator()
        yield lab, api


def main() -> None:
    parser = argparse.ArgumentParser(description="How soon a change is live on a real node.")
    parser.add_argument("--changes", type=int, default=50)
    parser.add_argument("--pools-without-nudge", type=int, default=6)
    arguments = parser.parse_args()
    with node() as (lab, api):
        changes = Changes(lab, api)
        kinds = {"pool size": changes.size, "timeout": changes.timeout, "list of databases": changes.databases}
        before = lab.processes("live")
        rows = [row(f"{text}, pods annotated", [live_after(api, change) for _ in range(arguments.changes)]) for text, change in kinds.items()]
        rows.append(row("password, pods annotated", [password_after(lab, api) for _ in range(arguments.changes)]))
        assert lab.processes("live") == before, "a PgBouncer was restarted"
        show(rows)
        if arguments.pools_without_nudge:
            show([row("timeout, pods not annotated", without_nudge(lab, api, arguments.pools_without_nudge))])


def show(rows: list[list[str]]) -> None:
    table("From the request that makes a change to the status that says both PgBouncers were read back, seconds",
          ["", "changes", "p50", "p99", "longest"], rows)


if __name__ == "__main__":
    main()
