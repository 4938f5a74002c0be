#!/usr/bin/env bash
# Sourced by quickstart.sh and test.sh: Node.js, packages, build, Docker and the base image, each only where missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*" >&2; }
fail() { say "Error: $1"; say "Fix: $2"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

prepare_node() {
  command -v node >/dev/null || fail "Node.js is not installed" "install Node.js 20.11 or newer with npm (https://nodejs.org)"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 11) ? 0 : 1)' \
    || fail "Node.js is $(node --version); medianest needs 20.11 or newer" "upgrade Node.js"
  # The lock file beside the installed packages tells whether they are the wanted ones.
  if ! cmp -s package-lock.json node_modules/.medianest-lock; then
    say "Installing packages ..."
    # Not `npm ci`: it refuses a lock file without the binaries of every other platform, which not every registry has.
    npm install --no-save --no-audit --no-fund --loglevel=error >&2
    cp package-lock.json node_modules/.medianest-lock
  fi
  say "Building ..."
  npm run --silent build >&2
}

prepare_engine() { # [--yes]
  scripts/setup-docker.sh "$@"
  prepare_base "$@"
}

prepare_base() { # [--yes]
  local base=${MEDIANEST_BASE_IMAGE:-debian:trixie-slim}
  docker image inspect "$base" >/dev/null 2>&1 || docker pull --quiet "$base" >/dev/null 2>&1 || scripts/base-image.sh "$@"
}
