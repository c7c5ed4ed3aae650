# shellcheck shell=bash disable=SC2153  # STATE, the folder, is set by `node`
# The machine: network, containerd, kubelet, kube-proxy. What cannot be set apart by a namespace is set apart by name (cgroups), and
# what the kubelet would change for the whole machine (three kernel settings) it only changes in files of its own.

NODE_NAME=node1
POD_NETWORK=10.88.0.0/24
NODE_ROOT=$CACHE/node

machine_cgroup() { printf 'poolwright-%s' "$(network_pid)"; }
machine_socket() { printf '%s/containerd.sock' "$STATE"; }

make_network() {
  ip link set lo up
  ip link add node0 type bridge
  ip address add "$LAB_ADDRESS/24" dev node0
  ip link set node0 up
  # Only so that Service addresses have a route: the bridge has no ports.
  ip route add default dev node0
  echo 1 >/proc/sys/net/ipv4/ip_forward
}

sign_node() {
  sign kubelet "/O=system:nodes/CN=system:node:$NODE_NAME" "DNS:$NODE_NAME,IP:$LAB_ADDRESS,IP:127.0.0.1"
  write_kubeconfig kubelet-client-of-node "system:node:$NODE_NAME" system:nodes
  write_kubeconfig kube-proxy system:kube-proxy
  lab_kubectl create clusterrolebinding lab-kubelet-api --clusterrole=system:kubelet-api-admin --user=kube-apiserver-kubelet-client
}

start_machine() {
  mkdir -p "$STATE"/{cni,containerd,kubelet,kernel}
  write_cni
  write_containerd
  write_kubelet
  write_proxy
  make_cgroups
  start_part machine unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
    bash "$LAB_DIR/node_init.sh" "$STATE" "$(kube_assets)" "$NODE_ROOT" "$(node_images_dir)"
}

# Version 1 has one folder per controller, version 2 one for all.
cgroup_folders() {
  local folder
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    echo /sys/fs/cgroup
  else
    for folder in /sys/fs/cgroup/*/; do [ -e "$folder/cgroup.procs" ] && [ ! -L "${folder%/}" ] && printf '%s\n' "${folder%/}"; done
  fi
}

make_cgroups() {
  local folder own
  while read -r folder; do
    own=$folder/$(machine_cgroup)
    mkdir -p "$own" || continue
    [ ! -e "$folder/cpuset.cpus" ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || {
      cat "$folder/cpuset.cpus" >"$own/cpuset.cpus"
      cat "$folder/cpuset.mems" >"$own/cpuset.mems"
    }
  done < <(cgroup_folders)
}

remove_cgroups() {
  local folder
  while read -r folder; do
    [ ! -d "$folder/$(machine_cgroup)" ] || find "$folder/$(machine_cgroup)" -depth -type d -exec rmdir {} + 2>/dev/null
  done < <(cgroup_folders)
}
cgroups_are_gone() {
  local folder
  remove_cgroups || true
  while read -r folder; do [ ! -d "$folder/$(machine_cgroup)" ] || return 1; done < <(cgroup_folders)
}

write_cni() {
  cat >"$STATE/cni/10-lab.conflist" <<JSON
{"cniVersion": "1.0.0", "name": "lab", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$STATE/cni/addresses", "ranges": [[{"subnet": "$POD_NETWORK"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}}]}
JSON
}

# Without CAP_SYS_RESOURCE runc could not lower a container's OOM score: hence restrict_oom_score_adj.
write_containerd() {
  cat >"$STATE/containerd/config.toml" <<TOML
version = 2
root = "$STATE/containerd/root"
state = "/run/containerd"
[grpc]
  address = "$(machine_socket)"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/poolwright/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "$NODE_ROOT/usr/sbin/runc"
      SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$NODE_ROOT/usr/lib/cni"
    conf_dir = "$STATE/cni"
TOML
}

write_kubelet() {
  # A name server that refuses at once: the machine's own cannot be reached from here, and each look-up would wait.
  echo 'nameserver 127.0.0.1' >"$STATE/resolv.conf"
  cat >"$STATE/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $STATE/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $STATE/pki/kubelet.crt
tlsPrivateKeyFile: $STATE/pki/kubelet.key
containerRuntimeEndpoint: unix://$(machine_socket)
podLogsDir: $STATE/log/pods
cgroupDriver: cgroupfs
cgroupRoot: /$(machine_cgroup)
failCgroupV1: false
failSwapOn: false
localStorageCapacityIsolation: false
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
imageGCHighThresholdPercent: 100
kubeAPIQPS: 200
kubeAPIBurst: 400
healthzPort: 10248
resolvConf: $STATE/resolv.conf
YAML
}

write_proxy() {
  cat >"$STATE/kube-proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: $STATE/kube-proxy.kubeconfig}
clusterCIDR: $POD_NETWORK
hostnameOverride: $NODE_NAME
bindAddress: $LAB_ADDRESS
nodePortAddresses: [primary]
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
nftables: {syncPeriod: 30s, minSyncPeriod: 100ms}
YAML
}

# The namespaces' own ctr may be older or newer than what it talks to: the same version is in the same folder.
import_image() {
  part_is_running machine || die "there is no node in $STATE"
  "$NODE_ROOT/usr/bin/ctr" --address "$(machine_socket)" --namespace k8s.io images import "$(readlink -f "$1")"
}

await_machine() {
  wait_for_part machine 90 lab_kubectl get node "$NODE_NAME" || die "the node did not register, see $STATE/log"
  wait_for_part machine 90 lab_kubectl wait --for=condition=Ready "node/$NODE_NAME" --timeout=1s || die "the node did not become ready, see $STATE/log"
}

# `unshare` gets the KILL and takes pid 1 of the namespace with it, and so the kernel ends everything in there.
stop_machine() {
  [ -e "$STATE/run/network.pid" ] || return 0
  stop_part machine KILL
  wait_until 10 cgroups_are_gone || say "node: cgroups $(machine_cgroup) could not be removed" >&2
}
