# shellcheck shell=bash
# The Kubernetes programs of the lab: the user's own through KUBEBUILDER_ASSETS, else built once from Go modules into the cache.
. "$SOURCE_DIR/scripts/apt_suite.sh"

GO_SERIES=1.26

ensure_kube() {
  local assets program
  assets=$(kube_assets)
  if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    for program in etcd kube-apiserver kubectl; do
      [ -x "$assets/$program" ] || die "KUBEBUILDER_ASSETS=$assets has no $program: unset it to build the programs here"
    done
    clear_skip kubernetes
  elif [ ! -e "$assets/kwok-stages.yaml" ]; then
    build_kube "$assets"
  fi
}

build_kube() {
  local assets=$1 go_dir
  if ! go_dir=$(find_go); then
    record_skip kubernetes "no Go $GO_SERIES: not on the path, and Debian sid's package cannot be had"
    return 0
  fi
  say "deps: building Kubernetes parts, about 8 minutes the first time (log: $CACHE/logs/kubernetes.log) ..."
  rm -rf "$assets.new"
  if ! PATH=$go_dir:$PATH logged kubernetes nice -n 10 "$HYPERKUBE_DIR/build.sh" "$assets.new"; then
    record_skip kubernetes "the build failed, see $CACHE/logs/kubernetes.log"
    return 0
  fi
  mv "$assets.new" "$assets"
  clear_skip kubernetes
}

# Prints the folder of a new enough `go`.
find_go() {
  local private=$CACHE/go-$GO_SERIES
  if command -v go >/dev/null && is_new_enough "$(go env GOVERSION)"; then
    dirname "$(command -v go)"
    return 0
  fi
  if [ ! -x "$private/bin/go" ]; then
    logged go unpack_go "$private" || return 1
  fi
  printf '%s/bin\n' "$private"
}

is_new_enough() { printf 'go%s\n%s\n' "$GO_SERIES" "$1" | sort --check --version-sort 2>/dev/null; }

# Debian splits a Go tree over /usr/lib and /usr/share and joins it by links; here it is joined by copying.
unpack_go() {
  local private=$1 work=$1.new tree=usr/lib/go-$GO_SERIES share=usr/share/go-$GO_SERIES
  rm -rf "$work"
  suite_update sid || return 1
  suite_unpack sid "$work" "golang-$GO_SERIES-go" "golang-$GO_SERIES-src" || return 1
  find "$work/$tree" -type l -lname '*share/go*' -delete
  cp -a "$work/$share/." "$work/$tree/" || return 1
  mv "$work/$tree" "$private" && rm -rf "$work"
}
