# shellcheck shell=bash
# What the tests of the page and of the metrics need besides the real parts: a browser, Prometheus with promtool, and wrk.
# Debian packages, each optional: a program that is there already, wherever it came from, is taken.
MONITORING_PROGRAMS=(chromium:chromium promtool:prometheus wrk:wrk node:nodejs)

ensure_monitoring() {
  local entry program package
  for entry in "${MONITORING_PROGRAMS[@]}"; do
    program=${entry%%:*} package=${entry#*:}
    if ! command -v "$program" >/dev/null && ! install_packages "$package"; then
      record_skip "$program" "the package $package cannot be installed"
      continue
    fi
    clear_skip "$program"
  done
}
