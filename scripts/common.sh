# shellcheck shell=bash
# Sourced by ./dev, the scripts beside this file and tests/lab: where things live, how to report, what was skipped.

SOURCE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${POOLWRIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/poolwright}
HYPERKUBE_DIR=$SOURCE_DIR/tests/lab/hyperkube
# shellcheck disable=SC2034  # read by the files that source this one
PGBOUNCER_VERSIONS=(1.18 1.24 1.26)

export POOLWRIGHT_CACHE=$CACHE
export CCACHE_DIR=${CCACHE_DIR:-$CACHE/ccache}

say() { printf '%s\n' "$*"; }

# unavailable WHAT: ends with the exit code that ctest and automake take for "skipped".
unavailable() {
  printf 'unavailable: %s\n' "$*" >&2
  exit 77
}

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# The first python3 of the path may be one without the packages that ./dev deps installed for Debian's.
python() {
  if python3 -c 'import yaml' 2>/dev/null; then python3 "$@"; else /usr/bin/python3 "$@"; fi
}

# logged NAME CMD...: runs a command whose output is of interest only when it fails.
logged() {
  local log=$CACHE/logs/$1.log
  shift
  mkdir -p "$CACHE/logs"
  "$@" >"$log" 2>&1 && return 0
  printf -- '--- the end of %s\n' "$log" >&2
  tail -n 30 "$log" >&2
  return 1
}

# An optional part that this machine cannot have is named with its reason, counted by ./dev test, and a failure when CI=true.
record_skip() {
  mkdir -p "$CACHE/skips"
  printf '%s\n' "$2" >"$CACHE/skips/$1"
  say "deps: $1 skipped: $2"
}
clear_skip() { rm -f "$CACHE/skips/$1"; }
list_skips() {
  local file
  for file in "$CACHE"/skips/*; do
    [ -e "$file" ] && printf '%s: %s\n' "$(basename "$file")" "$(cat "$file")"
  done
  return 0
}

# The cache key of files: changes when any of them does.
hash_of() { cat "$@" | sha256sum | cut -c1-16; }

# Where kube-apiserver, etcd and kubectl are: the user's own (the convention of controller-runtime's envtest), else our build.
kube_assets() {
  if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    printf '%s\n' "$KUBEBUILDER_ASSETS"
  else
    printf '%s/kube/%s\n' "$CACHE" "$(hash_of "$HYPERKUBE_DIR"/{go.mod,go.sum,main.go,build.sh})"
  fi
}

# Helm, in the version that tests and `./dev release` use.
HELM_VERSION=3.20.2
helm_program() { printf '%s/helm/%s/helm\n' "$CACHE" "$HELM_VERSION"; }

# Where the client programs of tests/clients find their libraries.
node_clients_dir() { printf '%s/clients/node-%s\n' "$CACHE" "$(hash_of "$SOURCE_DIR"/tests/clients/node/{package-lock.json,prisma.config.ts,prisma/schema.prisma})"; }
python_clients_dir() { printf '%s/clients/python-%s\n' "$CACHE" "$(hash_of "$SOURCE_DIR"/tests/clients/python/requirements.txt)"; }
jdbc_clients_dir() { printf '%s/clients/jdbc-%s\n' "$CACHE" "$(hash_of "$SOURCE_DIR"/tests/clients/jdbc/pom.xml)"; }

# A preset is one of CMakePresets.json; it is built in build/PRESET.
configure_preset() { logged "cmake-$1" cmake --preset "$1"; }
build_preset() { configure_preset "$1" && cmake --build --preset "$1"; }

# The tree's own files, below the current folder.
own_files() { find . \( -path ./build -o -path ./.git -o -name node_modules -o -name generated \) -prune -o -type f "$@" -print | sort; }
cpp_files() { own_files \( -name '*.h' -o -name '*.cpp' \); }

# The archives of the images that the lab's node runs.
node_images_dir() { printf '%s/images/%s\n' "$CACHE" "$(hash_of "$SOURCE_DIR"/images/{build,collect.sh,oci_archive.py,pgbouncer/config.json} "$SOURCE_DIR/tests/lab/pause.c")"; }
