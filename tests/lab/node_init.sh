#!/usr/bin/env bash
# Process 1 of the node's PID namespace: starts containerd, imports the images, starts kubelet and kube-proxy, and ends with the first
# of them that ends. usage: node_init.sh STATE KUBE_ASSETS NODE_ROOT IMAGES
set -euo pipefail
STATE=$1 ASSETS=$2 NODE_ROOT=$3 IMAGES=$4
export PATH=$NODE_ROOT/usr/sbin:$NODE_ROOT/usr/bin:$ASSETS:/usr/sbin:/usr/bin:/sbin:/bin
unset KUBECONFIG
cd /

mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock
mount -t tmpfs -o mode=755 tmpfs /var/lib

# The kubelet sets these for the whole machine. Here it finds its own values already, in files of ours.
own_setting() {
  echo "$2" >"$STATE/kernel/$(basename "$1")"
  mount --bind "$STATE/kernel/$(basename "$1")" "/proc/sys/$1"
}
own_setting vm/overcommit_memory 1
own_setting kernel/panic 10
own_setting kernel/panic_on_oops 1

ctr() { command ctr --address "$STATE/containerd.sock" --namespace k8s.io "$@"; }

containerd --config "$STATE/containerd/config.toml" >"$STATE/log/containerd.log" 2>&1 &
until ctr version >/dev/null 2>&1; do sleep 0.05; done
for archive in "$IMAGES"/*.tar "$STATE/operator.tar"; do ctr images import "$archive"; done
kubelet --config="$STATE/kubelet.yaml" --kubeconfig="$STATE/kubelet-client-of-node.kubeconfig" --hostname-override=node1 \
  --node-ip=10.77.0.1 --root-dir="$STATE/kubelet" --cert-dir="$STATE/kubelet/pki" >"$STATE/log/kubelet.log" 2>&1 &
kube-proxy --config="$STATE/kube-proxy.yaml" >"$STATE/log/kube-proxy.log" 2>&1 &
wait -n
echo "a part of the node ended" >&2
exit 1
