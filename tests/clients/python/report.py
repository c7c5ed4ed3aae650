"""What every Python program here does with its outcome: one JSON line, and an exit code that says the same."""

import json
import os
import sys

QUERY = "select pg_backend_pid(), current_user, current_database(), {parameter}::int + 2"


def url_from_environment() -> str:
    """The URL in the variable that the first argument names; the Secret's key for programs of all kinds is `uri`."""
    return os.environ[sys.argv[1] if len(sys.argv) > 1 else "uri"]


def check(first, second) -> dict:
    """Two rows of QUERY from one transaction."""
    if first[0] != second[0]:
        raise RuntimeError("the server changed inside the transaction")
    if first[3] != 42:
        raise RuntimeError(f"40 + 2 = {first[3]}")
    return {"user": first[1], "database": first[2], "server_pid": first[0]}


def report(client: str, attempt) -> None:
    try:
        outcome = {"ok": True, **attempt()}
    except Exception as error:  # whatever the driver raises is the outcome
        outcome = {"ok": False, "error": f"{type(error).__name__}: {error}"}
    print(json.dumps({"client": client, **outcome}))
    sys.exit(0 if outcome["ok"] else 1)
