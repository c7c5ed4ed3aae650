#!/usr/bin/env bash
# The root of an image: programs of a Debian root, the libraries that their loader asks for, and nothing else. No package manager,
# no shell but the one that is asked for. Used by the Dockerfiles (in a container) and by images/build (on unpacked packages).
# usage: collect.sh ROOT OUT PROGRAM...        a program is a path in ROOT, or SOURCE=TARGET for one that comes from elsewhere
set -euo pipefail

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# A root of unpacked packages has no maintainer scripts' links yet: /lib is /usr/lib in every Debian that counts.
make_folders() {
  local name
  mkdir -p "$OUT"/usr/{bin,sbin,lib,lib64} "$OUT"/{etc,run,var/run}
  install -d -m 1777 "$OUT/tmp"
  for name in bin sbin lib lib64; do ln -sfn "usr/$name" "$OUT/$name"; done
}

write_accounts() {
  printf 'root:x:0:0:root:/:/usr/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/usr/sbin/nologin\n' >"$OUT/etc/passwd"
  printf 'root:x:0:\nnonroot:x:65532:\n' >"$OUT/etc/group"
  printf 'hosts: files dns\npasswd: files\ngroup: files\n' >"$OUT/etc/nsswitch.conf"
}

find_loader() {
  local found
  found=$(find "$ROOT"/usr/lib "$ROOT"/usr/lib64 "$ROOT"/lib64 -maxdepth 2 -name 'ld-linux-*.so.*' 2>/dev/null | head -n 1)
  [ -n "$found" ] || die "$ROOT has no dynamic loader"
  printf '%s\n' "$found"
}

# The folders of ROOT that hold libraries. On / the loader knows them, and looking would take long.
library_path() {
  [ "$ROOT" != / ] || return 0
  find "$ROOT" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:
}

# add_program SOURCE TARGET: and the libraries, under the names that the loader asks for, in the one folder where it looks for all.
add_program() {
  local source=$1 target=$2 name path
  mkdir -p "$OUT$(dirname "$target")"
  cp -L "$source" "$OUT$target"
  chmod 755 "$OUT$target"
  while read -r name path; do
    [ -e "$OUT$LIBRARIES/$name" ] || cp -L "$path" "$OUT$LIBRARIES/$name"
  done < <("$LOADER" ${SEARCH:+--library-path "$SEARCH"} --list "$source" | awk '$2 == "=>" && $3 == "not" {exit 1} $2 == "=>" && $1 !~ /\/|^ld-linux/ {print $1, $3}' ||
    die "$source needs a library that is not there")
}

# The place of the loader is part of every program.
add_loader() {
  local wanted=/lib64/ld-linux-x86-64.so.2
  case $(basename "$LOADER") in ld-linux-aarch64.so.1) wanted=/lib/ld-linux-aarch64.so.1 ;; esac
  cp -L "$LOADER" "$OUT$wanted"
}

main() {
  local program
  [ $# -ge 3 ] || die "usage: collect.sh ROOT OUT PROGRAM..."
  ROOT=$1 OUT=$2
  shift 2
  LOADER=$(find_loader)
  LIBRARIES=/usr/lib/$(basename "$(find "${ROOT%/}/usr/lib" -maxdepth 1 -name '*-linux-gnu' | head -n 1)")
  SEARCH=$(library_path)
  make_folders
  mkdir -p "$OUT$LIBRARIES"
  write_accounts
  add_loader
  for program in "$@"; do
    case $program in
      *=*) add_program "${program%%=*}" "${program#*=}" ;;
      *) add_program "${ROOT%/}$program" "$program" ;;
    esac
  done
}
main "$@"
