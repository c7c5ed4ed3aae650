# shellcheck shell=bash
# Helm, built once from its Go module into the cache: the one that tests of the charts use, and `./dev release`.
. "$SOURCE_DIR/scripts/deps_kube.sh"

ensure_helm() {
  local helm go_dir
  helm=$(helm_program)
  [ ! -x "$helm" ] || return 0
  if ! go_dir=$(find_go); then
    record_skip helm "no Go $GO_SERIES: not on the path, and Debian sid's package cannot be had"
    return 0
  fi
  say "deps: building Helm $HELM_VERSION, about a minute the first time (log: $CACHE/logs/helm.log) ..."
  if ! PATH=$go_dir:$PATH logged helm build_helm "$(dirname "$helm")"; then
    record_skip helm "the build failed, see $CACHE/logs/helm.log"
    return 0
  fi
  clear_skip helm
}

# A chart's kubeVersion is compared with the version that the program says of itself when no server is asked.
build_helm() {
  local dir=$1 kube
  kube=$(cd "$HYPERKUBE_DIR" && go list -m -f '{{.Version}}' k8s.io/kubernetes) || return 1
  kube=${kube#v}
  mkdir -p "$dir"
  GOBIN=$dir CGO_ENABLED=0 nice -n 10 go install -trimpath -ldflags="-s -w \
    -X helm.sh/helm/v3/internal/version.version=v$HELM_VERSION \
    -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=${kube%%.*} \
    -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=$(cut -d. -f2 <<<"$kube")" "helm.sh/helm/v3/cmd/helm@v$HELM_VERSION"
}
