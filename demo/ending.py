"""How the demo ends: by itself or by Ctrl-C, and in both cases with nothing left behind.

It runs in a child process with a session of its own, so that Ctrl-C in the terminal does not hit the dozens of programs that it
started, each in whatever it was doing. The parent hands the wish to end over. The child does not drop what it is doing either: it looks
between two steps, and wherever it waits, whether it is to go on; then its `with` blocks take everything down again.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any, Callable

EXIT_INTERRUPTED = 130

_SLICE_SECONDS = 0.1

# A plain variable, not an Event: a signal handler that takes a lock may find it taken by the very code that it interrupted.
_is_asked = False


class Interrupted(Exception):
    """Somebody asked for the end."""


def go_on() -> None:
    """Raises Interrupted when it is time to end. To be called before each step."""
    if _is_asked:
        raise Interrupted


def pause(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    go_on()
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, _SLICE_SECONDS))
        go_on()


def wait_for(what: str, condition: Callable[[], Any], timeout: float = 60) -> Any:
    """The first true value of condition()."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {timeout:.0f} s still not: {what}")
        pause(0.02)
    return value


def run_in_own_session(body: Callable[[], None]) -> int:
    """Runs body() in a child, and returns the exit code: 0, 130 after Ctrl-C, 1 when it failed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _ask)
    parent = os.getpid()
    child = os.fork()
    if child:
        return _wait_for(child)
    os.setsid()
    # Lab has a handler of its own for TERM. Here it is ours that counts, so INT is what the parent sends.
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()
    try:
        body()
    except Interrupted:
        return EXIT_INTERRUPTED
    return 0


def _ask(*_: object) -> None:
    global _is_asked
    _is_asked = True


def _wait_for(child: int) -> int:
    """The child's exit code. Our own parent may be gone, too: `./dev demo` killed with its terminal."""
    parent, told = os.getppid(), False
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if not told and (_is_asked or os.getppid() != parent):
            told = True
            print("\nEnding: everything that was started is being stopped ...", file=sys.stderr, flush=True)
            os.kill(child, signal.SIGINT)
        time.sleep(0.05)


def _watch_parent(parent: int) -> None:
    """A parent that was killed cannot hand anything over."""
    while os.getppid() == parent:
        time.sleep(0.5)
    _ask()
