#!/usr/bin/env bash
# Puts the libraries of package-lock.json into the cache, if they are not there yet, and prints the folder that holds them.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
cd "$SOURCE_DIR/web"

dir=$CACHE/web/$(hash_of package.json package-lock.json)
if [ ! -d "$dir" ]; then
  command -v npm >/dev/null || die "npm is not installed"
  mkdir -p "$CACHE/web"
  # Two builds may share the cache: the second one waits, and finds it done.
  exec 9>"$CACHE/web/lock"
  flock 9
  if [ ! -d "$dir" ]; then
    rm -rf "$dir.new"
    mkdir -p "$dir.new"
    cp package.json package-lock.json "$dir.new"
    # Install scripts are not run: the browser that one of them would download is the system's.
    (cd "$dir.new" && logged web npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || die "npm could not install the libraries of the page"
    mv "$dir.new" "$dir"
  fi
fi
printf '%s\n' "$dir/node_modules"
