#!/usr/bin/env bash
# Builds the Kubernetes programs of the lab into the folder OUT: the binary hyperkube, a link for each of its programs (the
# layout that KUBEBUILDER_ASSETS means), kwok (fake nodes) and the stages file that tells kwok how fast pods become ready.
# usage: build.sh OUT
set -euo pipefail
cd "$(dirname "$0")"
out=$1

# Without these the server calls itself v0.0.0-master+$Format, which kubectl and helm refuse to parse.
version_flags() {
  local version major minor package
  version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
  IFS=. read -r major minor _ <<<"${version#v}"
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    printf -- '-X %s.gitVersion=%s -X %s.gitMajor=%s -X %s.gitMinor=%s ' "$package" "$version" "$package" "$major" "$package" "$minor"
    printf -- '-X %s.gitCommit=%040d -X %s.gitTreeState=clean -X %s.buildDate=1970-01-01T00:00:00Z ' "$package" 0 "$package" "$package"
  done
}

build_programs() {
  CGO_ENABLED=0 go build -trimpath -ldflags="-s -w $(version_flags)" -o "$out/hyperkube" .
  CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o "$out/kwok" sigs.k8s.io/kwok/cmd/kwok
  local program
  for program in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do
    ln -sf hyperkube "$out/$program"
  done
}

# kwok's own stages, joined to one file.
write_kwok_stages() {
  local stages name
  stages=$(go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage
  for name in node/heartbeat-with-lease/node-heartbeat-with-lease node/fast/node-initialize \
    pod/fast/pod-ready pod/fast/pod-complete pod/fast/pod-delete; do
    cat "$stages/$name.yaml"
    printf '\n---\n'
  done >"$out/kwok-stages.yaml"
}

mkdir -p "$out"
build_programs
write_kwok_stages
