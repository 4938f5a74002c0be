#!/usr/bin/env bash
# Builds the base image that every medianest image starts from, where it cannot be pulled: a minimal Debian, like
# Docker's debian:trixie-slim. Does nothing where the image exists already; safe to run twice.
#   scripts/base-image.sh [--yes] [TAG]     --yes: install mmdebstrap without asking
#   TAG: default $MEDIANEST_BASE_IMAGE, else debian:trixie-slim
set -euo pipefail
# The modes in the image are those of a usual system, not those of the shell that builds it.
umask 022

SUITE=trixie
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

yes=false tag=''
for arg in "$@"; do
  case $arg in
    --yes | -y) yes=true ;;
    -*) echo "usage: $0 [--yes] [TAG]" >&2; exit 2 ;;
    *) [ -z "$tag" ] || { echo "usage: $0 [--yes] [TAG]" >&2; exit 2; }; tag=$arg ;;
  esac
done
tag=${tag:-${MEDIANEST_BASE_IMAGE:-debian:$SUITE-slim}}

say() { printf '%s\n' "$*" >&2; }
fail() { say "Error: $1"; say "Fix: $2"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

docker version >/dev/null 2>&1 || fail "no Docker Engine answers here" "run scripts/setup-docker.sh, or start the engine"
if docker image inspect "$tag" >/dev/null 2>&1; then
  say "$tag exists: nothing to do"
  exit 0
fi

# shellcheck source=/dev/null
. /etc/os-release
if ! command -v mmdebstrap >/dev/null || ! [ -r "$KEYRING" ]; then
  case "${ID:-}" in
    debian | ubuntu) ;;
    *) fail "building the base image needs mmdebstrap and Debian's archive keyring, which ${PRETTY_NAME:-this system} does not have" "docker pull $tag, or load it from another machine (docker save, docker load)" ;;
  esac
  if ! $yes; then
    [ -t 0 ] || fail "mmdebstrap is missing, and there is no terminal to ask on" "run with --yes to install it from ${ID^}'s packages"
    read -r -p "Install mmdebstrap from ${ID^}'s packages? [y/N] " answer
    [[ $answer =~ ^[yY] ]] || fail "mmdebstrap was not installed" "install it yourself, or answer y"
  fi
  say "Installing mmdebstrap ..."
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap debian-archive-keyring >/dev/null
fi

# Only addresses that work from inside a container, and never one that carries a login: it would end up in the image.
# shellcheck disable=SC2016 # apt expands these, not the shell
host_mirror() {
  apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Origin: Debian' 2>/dev/null \
    | awk -v label="$1" '{uri = $1; sub(/^[^ ]+ /, "")} $0 == label && uri ~ /^https?:\/\/[^@]+$/ {sub(/\/$/, "", uri); print uri; exit}'
}
# Without a mirror of this host's own, mmdebstrap takes Debian's default ones, updates and security included.
sources=()
if [ "${ID:-}" = debian ]; then
  mirror=$(host_mirror Debian || true)
  security=$(host_mirror Debian-Security || true)
  if [ -n "$mirror" ]; then sources=("deb $mirror $SUITE main" "deb $mirror $SUITE-updates main"); fi
  if [ -n "$mirror" ] && [ -n "$security" ]; then sources+=("deb $security $SUITE-security main"); fi
fi

options=(--variant=minbase --include=ca-certificates --keyring="$KEYRING" --format=tar --aptopt='Acquire::Languages "none"')
for docs in doc groff info linda lintian locale man; do
  options+=(--dpkgopt="path-exclude=/usr/share/$docs/*")
done
options+=(--dpkgopt='path-include=/usr/share/doc/*/copyright')

run=(as_root mmdebstrap)
if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then run=(mmdebstrap --mode=unshare); fi

# To a file first: an interrupted pipe would be imported as half an image.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say "Building $tag from Debian's packages ..."
"${run[@]}" --quiet "${options[@]}" "$SUITE" - "${sources[@]}" </dev/null >"$work/root.tar" 2>"$work/log" || {
  tail -n 15 "$work/log" >&2
  fail "mmdebstrap could not build a $SUITE system" "check that the Debian mirror of this host answers and carries $SUITE"
}
docker import --change 'CMD ["bash"]' "$work/root.tar" "$tag" >/dev/null
say "$tag is ready: $(docker image inspect --format '{{.Size}}' "$tag" | awk '{printf "%d MB", $1 / 1000000}')"
