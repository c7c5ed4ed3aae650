# shellcheck shell=bash
# etcd and kube-apiserver on loopback: a real API server with admission, RBAC, CEL and watches, but with nothing behind it. For
# Deployments that make pods, and pods that become ready, add controllers.sh. `node` sets LAB_ADDRESS, at which pods reach it too.
LAB_ADDRESS=${LAB_ADDRESS:-127.0.0.1}

start_control_plane() {
  local etcd_port peer_port api_port
  read -r etcd_port peer_port api_port <<<"$(free_ports 3)"
  set_env KUBE_PORT "$api_port"
  set_env KUBECONFIG "$STATE/admin.kubeconfig"
  set_env KUBECTL "$(kube_assets)/kubectl"
  make_pki
  write_kubeconfig admin lab-admin system:masters
  start_etcd "$etcd_port" "$peer_port"
  write_apiserver_arguments "$etcd_port" "$api_port"
  start_apiserver
}

# Another program may take a port between our asking for it and our using it: then all is started again, with new ports.
await_control_plane() {
  local attempt
  for attempt in 1 2 3; do
    await_apiserver && return 0
    stop_control_plane
    grep -qs 'address already in use' "$STATE/log/etcd.log" "$STATE/log/kube-apiserver.log" || break
    say "lab: a port was taken meanwhile; attempt $attempt" >&2
    rm -rf "$STATE/pki" "$STATE/etcd" "$STATE/log/etcd.log" "$STATE/log/kube-apiserver.log"
    start_control_plane
  done
  die "the control plane did not start"
}

start_etcd() {
  local client=http://127.0.0.1:$1 peer=http://127.0.0.1:$2
  start_part etcd "$(kube_assets)/etcd" --name lab --data-dir "$STATE/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls "$client" --advertise-client-urls "$client" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "lab=$peer"
}

# Kept in a file, one per line, so that a restarted API server is exactly the old one.
write_apiserver_arguments() {
  local pki=$STATE/pki issuer=https://kubernetes.default.svc.cluster.local
  {
    printf '%s\n' "--etcd-servers=http://127.0.0.1:$1" --advertise-address="$LAB_ADDRESS" "--secure-port=$2" \
      "--tls-cert-file=$pki/apiserver.crt" "--tls-private-key-file=$pki/apiserver.key" "--client-ca-file=$pki/ca.crt" \
      --authorization-mode=Node,RBAC --allow-privileged=true --service-cluster-ip-range=10.96.0.0/16 \
      "--service-account-issuer=$issuer" "--service-account-key-file=$pki/service-accounts.pub" \
      "--service-account-signing-key-file=$pki/service-accounts.key" \
      --kubelet-client-certificate="$pki/kubelet-client.crt" --kubelet-client-key="$pki/kubelet-client.key" \
      --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP
    if [ "$LAB_ADDRESS" = 127.0.0.1 ]; then
      # A loopback address cannot be published as an endpoint of the Service `kubernetes`.
      printf '%s\n' --bind-address=127.0.0.1 --endpoint-reconciler-type=none
    else
      printf '%s\n' --bind-address=0.0.0.0 --endpoint-reconciler-type=lease
    fi
    # Nobody makes a namespace's ServiceAccount without kube-controller-manager, and pods would be refused for its lack.
    [ -n "$WITH_CONTROLLERS" ] || printf '%s\n' --disable-admission-plugins=ServiceAccount
    [ -z "$WITH_AUDIT" ] || audit_arguments
  } >"$STATE/apiserver.arguments"
}

# One JSON line per answered request, written before the answer is sent: who, verb, resource, name, code. No bodies.
audit_arguments() {
  cat >"$STATE/audit-policy.yaml" <<'YAML'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
YAML
  set_env KUBE_AUDIT_LOG "$STATE/audit.log"
  printf '%s\n' "--audit-policy-file=$STATE/audit-policy.yaml" "--audit-log-path=$STATE/audit.log" --audit-log-mode=blocking-strict
}

start_apiserver() {
  local arguments
  mapfile -t arguments <"$STATE/apiserver.arguments"
  start_part kube-apiserver "$(kube_assets)/kube-apiserver" "${arguments[@]}"
}

apiserver_says_ready() {
  [ "$(curl -s --max-time 2 --cacert "$STATE/pki/ca.crt" "https://127.0.0.1:$(get_env KUBE_PORT)/readyz")" = ok ]
}

# An API server whose own etcd is dead would use whatever listens on that port: so etcd is asked for, too.
await_apiserver() { wait_for_part kube-apiserver 60 apiserver_says_ready && part_is_running etcd; }

stop_control_plane() {
  stop_part kube-apiserver TERM 15
  stop_part etcd
}
