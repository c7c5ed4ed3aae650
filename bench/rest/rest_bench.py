#!/usr/bin/env python3
"""How fast the REST API answers with many pools, and how others are served while somebody attacks it. Asked by wrk.

usage: rest_bench.py BENCH_SERVE [--pools N] [--seconds N] [--connections N]
  --pools N          that the web server tells of; the report is made anew each second (default 500)
  --seconds N        for each row (default 10)
  --connections N    that ask at the same time, each as often as it is answered (default 16)

Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/integration/serve"), str(ROOT / "bench")]

from figures import table  # noqa: E402
from fixture import API, TOKEN, Fixture  # noqa: E402

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
SLOW_SENDERS = 300
SOCKETS = 10_000
GIGABYTE = 1 << 30
# Each in one write; what follows the header is never read.
CHUNK_SIZE = b"POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"
BOTH_LENGTHS = b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
LARGE_BODY = f"POST /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {GIGABYTE}\r\n\r\n".encode()


def wrk(server: Fixture, path: str, seconds: int, connections: int) -> list[str]:
    """Requests per second, p50 and p99 in ms, answers other than 200."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", f"Authorization: Bearer {TOKEN}", server.url + path]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def latency(percent: int) -> str:
        value, unit = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.M).groups()
        return f"{float(value) * UNITS[unit]:.2f}"

    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    failed = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    lost = int(refused[1] if refused else 0) + sum(map(int, failed.groups() if failed else []))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    return [f"{rate:,.0f}", latency(50), latency(99), str(lost)]


# -- attacks: each goes on until `is_over` --


def slow_senders(port: int, is_over: threading.Event) -> str:
    held, closed = [], 0
    while not is_over.wait(1):
        while len(held) < SLOW_SENDERS:
            held.append(socket.create_connection(("127.0.0.1", port)))
            held[-1].sendall(b"GET / HTTP/1.1\r\n")
        alive = [connection for connection in held if can_send(connection, b"A: b\r\n")]
        closed += len(held) - len(alive)
        held = alive
    return f"{closed} were closed"


def can_send(connection: socket.socket, text: bytes) -> bool:
    with contextlib.suppress(OSError):
        connection.sendall(text)
        return True
    connection.close()
    return False


def many_sockets(port: int, is_over: threading.Event) -> str:
    held = []
    while not is_over.is_set() and len(held) < SOCKETS:
        with contextlib.suppress(OSError):
            held.append(socket.create_connection(("127.0.0.1", port), timeout=2))
    is_over.wait()
    return f"{len(held)} were opened"


def large_bodies(port: int, is_over: threading.Event) -> str:
    bodies, taken, block = 0, 0, b"x" * 65536
    while not is_over.is_set():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            bodies += 1
            connection.sendall(LARGE_BODY)
            sent = 0
            while sent < GIGABYTE and not is_over.is_set():
                sent += connection.send(block)
                taken += len(block)
    return f"{bodies} bodies, {taken / bodies / (1 << 20):.1f} MiB of each were taken"


def again_and_again(text: bytes) -> Callable[[int, threading.Event], str]:
    def attack(port: int, is_over: threading.Event) -> str:
        answers: dict[str, int] = {}
        while not is_over.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(text)
                status = connection.recv(200)[9:12].decode()
                answers[status] = answers.get(status, 0) + 1
        return ", ".join(f"{count} x {status or 'closed'}" for status, count in answers.items())
    return attack


ATTACKS: list[tuple[str, Callable[[int, threading.Event], str] | None]] = [
    ("nothing", None),
    (f"{SLOW_SENDERS} senders of one header line a second", slow_senders),
    (f"{SOCKETS:,} sockets that are opened and kept", many_sockets),
    ("bodies of 1 GiB, one after the other", large_bodies),
    ("chunk size -1, as fast as it is refused", again_and_again(CHUNK_SIZE)),
    ("length and chunks in one request, as fast as it is refused", again_and_again(BOTH_LENGTHS)),
]


@contextlib.contextmanager
def under(attack: Callable[[int, threading.Event], str] | None, port: int, said: list[str]) -> Iterator[None]:
    is_over = threading.Event()
    thread = threading.Thread(target=lambda: said.append(attack(port, is_over) if attack else ""))
    thread.start()
    time.sleep(2 if attack else 0)  # well under way
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def attack_rows(server: Fixture, seconds: int, connections: int) -> Iterator[list[str]]:
    for name, attack in ATTACKS:
        before, said = server.rss_kib(), []
        with under(attack, server.port, said):
            figures = wrk(server, f"{API}alerts?namespace=shop", seconds, connections)
            grown = server.rss_kib() - before
        assert server.process.poll() is None, "the process is gone"
        yield [name, *figures, f"{grown / 1024:+.1f}", *said]


def speed_rows(program: str, pools: int, seconds: int, connections: int) -> Iterator[list[str]]:
    for tls in ("off", "own"):
        with Fixture(program, pools=pools, tls=tls, past=3600) as server:
            for path in (f"{API}pool", f"{API}pool?namespace=shop", f"{API}health", f"{API}alerts", "/metrics"):
                size = len(server.get(path)[2])
                how = "TLS" if tls == "own" else "plain"
                yield [f"`{path.removeprefix(API)}`, {how}", f"{size / 1024:,.0f}", *wrk(server, path, seconds, connections)]


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast the REST API answers.")
    parser.add_argument("program")
    parser.add_argument("--pools", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=16)
    arguments = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("rest: wrk is not installed (./dev deps monitoring)")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * SOCKETS), hard))
    table(f"{arguments.pools} pools, {arguments.connections} connections",
          ["", "KiB", "requests/s", "p50 ms", "p99 ms", "not answered"],
          speed_rows(arguments.program, arguments.pools, arguments.seconds, arguments.connections))
    with Fixture(arguments.program, pools=arguments.pools) as server:
        table("How `alerts?namespace=shop` is answered meanwhile, plain",
              ["attack", "requests/s", "p50 ms", "p99 ms", "not answered", "memory, MiB", ""],
              attack_rows(server, arguments.seconds, arguments.connections))


if __name__ == "__main__":
    main()
