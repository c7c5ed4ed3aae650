#!/usr/bin/env bash
# make_certificates.sh DIR: an authority, another one, and server certificates for 127.0.0.1 that are right or wrong in one way.
set -euo pipefail
cd "$1"

authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.crt" -days 2 \
    -subj "/CN=$1" -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

# server NAME AUTHORITY COMMON_NAME ALTERNATIVE_NAMES DAYS
server() {
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" \
    -subj "/CN=$3" 2>/dev/null
  local extensions=basicConstraints=CA:FALSE
  [ -z "$4" ] || extensions+=$'\nsubjectAltName='$4
  openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days "$5" -sha256 \
    -extfile <(printf '%s' "$extensions") -out "$1.crt" 2>/dev/null
}

authority ca
authority other-ca
server good ca anything IP:127.0.0.1 2
server by-name ca anything DNS:api.example.org 2
server common-name-only ca 127.0.0.1 '' 2
server common-name-and-other ca 127.0.0.1 DNS:other.example.org 2
server name-common-name-and-other ca localhost DNS:other.example.org 2
server partial-wildcard ca anything 'DNS:loc*' 2
server of-other-ca other-ca anything IP:127.0.0.1 2
server expired ca anything IP:127.0.0.1 -1
