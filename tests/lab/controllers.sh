# shellcheck shell=bash
# kube-controller-manager, kube-scheduler and kwok. kwok plays the kubelet of fake nodes: pods become ready at once, and run nothing.

start_controllers() {
  local pki=$STATE/pki config=$STATE/controller-manager.kubeconfig
  write_kubeconfig controller-manager system:kube-controller-manager
  # The default of 20 requests per second makes a rollout of a hundred Deployments take over a minute.
  start_part kube-controller-manager "$(kube_assets)/kube-controller-manager" --kubeconfig="$config" \
    --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" --leader-elect=false --secure-port=0 \
    --kube-api-qps=500 --kube-api-burst=1000 --concurrent-deployment-syncs=10 --concurrent-replicaset-syncs=10 \
    --use-service-account-credentials=true --service-account-private-key-file="$pki/service-accounts.key" --root-ca-file="$pki/ca.crt"
  await_controllers || die "kube-controller-manager did not start"
}

# Pods are refused in a namespace without this ServiceAccount.
await_controllers() {
  wait_for_part kube-controller-manager 60 lab_kubectl -n default get serviceaccount default
}

start_nodes() {
  start_scheduler
  start_kwok
  fake_nodes "$1" | lab_kubectl apply -f -
  lab_kubectl wait --for=condition=Ready node --all --timeout=60s || die "the fake nodes did not become ready, see $STATE/log/kwok.log"
}

start_scheduler() {
  local config=$STATE/scheduler.kubeconfig
  write_kubeconfig scheduler system:kube-scheduler
  cat >"$STATE/scheduler.yaml" <<YAML
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection: {leaderElect: false}
clientConnection: {kubeconfig: $config, qps: 500, burst: 1000}
YAML
  start_part kube-scheduler "$(kube_assets)/kube-scheduler" --config="$STATE/scheduler.yaml" --secure-port=0 \
    --authentication-kubeconfig="$config" --authorization-kubeconfig="$config"
}

start_kwok() {
  start_part kwok "$(kube_assets)/kwok" --kubeconfig="$STATE/admin.kubeconfig" --config="$(kube_assets)/kwok-stages.yaml" \
    --manage-all-nodes=false --manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake \
    --cidr=10.1.0.0/16 --node-ip=10.2.0.1 --node-lease-duration-seconds=40 --server-address="127.0.0.1:$(free_ports 1)"
}

fake_nodes() {
  local number
  for number in $(seq "$1"); do
    cat <<YAML
apiVersion: v1
kind: Node
metadata:
  name: fake-$number
  annotations: {kwok.x-k8s.io/node: fake}
  labels: {kubernetes.io/hostname: fake-$number, kubernetes.io/os: linux, kubernetes.io/arch: amd64}
status:
  allocatable: {cpu: "32", memory: 256Gi, pods: "500"}
  capacity: {cpu: "32", memory: 256Gi, pods: "500"}
---
YAML
  done
}

lab_kubectl() { "$(kube_assets)/kubectl" --kubeconfig "$STATE/admin.kubeconfig" "$@" >/dev/null 2>&1; }

stop_controllers() {
  stop_part kwok
  stop_part kube-scheduler
  stop_part kube-controller-manager
}
