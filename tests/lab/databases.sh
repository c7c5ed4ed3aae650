# shellcheck shell=bash
# PostgreSQL, PgBouncer and Redis, each private to the lab, on free loopback ports.

postgres_programs() {
  local folders=(/usr/lib/postgresql/*/bin)
  [ -x /usr/lib/postgresql/15/bin/postgres ] && folders=(/usr/lib/postgresql/15/bin)
  [ -x "${folders[-1]}/postgres" ] || die "PostgreSQL is not installed: run ./dev deps"
  printf '%s\n' "${folders[-1]}"
}

# create_postgres MAX_CONNECTIONS
create_postgres() {
  local data=$STATE/postgres port
  port=$(free_ports 1)
  (umask 077 && head -c 18 /dev/urandom | base64 | tr -d '/+\n' >"$STATE/postgres.password")
  mkdir -p "$data"
  chmod 700 "$data"
  chown "$(database_user)" "$data" "$STATE/postgres.password"
  (as_database_user "$(postgres_programs)/initdb" -D "$data" -U postgres --pwfile="$STATE/postgres.password" \
    -A scram-sha-256 -E UTF8 --locale=C --no-sync) >"$STATE/log/initdb.log" 2>&1 || die "initdb failed, see $STATE/log/initdb.log"
  cat >>"$data/postgresql.conf" <<CONF
listen_addresses = '$(printf '%s\n' 127.0.0.1 "$LAB_ADDRESS" | sort -u | paste -sd,)'
unix_socket_directories = ''
port = $port
max_connections = $1
shared_buffers = 16MB
max_wal_senders = 0
wal_level = minimal
# The data is thrown away with the lab: surviving a power cut would only cost time. (A crash of the server it does survive.)
fsync = off
full_page_writes = off
CONF
  # Pods and their network, where there are any.
  printf 'host all all samenet scram-sha-256\nhost all all 10.0.0.0/8 scram-sha-256\n' >>"$data/pg_hba.conf"
  set_env PGHOST "$LAB_ADDRESS"
  set_env PGPORT "$port"
  set_env PG_SUPERUSER postgres
  set_env PG_SUPERUSER_PASSWORD_FILE "$STATE/postgres.password"
}

start_postgres() { start_part postgres "$LAB" as-database-user "$(postgres_programs)/postgres" -D "$STATE/postgres"; }

await_postgres() { wait_for_part postgres 30 postgres_answers; }
postgres_answers() { "$(postgres_programs)/pg_isready" -q -h 127.0.0.1 -p "$(get_env PGPORT)"; }

# INT ends the sessions; TERM would wait for them.
stop_postgres() { stop_part postgres INT 15; }

# offer_pgbouncers: PGBOUNCER_1_24=path and so on, for each version that this machine has.
offer_pgbouncers() {
  local version
  for version in "${PGBOUNCER_VERSIONS[@]}"; do
    [ -x "$CACHE/pgbouncer/$version/pgbouncer" ] || continue
    set_env "PGBOUNCER_${version//./_}" "$(reachable_pgbouncer "$version")/pgbouncer"
  done
}

# The folder of a version, copied into the lab where the user that it runs as cannot enter the cache (below /root, usually).
reachable_pgbouncer() {
  local cached=$CACHE/pgbouncer/$1 copy=$STATE/pgbouncer/$1
  if (as_database_user test -x "$cached/pgbouncer"); then
    printf '%s\n' "$cached"
  else
    mkdir -p "$copy"
    cp -a "$cached/." "$copy/"
    printf '%s\n' "$copy"
  fi
}

# start_pgbouncer VERSION NAME INI: the file must be readable for the postgres user and must not daemonize.
start_pgbouncer() {
  local version=$1 name=pgbouncer-$2 ini=$3 program address port
  program=$(get_env "PGBOUNCER_${version//./_}")
  [ -n "$program" ] || unavailable "no PgBouncer $version in this lab$(list_skips | sed -n "s/^pgbouncer-$version:/ (skipped:/p" | sed 's/$/)/')"
  address=$(ini_setting "$ini" listen_addr)
  port=$(ini_setting "$ini" listen_port)
  start_part "$name" "$program" "$ini"
  if [ -n "$address" ]; then
    wait_for_part "$name" 10 is_listening "${address%%[, ]*}" "${port:-6432}"
  else
    wait_for_part "$name" 1 sleep 0.1
  fi
}

ini_setting() { sed -n "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*//p" "$1" | tail -n 1 | tr -d "'" | sed 's/^\*$/127.0.0.1/'; }

# QUIT ends every version at once; what TERM and INT mean changed with 1.23.
stop_pgbouncer() { stop_part "pgbouncer-$1" QUIT 5; }

stop_all_pgbouncers() {
  local file name
  for file in "$STATE"/run/pgbouncer-*.pid; do
    [ -e "$file" ] || continue
    name=$(basename "$file" .pid)
    stop_pgbouncer "${name#pgbouncer-}"
  done
}

start_redis() {
  [ -n "$(get_env REDIS_PORT)" ] || set_env REDIS_PORT "$(free_ports 1)"
  start_part redis redis-server --bind 127.0.0.1 --port "$(get_env REDIS_PORT)" --save '' --appendonly no --dir "$STATE"
  wait_for_part redis 10 is_listening 127.0.0.1 "$(get_env REDIS_PORT)"
}
stop_redis() { stop_part redis; }
