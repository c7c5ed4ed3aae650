# shellcheck shell=bash
# Packages of a newer Debian suite, downloaded and unpacked without touching this machine's own apt configuration:
# apt gets a private one, with the host's own mirror and an empty list of installed packages. Needs no root.

SUITE_STATE=$CACHE/apt

# The mirror that this machine's main archive comes from, in whichever format its sources are written.
host_mirror() {
  local codename
  codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
  # shellcheck disable=SC2016  # these are apt's variables
  apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk -v codename="$codename" '$1 == "Debian" && $2 == codename && $3 == "main" {print $4; exit}'
}

# suite_apt SUITE PROGRAM ARGS...: apt-get or apt-cache with the private configuration.
suite_apt() {
  local state=$SUITE_STATE/$1 program=$2
  shift 2
  "$program" \
    -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
    -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=2 "$@"
}

suite_update() {
  local suite=$1 state=$SUITE_STATE/$1 mirror
  mirror=$(host_mirror)
  [ -n "$mirror" ] || { echo "no Debian mirror in this machine's apt sources" >&2; return 1; }
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  : >"$state/status"
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$suite" >"$state/sources.list"
  # Any error is fatal: by itself apt goes on with the old or empty lists after a failed download.
  suite_apt "$suite" apt-get update -o APT::Update::Error-Mode=any
}

# suite_unpack SUITE DIR PACKAGE...: afterwards the suite's package lists (30 MB) are gone.
suite_unpack() {
  local suite=$1 dir=$2 downloads package
  shift 2
  downloads=$(mktemp -d)
  (cd "$downloads" && suite_apt "$suite" apt-get download "$@") || { rm -rf "$downloads"; return 1; }
  mkdir -p "$dir"
  for package in "$downloads"/*.deb; do
    dpkg-deb -x "$package" "$dir"
  done
  rm -rf "$downloads" "$SUITE_STATE/${suite:?}"
}

# suite_libraries SUITE PACKAGE: the library packages that a program needs, theirs included. Dependencies on other programs
# (PgBouncer's on postgresql-common, say) are left out: only the binary is wanted.
suite_libraries() {
  local direct
  mapfile -t direct < <(suite_apt "$1" apt-cache depends --important "$2" | awk '$1 == "Depends:" && $2 ~ /^lib/ {print $2}')
  suite_apt "$1" apt-cache depends --important --recurse "${direct[@]}" | awk '/^lib/ {print $1}' | sort -u
}
