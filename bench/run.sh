#!/usr/bin/env bash
# The benchmarks, on real parts and with the release build. Without a name: all of them.
# usage: run.sh [NAME [ARGUMENTS]]
#   reconcile [--pools N] [--changes N]       from `apply` to all objects, requests, what a resync writes, how soon a change is live
#   live [--changes N]                        on a real Kubernetes node (root): how soon a change is live on all pods
#   console [CONSOLES] [SECONDS]              many consoles of PgBouncers, polled each second by one thread
#   rest [--pools N] [--seconds N]            the REST API with many pools, asked by wrk; and while it is attacked
#   utilization [--seconds N]                 utilization beside gauges, against pg_stat_activity at 50 Hz, under bursty load
#   resize [--seconds N] [--scenario NAME]    pools that find their size beside a static one, with pgbench
#   sizing [SCENARIOS] [POLICIES] [SEEDS]     sizing against simulated loads; its files go to build/bench-sizing
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
cd "$SOURCE_DIR"
BUILT=build/release/bench

# run_one NAME ARGUMENTS...
run_one() {
  local name=$1
  shift
  say "=== $name"
  case $name in
    reconcile) python bench/reconcile/reconcile_bench.py "$@" ;;
    live) python bench/live/live_bench.py "$@" ;;
    console) python bench/run_console.py "$BUILT/console/bench_console" "$@" ;;
    rest) python bench/rest/rest_bench.py "$BUILT/rest/bench_serve" "$@" ;;
    utilization) python bench/utilization/utilization_bench.py "$@" ;;
    resize) python bench/resize/resize_bench.py "$@" ;;
    sizing) "$BUILT/sizing/simulate_table" build/bench-sizing "$@" ;;
    *) die "bench: there is no '$name'; choose of reconcile, live, console, rest, utilization, resize, sizing" ;;
  esac
}

main() {
  local name
  if [ $# -gt 0 ]; then
    run_one "$@"
  else
    for name in reconcile live console rest utilization resize sizing; do run_one "$name"; done
  fi
}
main "$@"
