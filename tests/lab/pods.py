"""A node that runs PgBouncer pods for real, each as a process on a loopback address of its own.

    with Lab(controllers=True) as lab, PgbouncerNode(lab) as node:
        ... the operator makes a Deployment, the pods get real PgBouncers ...
        with node.service("shop", "orders-pool") as address:          # what kube-proxy would do
            lab.psql("select 1", database.on(*address))

It does what a kubelet does with these pods, and times it alike: it binds them, writes the files of their volumes (all files of a
volume in one step, again soon after the pod's annotations changed, else once a minute), starts the container's program, watches
its readiness, starts it again when it ends, and lets it drain when the pod is deleted. The init container that waits for the operator
is done by its rule: the pod's annotation must be the hash of the files.

What differs: there are no containers, so the program sees the machine's files; it listens on the pod's address by a file that
includes the rendered one; and of the preStop hook only the `sleep N` that it begins with is done, since its script speaks of process 1:
then PgBouncer gets the signal INT, for which every version waits until no transaction is open. Needs Lab(controllers=True).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import os
import random
import re
import shutil
import signal
import socket
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Iterator

from kube_api import ApiError, KubeApi
from lab import Lab, LabError

TICK_SECONDS = 0.1
SYNC_SECONDS = 60  # the kubelet's own period; a changed pod object is what makes it sooner
LEASE_SECONDS = 10


class NotYet(Exception):
    """A pod cannot start: an object that its volumes name does not exist. The kubelet waits for it, and so do we."""


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _path_of(pod: dict[str, Any]) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


class Volume:
    """The files of one volume, swapped in one step by a link, as the kubelet does it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._version = itertools.count()
        self._files: dict[str, str] | None = None
        folder.mkdir(parents=True)

    def write(self, files: dict[str, str]) -> None:
        if files == self._files:
            return
        fresh = self.folder / f"..{next(self._version)}"
        for name, text in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        data, new_link = self.folder / "..data", self.folder / "..new"
        old = data.resolve() if data.exists() else None
        new_link.symlink_to(fresh.name)
        new_link.rename(data)
        for top in {name.split("/")[0] for name in files}:
            if not (self.folder / top).is_symlink():
                (self.folder / top).symlink_to(f"..data/{top}")
        if old:
            shutil.rmtree(old)
        self._files = files


class PodProcess:
    """One pod on the node, and its PgBouncer. Used by the node's thread only."""

    def __init__(self, lab: Lab, api: KubeApi, pod: dict[str, Any], address: str, version: str):
        self._lab, self._api, self._version = lab, api, version
        self.pod, self.address = pod, address
        self.uid = pod["metadata"]["uid"]
        self.name = f"{pod['metadata']['name']}-{self.uid[:8]}"
        self._home = lab.dir / "pods" / self.name
        self._volume = Volume(self._home / "volume")
        self._synced_annotations, self._synced_at = "", 0.0
        self._restarts, self._has_started = 0, False
        self._retry_at = 0.0
        self._told: dict[str, Any] = {}
        self._was_interrupted = False
        self.drains_since: float | None = None
        self.is_gone = False

    @property
    def port(self) -> int:
        return self._container["ports"][0]["containerPort"]

    @property
    def _container(self) -> dict[str, Any]:
        return self.pod["spec"]["containers"][0]

    def step(self, pod: dict[str, Any], now: float) -> None:
        self.pod = pod
        if "deletionTimestamp" in pod["metadata"]:
            self._drain(now)
            return
        try:
            self._sync(now)
            if not self._has_started and not self._is_let_in():
                self._tell(ready=False, waiting="PodInitializing")
                return
            self._run(now)
        except NotYet:
            self._tell(ready=False, waiting="ContainerCreating")
            return
        except LabError:
            self._retry_at = now + 1
            self._tell(ready=False, waiting="CrashLoopBackOff")
            return
        self._tell(ready=self.is_listening())

    # -- files --

    def _sync(self, now: float) -> None:
        annotations = str(self.pod["metadata"].get("annotations"))
        if annotations == self._synced_annotations and now - self._synced_at < SYNC_SECONDS and self._has_started:
            return
        self._volume.write(self._files())
        self._synced_annotations, self._synced_at = annotations, now

    def _files(self) -> dict[str, str]:
        """Of the volume that is mounted where the program runs."""
        home = self._container["workingDir"]
        mounted = next(mount["name"] for mount in self._container["volumeMounts"] if mount["mountPath"] == home)
        volume = next(volume for volume in self.pod["spec"]["volumes"] if volume["name"] == mounted)
        sources = volume["projected"]["sources"] if "projected" in volume else [volume]
        files: dict[str, str] = {}
        for source in sources:
            files |= self._source_files(source)
        return files

    def _source_files(self, source: dict[str, Any]) -> dict[str, str]:
        kind, plural = ("configMap", "configmaps") if "configMap" in source else ("secret", "secrets")
        name = source[kind].get("name") or source[kind]["secretName"]
        found = self._api.get(f"/api/v1/namespaces/{self.pod['metadata']['namespace']}/{plural}/{name}")
        if found is None:
            raise NotYet(f"{kind} {name} does not exist")
        texts = found.get("data", {})
        if kind == "secret":
            texts = {key: base64.b64decode(text).decode() for key, text in texts.items()}
        items = source[kind].get("items") or [{"key": key, "path": key} for key in texts]
        if missing := [item["key"] for item in items if item["key"] not in texts]:
            raise NotYet(f"{kind} {name} lacks {missing}")
        return {item["path"]: texts[item["key"]] for item in items}

    def _is_let_in(self) -> bool:
        gates = [one for one in self.pod["spec"].get("initContainers", []) if one["name"] == "admission"]
        wanted = self.pod["metadata"].get("annotations", {}).get("poolwright.dev/config-hash", "")
        marker = re.search(r"syslog_ident = (\S+)", (self._volume.folder / self._container["command"][-1]).read_text())
        return not gates or (marker is not None and f"poolwright-{wanted}".startswith(marker[1]))

    # -- the process --

    def _run(self, now: float) -> None:
        if self.is_running() or now < self._retry_at:
            return
        if self._has_started:
            self._restarts += 1
        ini = self._home / "pod.ini"
        rendered = self._container["command"][-1]
        # What comes after the included file wins. The socket's folder would be shared with all other pods.
        ini.write_text(f"%include {rendered}\nlisten_addr = {self.address}\nunix_socket_dir =\n")
        self._has_started = True
        self._lab.run("pgbouncer", "start", self._version, self.name, str(ini), cwd=self._volume.folder)

    def pid(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            return int((self._lab.dir / "run" / f"pgbouncer-{self.name}.pid").read_text().split()[0])
        return None

    def is_running(self) -> bool:
        """Not gone and not a zombie: nobody waits for it at once, as it is not our child."""
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self.pid()}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        return False

    def is_listening(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), timeout=1):
            return True
        return False

    def _drain(self, now: float) -> None:
        """Not ready, INT after the hook's sleep, KILL at the end of the grace period; then the object goes."""
        grace = self.pod["metadata"].get("deletionGracePeriodSeconds", 30)
        if self.drains_since is None:
            self.drains_since = now
            self._tell(ready=False)
        elif self.is_running():
            waited = now - self.drains_since
            if waited > grace:
                os.kill(self.pid(), signal.SIGKILL)
            elif waited > self._sleep_before_stop() and not self._was_interrupted:
                self._was_interrupted = True
                os.kill(self.pid(), signal.SIGINT)
        else:
            self._api.delete(_path_of(self.pod), {"gracePeriodSeconds": 0, "preconditions": {"uid": self.uid}})
            self.end()

    def _sleep_before_stop(self) -> float:
        hook = self._container.get("lifecycle", {}).get("preStop", {})
        script = " ".join(hook.get("exec", {}).get("command", []))
        found = re.match(r"(?:/bin/sh -c )?sleep (\d+)", script)
        return float(found[1]) if found else float(hook.get("sleep", {}).get("seconds", 0))

    def end(self) -> None:
        """Also for a pod whose object was removed by force."""
        self._lab.run("pgbouncer", "kill", self.name)
        shutil.rmtree(self._home, ignore_errors=True)
        self.is_gone = True

    # -- status --

    def _tell(self, ready: bool, waiting: str = "") -> None:
        state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
        told = {"ready": ready, "state": state, "restarts": self._restarts}
        if told == self._told:
            return
        word = "True" if ready else "False"
        if not waiting:
            state = {"running": {"startedAt": _now()}}
        self._api.patch(_path_of(self.pod) + "/status", {"status": {
            "phase": "Pending" if waiting and not self._has_started else "Running",
            "podIP": self.address, "podIPs": [{"ip": self.address}], "hostIP": "127.0.0.1", "startTime": _now(),
            "conditions": [{"type": kind, "status": word, "lastTransitionTime": _now()} for kind in ("Ready", "ContainersReady")],
            "containerStatuses": [{"name": self._container["name"], "image": self._container["image"], "imageID": "",
                                   "ready": ready, "started": not waiting, "restartCount": self._restarts, "state": state}]}})
        self._told = told


class PgbouncerNode:
    """See the top of the file. `version` is PgBouncer's where the image's tag does not begin with one."""

    NAME = "lab-node"

    def __init__(self, lab: Lab, version: str = "1.24"):
        self._lab, self._version = lab, version
        self._api = KubeApi(lab.dir, int(lab.env["KUBE_PORT"]))
        # A network of 127.0.0.0/8 by chance: the pods of two labs on one machine want the same port.
        self._network = f"127.{random.randint(1, 254)}.{random.randint(0, 254)}"
        self._addresses = itertools.count(1)
        self._pods: dict[str, PodProcess] = {}
        self._lease_at = 0.0
        self._is_ending = threading.Event()
        self._is_frozen = threading.Event()
        self._thread = threading.Thread(target=self._work, name="pgbouncer-node", daemon=True)

    def __enter__(self) -> "PgbouncerNode":
        self._api.create("/api/v1/nodes", {"metadata": {"name": self.NAME, "labels": {"kubernetes.io/hostname": self.NAME}}})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_ending.set()
        self._thread.join(30)
        self._api.close()

    # -- for tests --

    def ready_addresses(self, namespace: str, selector: dict[str, str]) -> list[tuple[str, int]]:
        """Where the ready pods with these labels listen, those that are being deleted left out."""
        return [(one.address, one.port) for one in list(self._pods.values())
                if one.pod["metadata"]["namespace"] == namespace and one.drains_since is None and one.is_listening()
                and selector.items() <= one.pod["metadata"].get("labels", {}).items()]

    def pids(self) -> dict[str, int]:
        """The PgBouncer of each pod, by the pod's name."""
        return {one.pod["metadata"]["name"]: one.pid() for one in list(self._pods.values()) if one.is_running()}

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """For as long as it lasts the node does nothing: no file is written, no pod started, no status told."""
        self._is_frozen.set()
        try:
            yield
        finally:
            self._is_frozen.clear()

    @contextlib.contextmanager
    def service(self, namespace: str, name: str) -> Iterator[tuple[str, int]]:
        """An address at which each new connection goes to one of the Service's ready pods; open ones stay where they are."""
        selector = self._lab.get("service", name, namespace)["spec"]["selector"]
        with ServiceProxy(lambda: self.ready_addresses(namespace, selector)) as proxy:
            yield proxy.address

    # -- the node's thread --

    def _work(self) -> None:
        while not self._is_ending.wait(TICK_SECONDS):
            if self._is_frozen.is_set():
                continue
            try:
                self._tick(time.monotonic())
            except (OSError, ApiError) as error:
                # The API server is away, or something changed under us: the next tick sees what is.
                if not isinstance(error, ApiError) or error.code not in (404, 409):
                    print(f"pgbouncer-node: {error}", file=sys.stderr)
                    self._is_ending.wait(1)
        for one in list(self._pods.values()):
            one.end()

    def _tick(self, now: float) -> None:
        self._keep_lease(now)
        listed = {pod["metadata"]["uid"]: pod for pod in self._api.get("/api/v1/pods?resourceVersion=0")["items"]
                  if pod["spec"]["containers"][0]["name"] == "pgbouncer"}  # others, such as the operator's own, stay pending
        for uid, pod in listed.items():
            bound_to = pod["spec"].get("nodeName")
            if bound_to is None and "deletionTimestamp" not in pod["metadata"]:
                self._bind(pod)
            elif bound_to == self.NAME and (uid in self._pods or "deletionTimestamp" not in pod["metadata"]):
                self._process_of(pod).step(pod, now)
        for uid in [uid for uid, one in self._pods.items() if one.is_gone or uid not in listed]:
            gone = self._pods.pop(uid)
            if not gone.is_gone:
                gone.end()

    def _process_of(self, pod: dict[str, Any]) -> PodProcess:
        uid = pod["metadata"]["uid"]
        if uid not in self._pods:
            tag = re.search(r":v?(\d+\.\d+)", pod["spec"]["containers"][0]["image"])
            version = tag[1] if tag and self._lab.has_pgbouncer(tag[1]) else self._version
            self._pods[uid] = PodProcess(self._lab, self._api, pod, f"{self._network}.{next(self._addresses)}", version)
        return self._pods[uid]

    def _bind(self, pod: dict[str, Any]) -> None:
        """There is no scheduler: every pod is for this node."""
        self._api.create(_path_of(pod) + "/binding", {
            "apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod["metadata"]["name"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": self.NAME}})

    def _keep_lease(self, now: float) -> None:
        """Without it, kube-controller-manager gives the node's pods up after 40 s."""
        if now - self._lease_at < LEASE_SECONDS:
            return
        self._api.patch(f"/api/v1/nodes/{self.NAME}/status", {"status": {"conditions": [
            {"type": "Ready", "status": "True", "lastHeartbeatTime": _now(), "lastTransitionTime": _now(), "reason": "LabNode"}]}})
        self._lease_at = now


class ServiceProxy:
    """Forwards TCP connections on a free loopback port to addresses that a function gives, in turn."""

    def __init__(self, addresses):
        self._addresses, self._turn = addresses, itertools.count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="service-proxy", daemon=True)
        self.address: tuple[str, int] = ("", 0)

    def __enter__(self) -> "ServiceProxy":
        self._thread.start()
        starting = asyncio.start_server(self._forward, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10)
        self.address = self._server.sockets[0].getsockname()
        return self

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            self._server.close()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        targets = await asyncio.get_running_loop().run_in_executor(None, self._addresses)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            if targets:
                to_reader, to_writer = await asyncio.open_connection(*targets[next(self._turn) % len(targets)])
                await asyncio.gather(self._copy(reader, to_writer), self._copy(to_reader, writer))
        writer.close()

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()
        finally:
            writer.close()
