#!/usr/bin/env bash
# Installs what the project needs: Debian packages into the system, everything else into the cache. Does only what is missing.
# usage: deps.sh [packages|pgbouncer|kube|helm|clients|node|monitoring]...     (default: all of them)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
. "$SOURCE_DIR/scripts/deps_pgbouncer.sh"
. "$SOURCE_DIR/scripts/deps_kube.sh"
. "$SOURCE_DIR/scripts/deps_helm.sh"
. "$SOURCE_DIR/scripts/deps_clients.sh"
. "$SOURCE_DIR/scripts/deps_node.sh"
. "$SOURCE_DIR/scripts/deps_monitoring.sh"

PACKAGES=(
  # to build
  cmake ninja-build g++ ccache lld libcpprest-dev libyaml-cpp-dev libpq-dev libspdlog-dev nlohmann-json3-dev libcli11-dev
  libboost-dev libboost-system-dev libboost-thread-dev libhiredis-dev libssl-dev zlib1g-dev libgtest-dev libgmock-dev libbenchmark-dev
  # to check: libFuzzer and its coverage come with libclang-rt
  clang clang-tidy clang-format libclang-rt-14-dev shellcheck
  # to run and to test against
  postgresql-15 pgbouncer redis-server redis-tools curl openssl jq ca-certificates python3-minimal python3-venv python3-yaml
  git util-linux lua5.1 mmdebstrap debian-archive-keyring
  # for a real node
  iproute2 nftables gcc libc6-dev
)

missing_packages() {
  comm -23 <(printf '%s\n' "${PACKAGES[@]}" | sort) \
    <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${PACKAGES[@]}" 2>/dev/null | sed -n 's/ installed$//p' | sort -u)
}

ensure_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  [ "${#missing[@]}" -gt 0 ] || return 0
  may_install || die "these packages are missing, and neither root nor sudo is here to install them:
  apt-get install ${missing[*]}"
  install_packages "${missing[@]}" || die "apt-get could not install them"
}

may_install() { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }

install_packages() {
  local root=()
  may_install || return 1
  [ "$(id -u)" = 0 ] || root=(sudo -n)
  say "deps: installing $# packages: $* ..."
  without_services "${root[@]}" -- "$@"
}

# without_services [ROOT_COMMAND...] -- PACKAGE...: the servers are wanted as programs. Debian's way to keep a package from
# starting its service is this policy file.
without_services() {
  local policy=/usr/sbin/policy-rc.d ours='' status=0 root=()
  while [ "$1" != -- ]; do root+=("$1") && shift; done
  shift
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
    "${root[@]}" chmod 755 "$policy"
    ours=yes
  fi
  logged apt-update "${root[@]}" apt-get update &&
    logged apt-install "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" || status=$?
  [ -z "$ours" ] || "${root[@]}" rm -f "$policy"
  return "$status"
}

main() {
  local part
  [ $# -gt 0 ] || set -- packages pgbouncer kube helm clients node monitoring
  mkdir -p "$CACHE"
  # Two work trees may share the cache: one of them installs, the other waits and finds it done.
  exec 9>"$CACHE/deps.lock"
  flock -n 9 || { say "deps: another run is installing, waiting for it ..." && flock 9; }
  for part in "$@"; do
    case $part in
      packages | pgbouncer | kube | helm | clients | node | monitoring) "ensure_$part" ;;
      *) die "deps: there is no '$part'; choose of packages, pgbouncer, kube, helm, clients, node, monitoring" ;;
    esac
  done
}
main "$@"
