"""Differential test: the program's sizing and this reference must come to the same decisions.

Random traces (traces.py) and the recorded scenarios of the simulator go through both, record by record:

    python3 -m sizing_reference.compare --tool BUILD/tests/sizing_reference/sizing_decide --traces 2000 --seed 1

Sizes, states and flags must be equal, figures equal to nine digits. The seed of a failing trace is printed.
"""

import argparse
import json
import subprocess
import sys

from .sizer import Sizer
from .traces import Plant

SCENARIOS = ("steady", "diurnal", "burst10", "slow_lock", "slow_cpu", "leak", "db_sat", "osc40s", "two_pools", "small_db",
             "big_db")


class Tool:
    """The program's side: one record in, one line of decisions out; an empty line starts a new trace."""

    def __init__(self, path):
        self.running = subprocess.Popen([path, "decide"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def start_trace(self):
        self.running.stdin.write("\n")

    def decide(self, record):
        self.running.stdin.write(json.dumps(record) + "\n")
        self.running.stdin.flush()
        line = self.running.stdout.readline()
        if not line:
            raise SystemExit(f"the program gave no decision for {json.dumps(record)[:400]}")
        return json.loads(line)

    def close(self):
        self.running.stdin.close()
        if self.running.wait() != 0:
            raise SystemExit("the program failed")


def difference(ours, theirs, path="decision"):
    """Where two decisions differ; None if they do not."""
    if isinstance(ours, dict):
        if ours.keys() != theirs.keys():
            return f"{path}: keys {sorted(ours)} and {sorted(theirs)}"
        pairs = [(ours[key], theirs[key], f"{path}.{key}") for key in ours]
    elif isinstance(ours, list):
        if len(ours) != len(theirs):
            return f"{path}: {len(ours)} and {len(theirs)} entries"
        pairs = [(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(ours, theirs))]
    elif isinstance(ours, float) or isinstance(theirs, float):
        return None if abs(ours - theirs) <= 1e-9 * max(1.0, abs(ours)) else f"{path}: {ours} and {theirs}"
    else:
        return None if ours == theirs else f"{path}: {ours} and {theirs}"
    return next((found for found in (difference(*pair) for pair in pairs) if found), None)


def check(tool, sizer, record, where, seen):
    ours = sizer.decide(record)
    found = difference(ours, tool.decide(record))
    if found:
        raise SystemExit(f"{where}, time {record['time']}: reference and program differ: {found}")
    seen["decisions"] += len(ours["pools"])
    seen[ours["guard"]] = seen.get(ours["guard"], 0) + 1
    seen["budget exceeded"] = seen.get("budget exceeded", 0) + ours["budget_exceeded"]
    for pool, given in zip(ours["pools"], sorted(record["pools"], key=lambda pool: pool["id"])):
        seen["resizes"] = seen.get("resizes", 0) + (pool["size"] != given["size"])
        seen[pool["doubt"]] = seen.get(pool["doubt"], 0) + 1
    return ours


def run_random(tool, seed, seen):
    plant = Plant(seed)
    sizer = Sizer(plant.parameters)
    tool.start_trace()
    for _ in range(plant.rng.choice([20, 40, 90])):
        plant.apply(check(tool, sizer, plant.step(), f"random trace of seed {seed}", seen)["pools"])


def run_scenario(path, tool, name, seed, seen):
    recorded = subprocess.run([path, "record", name, str(seed)], stdout=subprocess.PIPE, text=True, check=True).stdout
    sizer = Sizer({})
    tool.start_trace()
    for line in recorded.splitlines():
        check(tool, sizer, json.loads(line), f"scenario {name}, seed {seed}", seen)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True, help="the program sizing_decide")
    parser.add_argument("--traces", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1, help="of the first random trace")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), help="names, or empty for none")
    options = parser.parse_args()

    tool, seen = Tool(options.tool), {"decisions": 0}
    for name in filter(None, options.scenarios.split(",")):
        run_scenario(options.tool, tool, name, 1, seen)
    for seed in range(options.seed, options.seed + options.traces):
        run_random(tool, seed, seen)
    tool.close()
    print(f"{options.traces} random traces and {options.scenarios or 'no scenario'}: the same decisions")
    print(", ".join(f"{key} {count}" for key, count in sorted(seen.items())))
    # A comparison that never came near a rule proves nothing about it.
    needed = ("testing", "saturated", "budget exceeded", "resizes", "pod missing", "no observation", "paused", "stalled")
    missing = [key for key in needed if options.traces >= 500 and not seen.get(key)]
    if missing:
        raise SystemExit(f"the traces never reached: {', '.join(missing)}")


if __name__ == "__main__":
    sys.exit(main())
