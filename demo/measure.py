"""What all parts of the demo measure and claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import screen
from ending import go_on, pause
from lab import Lab
from load import (AS_FAST_AS_POSSIBLE, CONNECTIONS, INSTANCES, LIKE_AN_APPLICATION, Application, Backends, Outcome, Target,
                  milliseconds_to_connect)

POOL, SIZE = "orders", 25


class Stage(Protocol):
    """What a scene needs that compares the two ways to the database."""

    lab: Lab
    is_quick: bool

    def direct(self) -> Target: ...

    def pooled(self) -> Target: ...


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


failures: list[str] = []


def check(holds: bool, text: str) -> None:
    """The demo claims nothing that it did not see."""
    if holds:
        screen.done(text)
    else:
        failures.append(text)
        screen.say(f"NOT SO: {text}")
