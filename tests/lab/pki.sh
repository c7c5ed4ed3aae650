# shellcheck shell=bash
# One certificate authority per lab, and what it signs: the API server's certificate and one client certificate per user.

make_pki() {
  local pki=$STATE/pki
  mkdir -p "$pki"
  chmod 700 "$pki"
  make_key ca
  openssl req -x509 -new -key "$pki/ca.key" -subj /CN=lab-ca -days 365 -sha256 \
    -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature -out "$pki/ca.crt"
  make_key service-accounts
  openssl ec -in "$pki/service-accounts.key" -pubout -out "$pki/service-accounts.pub" 2>/dev/null
  sign apiserver /CN=kube-apiserver "DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1,IP:$LAB_ADDRESS"
  sign kubelet-client /CN=kube-apiserver-kubelet-client
}

make_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$STATE/pki/$1.key"; }

# sign NAME SUBJECT [ALTERNATIVE_NAMES]
sign() {
  local file=$STATE/pki/$1 extensions
  extensions=$'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=clientAuth,serverAuth\n'
  [ -n "${3:-}" ] && extensions+="subjectAltName=$3"
  make_key "$1"
  openssl req -new -key "$file.key" -subj "$2" |
    openssl x509 -req -CA "$STATE/pki/ca.crt" -CAkey "$STATE/pki/ca.key" -CAcreateserial -days 365 -sha256 \
      -extfile <(printf '%s' "$extensions") -out "$file.crt" 2>/dev/null
}

# write_kubeconfig NAME USER [GROUP...]: $STATE/NAME.kubeconfig, which acts as that user. Any user will do: as
# system:serviceaccount:NAMESPACE:NAME (group system:serviceaccounts) it has the rights of that ServiceAccount.
write_kubeconfig() {
  local name=$1 user=$2 subject=/CN=$2 group
  shift 2
  for group in "$@"; do subject="/O=$group$subject"; done
  sign "$name" "$subject"
  cat >"$STATE/$name.kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: lab
  cluster:
    server: https://127.0.0.1:$(get_env KUBE_PORT)
    certificate-authority-data: $(base64 -w0 "$STATE/pki/ca.crt")
users:
- name: $user
  user:
    client-certificate-data: $(base64 -w0 "$STATE/pki/$name.crt")
    client-key-data: $(base64 -w0 "$STATE/pki/$name.key")
contexts:
- name: lab
  context: {cluster: lab, user: "$user"}
current-context: lab
YAML
  chmod 600 "$STATE/$name.kubeconfig"
}
