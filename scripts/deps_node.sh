# shellcheck shell=bash
# What a real Kubernetes node needs besides the Kubernetes programs: containerd, runc and the CNI plugins, unpacked from this
# machine's own Debian suite into the cache, and the images that run on it.

NODE_PACKAGES=(containerd runc containernetworking-plugins)

ensure_node() {
  local reason
  if reason=$(node_obstacle); then
    record_skip node "$reason"
    return 0
  fi
  [ -x "$CACHE/node/usr/bin/containerd" ] || unpack_node || { record_skip node "the packages ${NODE_PACKAGES[*]} cannot be had" && return 0; }
  ensure_node_images || return 0
  clear_skip node
}

# Why this machine cannot be a node, or failure.
node_obstacle() {
  local program
  [ "$(id -u)" = 0 ] || { echo "it needs root" && return 0; }
  [ "$(unshare --net --mount --pid --fork true 2>&1)" = "" ] || { echo "namespaces may not be made here" && return 0; }
  [ -w /sys/fs/cgroup/memory ] || [ -w /sys/fs/cgroup/cgroup.subtree_control ] || { echo "no writable cgroups" && return 0; }
  for program in nft ip nsenter gcc; do
    command -v "$program" >/dev/null || { echo "$program is not installed" && return 0; }
  done
  return 1
}

unpack_node() {
  say "deps: ${NODE_PACKAGES[*]} for a real node ..."
  rm -rf "$CACHE/node.new"
  logged node download_node "$CACHE/node.new" && mv "$CACHE/node.new" "$CACHE/node"
}

download_node() {
  local downloads package
  downloads=$(mktemp -d)
  # Readable for the user that apt downloads as.
  chmod 755 "$downloads"
  (cd "$downloads" && apt-get download "${NODE_PACKAGES[@]}") || { rm -rf "$downloads"; return 1; }
  for package in "$downloads"/*.deb; do dpkg-deb -x "$package" "$1"; done
  rm -rf "$downloads"
}

# The images but the operator's, which is made of the binary of the day.
ensure_node_images() {
  local dir version
  dir=$(node_images_dir)
  [ ! -e "$dir/complete" ] || return 0
  say "deps: images of PgBouncer ..."
  mkdir -p "$dir/pause"
  gcc -Os -static -s -o "$dir/pause/pause" "$SOURCE_DIR/tests/lab/pause.c" || { record_skip node "no static C library" && return 1; }
  echo '{"Entrypoint": ["/pause"], "User": "65535:65535"}' >"$dir/pause.json"
  python "$SOURCE_DIR/images/oci_archive.py" "$dir/pause" "$dir/pause.tar" docker.io/poolwright/pause:1 "$dir/pause.json"
  for version in "${PGBOUNCER_VERSIONS[@]}"; do
    logged "image-$version" "$SOURCE_DIR/images/build" pgbouncer "$version" "$dir/pgbouncer-$version.tar" ||
      { record_skip "image-pgbouncer-$version" "see $CACHE/logs/image-$version.log" && continue; }
    clear_skip "image-pgbouncer-$version"
  done
  touch "$dir/complete"
}
