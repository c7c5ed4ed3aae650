# shellcheck shell=bash
# PgBouncer in the versions that the operator supports. Each becomes a folder $CACHE/pgbouncer/VERSION with an executable
# `pgbouncer` that takes PgBouncer's own arguments. The folder can be copied elsewhere.
. "$SOURCE_DIR/scripts/apt_suite.sh"

pgbouncer_suite() {
  case $1 in
    1.24) echo trixie ;;
    1.26) echo sid ;;
  esac
}

ensure_pgbouncer() {
  local version
  for version in "${PGBOUNCER_VERSIONS[@]}"; do
    [ -x "$CACHE/pgbouncer/$version/pgbouncer" ] && continue
    if [ "$version" = 1.18 ]; then
      use_host_pgbouncer "$version"
    else
      fetch_pgbouncer "$version" "$(pgbouncer_suite "$version")"
    fi
  done
}

# has_version VERSION COMMAND...: is what it runs really that version?
has_version() {
  local version=$1
  shift
  "$@" --version 2>&1 | grep -q "^PgBouncer ${version//./\\.}\."
}

# PgBouncer refuses to run as root, so a wrapper gives root's rights up first. (The postgres user cannot enter a cache below
# /root: tests/lab copies the folder to where it can.)
write_wrapper() {
  local dir=$1 command=$2
  cat >"$dir/pgbouncer" <<WRAPPER
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")
drop=
if [ "\$(id -u)" = 0 ]; then drop="setpriv --reuid=postgres --regid=postgres --init-groups"; fi
exec \$drop $command "\$@"
WRAPPER
  chmod 755 "$dir/pgbouncer"
}

use_host_pgbouncer() {
  local version=$1
  if ! has_version "$version" /usr/sbin/pgbouncer; then
    record_skip "pgbouncer-$version" "this machine's package has another version"
    return 0
  fi
  mkdir -p "$CACHE/pgbouncer/$version"
  write_wrapper "$CACHE/pgbouncer/$version" /usr/sbin/pgbouncer
  clear_skip "pgbouncer-$version"
}

fetch_pgbouncer() {
  local version=$1 suite=$2 work=$CACHE/pgbouncer/$1.new
  say "deps: PgBouncer $version from Debian $suite ..."
  rm -rf "$work"
  if ! logged "pgbouncer-$version" unpack_pgbouncer "$suite" "$work"; then
    record_skip "pgbouncer-$version" "Debian $suite cannot be reached"
    return 0
  fi
  if ! has_version "$version" "$work/lib/loader" --library-path "$work/lib" "$work/bin/pgbouncer"; then
    record_skip "pgbouncer-$version" "Debian $suite has another version by now"
    return 0
  fi
  mv "$work" "$CACHE/pgbouncer/$version"
  clear_skip "pgbouncer-$version"
}

# The binary's C library is newer than the host's, so it is started by the dynamic loader that belongs to it.
unpack_pgbouncer() {
  local suite=$1 dir=$2 root=$2/root libraries
  suite_update "$suite" || return 1
  mapfile -t libraries < <(suite_libraries "$suite" pgbouncer)
  suite_unpack "$suite" "$root" pgbouncer "${libraries[@]}" || return 1
  keep_what_runs "$root" "$dir" || return 1
  # shellcheck disable=SC2016  # $here is the wrapper's
  write_wrapper "$dir" '"$here"/lib/loader --library-path "$here/lib" --argv0 pgbouncer "$here/bin/pgbouncer"'
}

# From the unpacked packages (100 MB) only the binary, its loader and the libraries that the loader asks for (15 MB).
keep_what_runs() {
  local root=$1 dir=$2 loader search
  loader=$(find "$root" -name 'ld-linux-*.so.*' | head -n 1)
  search=$(find "$root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
  mkdir -p "$dir/bin" "$dir/lib"
  cp "$root/usr/sbin/pgbouncer" "$dir/bin/pgbouncer" || return 1
  cp -L "$loader" "$dir/lib/loader" || return 1
  "$loader" --library-path "$search" --list "$dir/bin/pgbouncer" | awk '$3 ~ /^\// {print $3}' | xargs cp -L -t "$dir/lib" || return 1
  rm -rf "$root"
}
