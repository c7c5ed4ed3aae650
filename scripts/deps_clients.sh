# shellcheck shell=bash
# The libraries of the client programs in tests/clients, from their registries into the cache. Each is optional.
CLIENTS_SOURCE=$SOURCE_DIR/tests/clients

ensure_clients() {
  ensure_client_library node "$(node_clients_dir)" install_node_clients npm
  ensure_client_library python "$(python_clients_dir)" install_python_clients python3
  ensure_client_library jdbc "$(jdbc_clients_dir)" install_jdbc_clients mvn
}

# ensure_client_library NAME DIR INSTALL PROGRAM
ensure_client_library() {
  local name=clients-$1 dir=$2 install=$3 program=$4
  [ -d "$dir" ] && return 0
  if ! command -v "$program" >/dev/null; then
    record_skip "$name" "$program is not installed"
    return 0
  fi
  say "deps: client libraries for $1 ..."
  rm -rf "$dir.new"
  mkdir -p "$dir.new"
  if ! logged "$name" "$install" "$dir.new" "$dir"; then
    record_skip "$name" "its registry cannot be reached, see $CACHE/logs/$name.log"
    return 0
  fi
  if [ -d "$dir" ]; then rm -rf "$dir.new"; else mv "$dir.new" "$dir"; fi
  clear_skip "$name"
}

# Install scripts are not run: Prisma's would download a native engine, which version 7 does not use to run queries. `generate`
# never runs it either; the variable only keeps the tool from looking for one.
install_node_clients() {
  local dir=$1
  cp -r "$CLIENTS_SOURCE"/node/. "$dir"
  cd "$dir" || return 1
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || return 1
  CHECKPOINT_DISABLE=1 PRISMA_HIDE_UPDATE_MESSAGE=1 PRISMA_SCHEMA_ENGINE_BINARY=/bin/true npx prisma generate
}

# A virtual environment holds its own path, so it is made where it stays.
install_python_clients() {
  local dir=$2
  python -m venv "$dir" && "$dir/bin/pip" install --quiet -r "$CLIENTS_SOURCE/python/requirements.txt" && return 0
  rm -rf "$dir"
  return 1
}

install_jdbc_clients() {
  local dir=$1
  mvn --batch-mode --quiet -f "$CLIENTS_SOURCE/jdbc/pom.xml" dependency:copy-dependencies -DoutputDirectory="$dir"
}
