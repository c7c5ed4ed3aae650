#!/usr/bin/env bash
# Everything that CI runs. Each stage adds its outcomes to one file, from which the last line is counted.
# usage: test.sh [unit|threads|fuzz|e2e|lint|tidy|extra|node]...     (default: all but the last two; `all` for every one)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
. "$SOURCE_DIR/scripts/lint.sh"
cd "$SOURCE_DIR"

RESULTS_DIR=$SOURCE_DIR/build/test-results
OUTCOMES=$RESULTS_DIR/outcomes.tsv # pass|fail|skip, name, reason
JOBS=$(nproc)

outcome() { printf '%s\t%s\t%s\n' "$1" "$2" "${3:-}" >>"$OUTCOMES"; }

# check NAME COMMAND...: one outcome, from the exit code.
check() {
  local name=$1
  shift
  if "$@"; then outcome pass "$name"; else outcome fail "$name" "see its output above"; fi
}

# A sanitizer's finding ends the program, and says where.
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}

# For the stages that run real parts: then the parts that this machine cannot have are skips of this run.
NEEDS_PARTS=''
install_all() {
  NEEDS_PARTS=yes
  scripts/deps.sh
}

stage_unit() {
  install_all
  build_preset asan || { outcome fail "build asan" "it does not compile" && return; }
  run_ctest asan -LE fuzz
}

# Only the programs with the label are built: compiling all others for ThreadSanitizer would double the time of CI.
stage_threads() { build_and_run_label tsan threads; }
stage_fuzz() { build_and_run_label fuzz fuzz; }

build_and_run_label() {
  local preset=$1 label=$2 programs
  install_all
  configure_preset "$preset" || { outcome fail "configure $preset" && return; }
  # A test is named like its program's target.
  mapfile -t programs < <(ctest --test-dir "build/$preset" -L "^$label\$" --show-only=json-v1 | jq -r '.tests[].name')
  [ "${#programs[@]}" -gt 0 ] || { outcome fail "$label" "no test has this label" && return; }
  cmake --build "build/$preset" --target "${programs[@]}" || { outcome fail "build $preset" "it does not compile" && return; }
  run_ctest "$preset" -L "^$label\$"
}

# run_ctest PRESET CTEST_ARGUMENTS...
run_ctest() {
  local preset=$1 results=$RESULTS_DIR/$1 fixed_addresses=()
  shift
  rm -rf "$results"
  mkdir -p "$results"
  # The address randomization of new kernels can leave ThreadSanitizer no room for its shadow memory: without it where we may.
  ! setarch -R true 2>/dev/null || fixed_addresses=(setarch -R)
  GTEST_OUTPUT="xml:$results/gtest/" "${fixed_addresses[@]}" ctest --test-dir "build/$preset" --output-on-failure -j "$JOBS" \
    --output-junit "$results/junit.xml" "$@" || true
  python scripts/count_ctest.py "$results/junit.xml" "$results/gtest" >>"$OUTCOMES"
}

# The tests that mean nothing with sanitizers (label `plain`): bounds of memory, and a comparison that would take too long.
PLAIN_PROGRAMS=(serve_fixture sizing_decide)

run_plain_tests() {
  cmake --build --preset dev --target "${PLAIN_PROGRAMS[@]}" || { outcome fail "build plain tests" "they do not compile" && return; }
  run_ctest dev -L '^plain$'
}

build_operator() { configure_preset dev && cmake --build --preset dev --target poolwright; }

stage_e2e() {
  install_all
  build_operator || { outcome fail "build dev" "it does not compile" && return; }
  run_plain_tests
  run_python_tests tests/lab/*_test.py tests/clients/*_test.py \
    tests/e2e/{commands,cli,crd,pool,pause,drift,serving,clients,recovery,quiet,docs,local,compose,record,leaks,server_move,promotion}_test.py \
    tests/e2e/monitoring_{rules,prometheus,page}_test.py tests/chart/*_test.py
}

# What takes longest: the sizing under load, all alerts of the running operator, its page, the demo.
stage_extra() {
  install_all
  build_operator || { outcome fail "build dev" "it does not compile" && return; }
  run_python_tests tests/e2e/{demo,operations,operations_versions,sizing,moves}_test.py tests/e2e/monitoring_{operator,live_page}_test.py
}

# On a real Kubernetes node, where the machine may be one.
stage_node() {
  install_all
  build_operator || { outcome fail "build dev" "it does not compile" && return; }
  run_python_tests tests/e2e/{node,chart_node}_test.py
}

run_python_tests() {
  local file
  for file in "$@"; do
    [ -e "$file" ] || continue
    say "--- $file"
    POOLWRIGHT_BINARY=$SOURCE_DIR/build/dev/operator/poolwright PYTHONPATH=tests/lab:tests/clients:tests/e2e:tests/chart \
      python scripts/run_unittest.py "$file" "$OUTCOMES" || true
  done
}

stage_lint() {
  scripts/deps.sh packages
  check "clang-format" lint_format
  check "shellcheck" lint_shell
  check "docs/reference.md is current" lint_reference
  run_python_tests tests/lint/*_test.py
}

# Minutes on two cores while nothing is in the cache.
stage_tidy() {
  scripts/deps.sh packages
  configure_preset dev || { outcome fail "configure dev" && return; }
  check "every header compiles alone" lint_headers
  check "clang-tidy" lint_tidy
  # What `./dev demo` and `./dev bench` build: with optimization gcc warns of more.
  check "the release build and the benchmarks compile" build_preset release
}

count() { awk -F '\t' -v kind="$1" '$1 == kind {n++} END {print n + 0}' "$OUTCOMES"; }

# What is not as it should be, by name; then the line that CI reads.
summary() {
  local passed failed skipped
  passed=$(count pass) failed=$(count fail) skipped=$(count skip)
  awk -F '\t' '$1 == "fail" || $1 == "skip" {printf "%s: %s%s\n", $1 == "fail" ? "FAILED" : "skipped", $2, $3 == "" ? "" : ": " $3}' "$OUTCOMES"
  say "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" = 0 ] && { [ "$skipped" = 0 ] || [ "${CI:-}" != true ]; }
}

record_missing_parts() {
  local part reason
  while IFS=: read -r part reason; do outcome skip "$part" "${reason# }"; done < <(list_skips)
}

main() {
  local stage
  [ $# -gt 0 ] || set -- lint unit threads fuzz e2e tidy
  [ "$*" != all ] || set -- lint unit threads fuzz e2e tidy extra node
  for stage in "$@"; do
    declare -F "stage_$stage" >/dev/null || die "test: no stage '$stage'; choose of unit, e2e, lint, node, extra, threads, fuzz, tidy, or all"
  done
  mkdir -p "$RESULTS_DIR"
  : >"$OUTCOMES"
  for stage in "$@"; do
    say "=== $stage"
    "stage_$stage"
  done
  [ -z "$NEEDS_PARTS" ] || record_missing_parts
  summary
}
main "$@"
